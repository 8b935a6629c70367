"""Records as a project would leave them, for what is shown of them; and a notebook that means harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from nbformat import v4, writes

from nbpromote import gate, report
from nbpromote.model import (
    Cell,
    CellChange,
    Check,
    Code,
    Column,
    Comparison,
    Contest,
    Deployment,
    Ending,
    Event,
    Evidence,
    File,
    Gate,
    Likeness,
    Machine,
    Mode,
    Model,
    Outcome,
    Profile,
    Run,
    Schema,
    Scrap,
    Shown,
    Side,
    ValueChange,
    sha256,
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = f"data:image/png;base64,{PIXEL}"
RELEASE, OLDER, CODE = sha256(b"release"), sha256(b"older"), sha256(b"code")


def run() -> Run:
    return Run(
        id="20261122T191005-7f3a91",
        notebook="train_delay",
        environment="staging",
        code=Code(digest=CODE, schema=Schema()),
        folder=Path("/project/.nbpromote/runs/20261122T191005-7f3a91"),
        started="2026-11-22T19:10:05.000Z",
        ended="2026-11-22T19:10:09.000Z",
        seconds=3.93,
        actor="Ada <ada@example.org>",
        commit=sha256(b"commit"),
        cells=(
            Cell(number=1, id="aaaa", ending=Ending.OK, seconds=0.004),
            Cell(number=2, id="bbbb", ending=Ending.OK, seconds=1.9),
        ),
        path="notebooks/train_delay.ipynb",
        parameters={"months": [1, 2, 3], "sample": 0.05},
        inputs={"flights": "/data/staging/flights.parquet"},
        outputs={"residuals": "/data/staging/residuals.parquet"},
        withheld=("AWS_SECRET_ACCESS_KEY",),
        notes=("set_experiment('scratch') was redirected",),
    )


def good() -> Evidence:
    return Evidence(
        run=run(),
        checks=(
            Check(name="ran-to-the-end", outcome=Outcome.PASSED, summary="2 of 2 cells ran", count=2),
            Check(name="outputs-match", outcome=Outcome.SKIPPED, summary="no baseline"),
        ),
        metrics={"rows_in": 9104, "mae": 12.874, "r2": 0.812},
        model=Model(uri="models:/m-1", files={"MLmodel": CODE}, name="staging.train_delay", version="3"),
        scraps=(
            Scrap(name="by_month", kind="table", value=[{"month": 1, "mae": 12.1}, {"month": 2, "mae": None}]),
            Scrap(name="residuals", kind="figure", cell=2),
        ),
    )


def bad() -> Evidence:
    """A cell raised, with the colours that IPython gives to tracebacks."""
    failing = Cell(number=3, id="cccc", ending=Ending.ERROR, error="KeyError", message="\x1b[31m'arrival'\x1b[0m")
    check = Check(
        name="ran-to-the-end",
        outcome=Outcome.FAILED,
        summary="cell 3 of 3 raised KeyError",
        details=("Traceback:\n  \x1b[31mKeyError\x1b[0m",),
    )
    return replace(good(), run=replace(run(), cells=(*run().cells, failing)), checks=(check,))


def live() -> Deployment:
    return Deployment(
        notebook="train_delay",
        environment="staging",
        release=OLDER,
        alias="calm-heron",
        code=CODE,
        run="20261120T080000-aaaaaa",
        evidence=sha256(b"evidence"),
        tracking_uri="sqlite:///staging.db",
        settings="",
        parameters={"months": [1, 2], "sample": 0.05},
        inputs={"flights": "/data/staging/flights.parquet"},
        outputs={"residuals": "/data/staging/residuals.parquet"},
        metrics={"rows_in": 8800, "mae": 13.31, "r2": 0.796},
        model=Model(uri="m", files={"MLmodel": OLDER}, name="staging.train_delay", version="2"),
        since="2026-11-20T08:00:00.000Z",
        state="verified",
    )


GATES = (
    Gate(metric="mae", max=12, where="params/staging.policy.yaml:6"),
    Gate(metric="mae", versus="live", max_relative_increase=0.02, where="params/staging.policy.yaml:7"),
    Gate(metric="r2", min=0.9, mode=Mode.WARN, where="params/staging.policy.yaml:8"),
)


def executed(*outputs: object, source: str = "1 + 1", text: str = "# Title") -> str:
    cells = [v4.new_markdown_cell(text), v4.new_code_cell(source, outputs=list(outputs))]
    return writes(v4.new_notebook(cells=cells))


def figure() -> Any:
    return v4.new_output("display_data", {"image/png": PIXEL}, metadata={"scrapbook": {"name": "residuals"}})


# -- what reports are about ----------------------------------------------------------------------------------


def passing() -> report.Subject:
    """A run of which nothing is wrong, with nothing live to compare with."""
    return report.Subject(evidence=good(), executed=executed(figure()))


def failing() -> report.Subject:
    return report.Subject(evidence=bad(), executed=executed())


def refused() -> report.Subject:
    """A promotion that the gates kept out, with all that can be told of one."""
    rival = report.Rival.of_live(live(), replace(good(), run=replace(run(), profiles={"flights": Profile(rows=8800)})))
    evidence = replace(good(), run=_rich(run()), contests=_contests())
    decision = gate.decide(evidence, GATES, live=live(), environment="staging")
    return report.Subject(
        evidence=evidence,
        executed=executed(figure()),
        kind=report.Kind.PROMOTION,
        name="brisk-otter",
        rival=rival,
        decision=decision,
        comparison=compared(),
        attempt=(_event("refused", "mae is 12.874, above the limit of 12"),),
    )


def different() -> report.Subject:
    return replace(refused(), kind=report.Kind.DIFF, decision=None, attempt=())


def _rich(run: Run) -> Run:
    column = Column(name="carrier", kind="string", nulls=910, constant=True)
    flights = File(
        path="/data/staging/flights.parquet", size=9_000_000, sha256=CODE, modified="2026-11-22T19:00:00.000Z"
    )
    return replace(
        run,
        machine=Machine(system="Linux 6.8.0 x86_64", python="3.11.9", cores=2),
        origins={"months": "params/staging.yaml:4"},
        packages={"numpy": "2.4.1"},
        files={"flights": flights},
        profiles={"flights": Profile(rows=9104, columns=(column,))},
    )


def _contests() -> tuple[Contest, ...]:
    whole = Contest(
        metric="mae", on="holdout", rows=1000, candidate=12.9, live=13.3, low=-0.9, high=0.1, confidence=0.95
    )
    return (whole, replace(whole, by="carrier", of="UA"), replace(whole, by="carrier", of="EV", candidate=16.1))


def _event(step: str, reason: str) -> Event:
    return Event(
        id="e1",
        at="2026-11-22T19:11:00.000Z",
        actor="Ada",
        verb="promote",
        step=step,
        environment="staging",
        notebooks=("train_delay",),
        attempt="a1",
        releases=(RELEASE,),
        aliases=("brisk-otter",),
        reason=reason,
    )


def compared() -> Comparison:
    """One cell that draws another figure, one with other code, one that is within tolerance."""
    picture = Shown(
        kind="figure",
        likeness=Likeness.DIFFERENT,
        summary="0.21 apart",
        distance=0.21,
        before=PICTURE,
        after=PICTURE,
        difference=PICTURE,
    )
    text = Shown(
        kind="text", likeness=Likeness.DIFFERENT, summary="1 of 2 numbers differs", lines=("-mae 13.3", "+mae 12.9")
    )
    close = Shown(kind="text", likeness=Likeness.CLOSE, summary="within 1e-6")
    return Comparison(
        sides=(_side("calm-heron"), _side("brisk-otter")),
        cells=(
            CellChange(before=1, after=1, id="aaaa", name="table = read()", outputs=(close,)),
            CellChange(
                before=2, after=2, id="bbbb", name="plot(table)", source=("-a = 1", "+a = 2"), outputs=(picture, text)
            ),
        ),
        metrics=(ValueChange(name="mae", before=13.31, after=12.874),),
        scraps=(ValueChange(name="labels", before=["a"], after=["b"]),),
        files=(ValueChange(name="flights", before={"path": "/a"}, after={"path": "/b"}),),
        parameters=(ValueChange(name="months", before=[1, 2], after=[1, 2, 3], origin="params/staging.yaml:4"),),
        packages=(ValueChange(name="numpy", before="2.4.0", after="2.4.1"),),
    )


def _side(name: str) -> Side:
    return Side(name=name, run=name, notebook="train_delay", environment="staging", at="2026-11-22", by="Ada")


# -- what a browser would be given ---------------------------------------------------------------------------


class Outline(HTMLParser):
    """Elements, attributes and the words between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def policies(self) -> list[str | None]:
        return [meta["content"] for meta in self.all("meta") if "http-equiv" in meta]

    @property
    def handlers(self) -> list[str]:
        return [name for _, attributes in self.elements for name in attributes if name.startswith("on")]


