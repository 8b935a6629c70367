"""What the texts of one notebook's values may ask for, and their filling in, one through the other."""

from __future__ import annotations

from collections.abc import Mapping

from nbpromote.errors import nearest
from nbpromote.model import Json, Schema
from nbpromote.params import interpolation
from nbpromote.params.tree import Value

_DEEP = 16


class Scope:
    """The names that a text may ask for: what the files and the command line give, else the cell's defaults.

    Inputs and outputs are made of parameters and cannot be asked for.
    """

    def __init__(
        self,
        place: str,
        schema: Schema,
        *,
        given: Mapping[str, Value],
        typed: Mapping[str, Json],
        paths: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        """`given` by the files, `typed` on the command line; `paths` says which are an input or an output."""
        self._place, self._given, self._paths = place, given, paths
        defaults = {parameter.name: parameter.default for parameter in schema.parameters}
        broken = {name: "" for name, value in self._given.items() if value.broken}
        self._done: dict[str, Json] = {
            **{name: default for name, default in defaults.items() if name not in self._given},
            **broken,  # told already
            **typed,
        }
        self._typed = typed.keys()
        self._made_of: dict[str, tuple[str, ...]] = {}
        self._open: list[str] = []
        self._filler = interpolation.Filler(self._ask, variables)

    def value(self, name: str) -> Json:
        """A name's value with its texts filled in. Raises `Fault`."""
        if name not in self._done:
            self._open.append(name)
            try:
                self._done[name] = self._filler.fill(self._given[name].value)
            finally:
                self._open.pop()
        return self._done[name]

    def variables(self, name: str) -> tuple[str, ...]:
        """The environment variables that a name's filled-in value is made of, by way of others too."""
        if name not in self._given or name in self._typed:
            return ()
        if name not in self._made_of:
            self._made_of[name] = ()  # of a circle, which was told
            value = self._given[name].value
            others = (found for other in interpolation.names(value) for found in self.variables(other))
            self._made_of[name] = tuple(dict.fromkeys([*interpolation.variables(value), *others]))
        return self._made_of[name]

    def _ask(self, name: str) -> Json:
        if name in self._paths:
            raise interpolation.Fault(f"asks for {{{name}}}, which is an {self._paths[name]}")
        if name in self._open:
            circle = [*self._open[self._open.index(name) :], name]
            raise interpolation.Circle(f"goes in a circle: {' -> '.join(circle)}")
        if name in self._done:
            return self._done[name]
        if name not in self._given:
            close = nearest(name, {*self._done, *self._given} - {*self._paths})
            raise interpolation.Fault(f"asks for {{{name}}}, which nothing gives in {self._place}{close}")
        if len(self._open) > _DEEP:
            raise interpolation.Fault(f"asks through more than {_DEEP} other parameters")
        return self._through(name)

    def _through(self, name: str) -> Json:
        given = self._given[name].value
        if isinstance(given, list | dict):  # cannot be put into text, so need not be filled in
            return given
        try:
            return self.value(name)
        except interpolation.Circle:
            raise
        except interpolation.Fault as fault:
            raise type(fault)(f"asks for {{{name}}}, which {fault}") from None
