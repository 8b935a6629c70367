"""Figures as matplotlib draws them: which differences a person would see, and which nobody would."""

from __future__ import annotations

import base64
import io
from functools import cache

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nbpromote import validate
from nbpromote.model import Likeness, Shown, Tolerance


@cache
def drawn(kind="line", *, dpi=100, scale=1.0, noise=0.0, color="C0", second=True, title="Held-out days", lacks=None,
          limits=None, label="minutes", size=(5, 3), format="png"):  # fmt: skip
    """A figure of two series, as the bytes of its file."""
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure

    matplotlib.use("Agg")
    random = np.random.default_rng(0)
    figure = Figure(figsize=size, dpi=dpi)
    axes = figure.subplots()
    x = np.linspace(0, 10, 60)
    y = (np.sin(x) + 0.2 * random.normal(size=60)) * scale * (1 + noise * random.normal(size=60))
    if kind == "line":
        axes.plot(x, y, color=color)
        if second:
            axes.plot(x, np.cos(x) * scale)
    elif kind == "bar":
        axes.bar(x[:8], np.where(np.arange(8) == lacks, 0, np.abs(y[:8])), color=color)
    elif kind == "scatter":
        axes.scatter(*(np.delete(side, [] if lacks is None else lacks) for side in (x, y)), color=color)
    else:
        axes.hexbin(random.normal(size=2000), random.normal(size=2000) * scale * (1 + noise), gridsize=30, mincnt=1)
    axes.set(title=title, ylabel=label, ylim=limits)
    written = io.BytesIO()
    figure.savefig(written, format=format)
    return written.getvalue()


def moved(picture: bytes, *, by: int = 1) -> bytes:
    """Every pixel of it further right and down."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture))
    aside = Image.new(image.mode, image.size, "white")
    aside.paste(image, (by, by))
    return saved(aside)


def half_aside(picture: bytes) -> bytes:
    """As anti-aliasing draws what lies between two pixels."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=float)
    pixels[:-1, :-1] = (pixels[:-1, :-1] + pixels[1:, :-1] + pixels[:-1, 1:] + pixels[1:, 1:]) / 4
    return saved(Image.fromarray(pixels.astype("uint8")))


