"""An executed notebook as one HTML document that can do nothing: no script, no form, no address to fetch.

Three barriers: what may stay is on a list, the document's policy forbids every source of content, and the page
puts it into a frame without the right to run anything.
"""

from __future__ import annotations

import base64
from importlib.resources import files
from warnings import catch_warnings, simplefilter

from nbpromote.model import Json, Scrap
from nbpromote.report.pages.harmless import harmless

# the same in the page and in the frame: a browser gives the frame both
CSP = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'"
)

_HEAD = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{csp}"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><title>Executed notebook</title>
<style>{style}</style></head><body>
"""


def read(executed: str) -> Json | None:
    """The notebook as nbformat reads it; None where it cannot be read."""
    import nbformat  # 1.25 s in an environment with JupyterLab
    from nbformat import ValidationError

    try:
        node = nbformat.reads(executed, as_version=4)
        nbformat.validate(node)
    except (ValueError, ValidationError, AttributeError, KeyError, TypeError):
        return None  # cut off, or not a notebook: the record tells the story without it
    return node


def code(node: Json) -> dict[int, Json]:
    """The user's code cells by their number, as the record of a run counts them."""
    cells = [cell for cell in node.cells if cell.cell_type == "code"] if node is not None else []
    own = [cell for cell in cells if _INJECTED not in cell.metadata.get("tags", ())]
    return dict(enumerate(own, start=1))


_INJECTED = "injected-parameters"  # papermill's cell


def traceback(cell: Json) -> str:
    """What the kernel said when it failed; colours and all."""
    told = [output for output in cell.get("outputs", ()) if output.get("output_type") == "error"]
    return "\n".join(line for output in told for line in output.get("traceback", ()))


def document(node: Json, room: int) -> str:
    """The notebook as a whole document, for the frame's `srcdoc`, cut to about `room` bytes of the page."""
    return _HEAD.format(csp=CSP, style=_style()) + harmless(_body(_light(node, room))) + "</body></html>"


# -- light enough to send on ---------------------------------------------------------------------------------

# bytes of the page, where all of this is escaped: of a cell's frame, of a letter of code, which is coloured, of others
_FRAME, _CODE, _OTHER = 1500, 10, 2
_OUTPUT = 20_000  # letters of one output


def _light(node: Json, room: int) -> Json:
    """A copy without what there is no room for; figures stay as long as their cells do."""
    import nbformat

    light = nbformat.from_dict(node)
    for number, cell in enumerate(light.cells):
        room -= _FRAME + len(cell.source) * (_CODE if cell.cell_type == "code" else _OTHER)
        if room < 0:
            told = f"*{len(light.cells) - number} more cells are left out here; the notebook's own file has them*"
            light.cells[number:] = [nbformat.v4.new_markdown_cell(told, id="left-out")]
            break
        for output in cell.get("outputs", ()):
            room -= _FRAME + _OTHER * _lighten(output, max(0, min(_OUTPUT, room // _OTHER)))
    return light


def _lighten(output: Json, room: int) -> int:
    """Cut one output down to its room; gives the letters of it that are left."""
    if output.output_type == "error":
        output.traceback = [_cut("\n".join(output.traceback), room)]
        return len(output.traceback[0])
    if output.output_type == "stream":
        output.text = _cut(output.text, room)
        return len(output.text)
    data = output.get("data", {})
    if len(str(data.get("text/html", ""))) > room:
        # a table that ends in the middle misleads; its plain text says that it was cut
        data.setdefault("text/plain", _LEFT_OUT.format(len(str(data.pop("text/html")))))
    texts = [kind for kind in data if kind in _TEXTS]
    data |= {kind: _cut(str(data[kind]), room) for kind in texts}
    return max((len(data[kind]) for kind in texts), default=0)


_LEFT_OUT = "… {:,} letters are left out here; the notebook's own file has them"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[:room] + "\n" + _LEFT_OUT.format(len(text) - room)


def _style() -> str:
    return files(__package__).joinpath("notebook.css").read_text(encoding="utf-8")


def _body(node: Json) -> str:
    from nbconvert import HTMLExporter  # 0.5 s

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic",
        # by default a folder named `basic` where the user stands would be taken for templates, which are code
        extra_template_basedirs=[],
        mathjax_url="",
        require_js_url="",
        exclude_anchor_links=True,
    )
    # widgets and scripts come first by default, and would leave a hole where a picture could stand
    exporter.config.NbConvertBase.display_data_priority = _SHOWN
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # for every output of a kind that it cannot show, such as a scrap
        body, _ = exporter.from_notebook_node(node)
    return str(body)


_SHOWN = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
]


_TEXTS = ("text/html", "text/markdown", "text/latex", "text/plain")


def figure(node: Json, scrap: Scrap) -> str | None:
    """The picture of a scrap as a data address, from the output that scrapbook marked with its name."""
    for cell in node.cells:
        for output in cell.get("outputs", ()):
            if output.get("metadata", {}).get("scrapbook", {}).get("name") == scrap.name:
                address = _picture(output.get("data", {}))
                if address:
                    return address
    return None


def _picture(data: Json) -> str | None:
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f"data:{kind};base64,{''.join(str(data[kind]).split())}"
    if "image/svg+xml" in data:
        # a picture in an <img> runs no script and fetches nothing
        return f"data:image/svg+xml;base64,{base64.b64encode(str(data['image/svg+xml']).encode()).decode()}"
    return None
