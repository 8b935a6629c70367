"""The rules of `check` over one notebook: code -> function over what was read once. Its docstring describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from nbpromote.model import Finding
from nbpromote.notebook.rules import code, leaks, outputs, pairs, parameters, secrets, tracking
from nbpromote.notebook.rules.subject import Subject

Rule = Callable[[Subject], Iterator[Finding]]

RULES: Mapping[str, Rule] = {
    "NBP101": pairs.sides_disagree,
    "NBP102": pairs.conflict_markers,
    "NBP103": pairs.no_notebook,
    "NBP104": pairs.no_ids,
    "NBP105": pairs.taken_ids,
    "NBP106": pairs.lost_characters,
    "NBP201": parameters.no_literal,
    "NBP202": parameters.two_cells,
    "NBP203": parameters.assigned_again,
    "NBP204": parameters.unused,
    "NBP205": parameters.reserved,
    "NBP206": parameters.unknown_type,
    "NBP207": parameters.unfit_default,
    "NBP208": parameters.shadows,
    "NBP301": leaks.absolute_path,
    "NBP302": leaks.address,
    "NBP303": leaks.names_an_environment,
    "NBP304": leaks.stored_output,
    "NBP305": tracking.sets_tracking,
    "NBP401": secrets.in_code,
    "NBP402": secrets.in_outputs,
    "NBP403": secrets.in_metadata,
    "NBP501": code.no_python,
    "NBP502": code.not_in_the_lock,
    "NBP503": code.not_tracked,
    "NBP504": code.ends_itself,
    "NBP505": code.asks_a_person,
    "NBP506": code.unseen_failure,
    "NBP601": outputs.nothing_stored,
    "NBP602": outputs.not_the_accepted,
    "NBP603": outputs.out_of_order,
    "NBP604": outputs.mistagged,
}

# told, and no reason to fail: what may be meant so, or what a run asks about anyway
WARNINGS = frozenset(("NBP104", "NBP206", "NBP208", "NBP601", "NBP603"))