def graded(picture: bytes) -> bytes:
    """Every colour by one of 255 steps lighter or darker."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=int)
    noise = np.random.default_rng(0).integers(-1, 2, size=pixels.shape)
    return saved(Image.fromarray(np.clip(pixels + noise, 0, 255).astype("uint8")))


def saved(image) -> bytes:
    written = io.BytesIO()
    image.save(written, format="PNG")
    return written.getvalue()


def between(before: bytes, after: bytes, mime="image/png", *tags) -> Shown:
    def book(picture):
        content = picture.decode() if mime == "image/svg+xml" else base64.b64encode(picture).decode()
        output = new_output("display_data", data={mime: content, "text/plain": "<Figure>"})
        return new_notebook(cells=[new_code_cell("draw()", outputs=[output], metadata={"tags": list(tags)})])

    (change,) = validate.changes(book(before), book(after))
    return change.outputs[0]


# what docs/comparing.md says of the numbers comes from here
UNSEEN = {
    "1e-12 of noise, lines": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, noise=1e-12)),
    "1e-12 of noise, hexagons": lambda dpi: (drawn("hexbin", dpi=dpi), drawn("hexbin", dpi=dpi, noise=1e-12)),
    "1e-4 of noise, lines": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, noise=1e-4)),
    "all a pixel aside": lambda dpi: (drawn(dpi=dpi), moved(drawn(dpi=dpi))),
    "all half a pixel aside": lambda dpi: (drawn(dpi=dpi), half_aside(drawn(dpi=dpi))),
    "colours a step lighter or darker": lambda dpi: (drawn(dpi=dpi), graded(drawn(dpi=dpi))),
}
SEEN = {
    "another scale, the same curve": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, scale=60)),
    "another scale, the same bars": lambda dpi: (drawn("bar", dpi=dpi), drawn("bar", dpi=dpi, scale=10)),
    "other limits": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, limits=(-1.5, 2.5))),
    "another colour": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, color="C2")),
    "a series is missing": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, second=False)),
    "a bar is missing": lambda dpi: (drawn("bar", dpi=dpi), drawn("bar", dpi=dpi, lacks=3)),
    "a point is missing": lambda dpi: (drawn("scatter", dpi=dpi), drawn("scatter", dpi=dpi, lacks=20)),
    "a letter of the title": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, title="Held-out dayz")),
    "a digit of the title": lambda dpi: (drawn(dpi=dpi, title="In 2013"), drawn(dpi=dpi, title="In 2018")),
    "another unit": lambda dpi: (drawn(dpi=dpi), drawn(dpi=dpi, label="hours")),
}


# the example notebooks draw at 64: a tick label is six pixels high
SMALL = ("all a pixel aside", "all half a pixel aside", "another scale, the same bars", "a digit of the title")


@pytest.mark.parametrize(("dpi", "names"), [(100, (*UNSEEN, *SEEN)), (64, SMALL)])
def test_what_nobody_would_see_is_close_and_what_anybody_would_is_not(dpi, names):
    unseen = {name: between(*UNSEEN[name](dpi)) for name in names if name in UNSEEN}
    seen = {name: between(*SEEN[name](dpi)) for name in names if name in SEEN}

    wrong = {name: found.distance for name, found in unseen.items() if found.distance > Tolerance().figures * 0.8}
    wrong |= {name: found.distance for name, found in seen.items() if found.distance <= Tolerance().figures}
    assert not wrong, {name: found.distance for name, found in (unseen | seen).items()}
    assert {found.likeness for found in seen.values()} == {Likeness.DIFFERENT}


def test_another_size_is_named():
    found = between(drawn(), drawn(size=(5, 3.2)))

    assert found.likeness is Likeness.DIFFERENT
    assert found.summary.endswith("500 × 320 pixels instead of 500 × 300")


def test_a_cell_says_how_alike_figures_must_be():
    assert between(drawn(), drawn(color="C2"), "image/png", "nbpromote-check", "figures=0.5").likeness is Likeness.CLOSE


def test_what_differs_is_drawn_red_on_a_pale_picture():
    from PIL import Image

    found = between(drawn("bar"), drawn("bar", lacks=3))

    picture = Image.open(io.BytesIO(base64.b64decode(found.difference.partition(",")[2])))
    red = sum(count for count, (r, g, b) in picture.getcolors(1 << 24) if r > 180 and g < 90 and b < 90)
    assert picture.size == (500, 300)
    assert red > 200
    assert found.before.startswith("data:image/png;base64,")


def test_a_photograph_is_a_figure_too():
    from PIL import Image

    def photograph(picture: bytes) -> bytes:
        written = io.BytesIO()
        Image.open(io.BytesIO(picture)).convert("RGB").save(written, format="JPEG", quality=95)
        return written.getvalue()

    assert between(photograph(drawn()), photograph(drawn()), "image/jpeg").likeness is Likeness.SAME
    assert between(photograph(drawn()), photograph(drawn(second=False)), "image/jpeg").likeness is Likeness.DIFFERENT


def test_a_drawing_in_svg_is_compared_by_what_it_draws():
    before = drawn(format="svg")
    drawn.cache_clear()  # the same once more gives its parts other names and another time
    again = drawn(format="svg")

    assert before != again
    assert between(before, again, "image/svg+xml").likeness is Likeness.SAME
    assert between(before, drawn(format="svg", noise=1e-12), "image/svg+xml").likeness is not Likeness.DIFFERENT
    assert between(before, drawn(format="svg", second=False), "image/svg+xml").likeness is Likeness.DIFFERENT


def test_a_picture_that_is_none_is_different_from_one():
    assert between(drawn(), b"no picture").likeness is Likeness.DIFFERENT