def framed(page: str) -> str:
    (frame,) = Outline(page).all("iframe")
    return frame["srcdoc"] or ""


# -- a notebook that means harm ------------------------------------------------------------------------------

HARM = """
<script>{script}</script><img src=x onerror="{script}"><svg onload="{script}"><script>{script}</script></svg>
<a href="javascript:{script}" id=go>go</a><a href="{url}link">link</a><iframe src="{url}frame"></iframe>
<iframe srcdoc="<script>{script}</script>"></iframe><meta http-equiv=refresh content="0;url={url}refresh">
<link rel=stylesheet href="{url}css"><link rel=prefetch href="{url}prefetch"><base href="{url}base">
<style>@import url({url}import); body {{ background: url({url}background) }}
@font-face {{ font-family: x; src: url({url}font) }} * {{ font-family: x }}</style>
<p style="background-image: url({url}style)">p</p><img src="{url}img">
<video src="{url}video" autoplay></video>
<object data="{url}object"></object><embed src="{url}embed"><form action="{url}form"><input autofocus
onfocus="{script}"></form><details open ontoggle="{script}">d</details><math><mtext><style><img src=x
onerror="{script}"></style></mtext></math></iframe>"></iframe>'><script>{script}</script></body></html>
<script>{script}</script><noscript><p title="</noscript><img src=x onerror={script}>"></noscript>
</style></textarea></title><form method=post action="{url}post"><button autofocus>b</button></form>
"""


def harm(url: str) -> str:
    script = f"document.title=top.document.title=parent.document.title='owned';alert(1);fetch('{url}fetch');"
    script += f"new Image().src='{url}image';top.location='{url}top'"
    return HARM.format(script=script, url=url)


def hostile(url: str) -> report.Subject:
    """Harm in every place that a notebook, its author or its data can write to."""
    text = harm(url)
    subject = _soaked(refused(), text)
    cells = tuple(replace(cell, number=n, ending=Ending.ERROR) for n, cell in enumerate(subject.evidence.run.cells, 1))
    run = replace(subject.evidence.run, cells=cells, folder=Path(f"/{text}"))
    checks = (Check(name=text, outcome=Outcome.FAILED, summary=text, details=(text,)),)
    scraps = (Scrap(name=text, kind="table", value=[{text: text}]), Scrap(name="figure", kind="figure"))
    metrics = {text: 1.0, "mae": 2.0}
    evidence = replace(subject.evidence, run=run, checks=checks, scraps=scraps, metrics=metrics)
    return replace(subject, evidence=evidence, executed=hostile_notebook(text))


_KEPT = ("outcome", "ending", "likeness", "mode", "kind", "started", "at", "since", "modified", "versus")


def _soaked(value: Any, text: str) -> Any:
    """The same records with every text in them replaced; pictures too."""
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: _soaked(getattr(value, f.name), text) for f in fields(value) if f.name not in _KEPT}
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {(text if n else key): _soaked(item, text) for n, (key, item) in enumerate(value.items())}
    if isinstance(value, tuple | list):
        return type(value)(_soaked(item, text) for item in value)
    return text if type(value) is str else value


def hostile_notebook(text: str) -> str:
    outputs = [
        v4.new_output("stream", text=text),
        v4.new_output("error", ename=text, evalue=text, traceback=[text]),
        v4.new_output("display_data", {"text/html": text}),
        v4.new_output("display_data", {"text/html": text}, metadata={"text/html": {"isolated": True}}),
        v4.new_output("display_data", {"text/markdown": text}),
        v4.new_output("display_data", {"text/latex": text}),
        v4.new_output("display_data", {"application/javascript": text}),
        v4.new_output("display_data", {"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{text}</svg>"}),
        v4.new_output(
            "display_data",
            {"image/png": f'{PIXEL}"><script>{text}</script>'},
            metadata={
                "scrapbook": {"name": "figure"},
                "image/png": {"width": '1 onload="x"', "alt": text},
            },
        ),
    ]
    return executed(*outputs, source=text, text=text)
