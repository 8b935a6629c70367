"""How far apart two pictures are to a person who looks at them.

Own code after two ideas. Colours differ as Y. Kotsarenko and F. Ramos say in "Measuring perceived color difference
using YIQ NTSC transmission color space in mobile applications" (2010). And as in the block matching of motion
estimation, each window of one picture is laid on the other where it fits best: a label or a line that is drawn a pixel
aside, or half a pixel, is the same. What counts is the worst window, as a share of what is drawn in it: a tick label
of another scale is a small part of a picture, and the whole of its window.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.floating[Any]]

_BLOCK = 8  # pixels; a window is two by two blocks, about as large as a tick label
_EMPTY = 1.5  # pixels of full contrast that a window is taken to hold at least, so that a speck is no picture
_UNSEEN = 0.01  # of the way from black to white: nobody tells such colours apart
_EDGES = 2.0  # of what only one side has, half is within half a pixel of where it ends, in a line all of it
_LARGEST = 1200  # pixels of the longer side, beyond which nobody sees single ones
# from RGB to luma, orange-blue and purple-green, each as strongly as it is seen beside the first
_SEEN = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
_STRENGTH = (1.0, 0.769, 0.622)  # square roots of 0.299 / 0.5053 and 0.1957 / 0.5053


@dataclass(frozen=True)
class Seen:
    """What there is to see of two pictures, side by side."""

    before: Image
    after: Image

    @cached_property
    def distance(self) -> float:
        """From 0, no difference to be seen, to 1, nothing alike in some place."""
        return round(min(1.0, max(self._worst, self._resized)), 4)

    @property
    def summary(self) -> str:
        (w1, h1), (w2, h2) = self.before.size, self.after.size
        size = f", {w2} × {h2} pixels instead of {w1} × {h1}" if (w1, h1) != (w2, h2) else ""
        return f"looks {_degree(self.distance)} ({self.distance:.2g} of 1){size}" if self.distance or size else ""

    @property
    def _resized(self) -> float:
        """A pixel more or less comes of rounding; any other size is seen."""
        (w1, h1), (w2, h2) = self.before.size, self.after.size
        if abs(w1 - w2) <= 1 and abs(h1 - h2) <= 1:
            return 0.0
        return 1.1 - min(w1, w2) * min(h1, h2) / (max(w1, w2) * max(h1, h2))

    @property
    def _worst(self) -> float:
        """Of all windows, the largest part of what is drawn in one that is not the same on both sides."""
        import numpy as np

        before, after, paper = self._pixels
        drawn = _summed(np.maximum(_apart(before, paper), _apart(after, paper))) + _EMPTY
        found = _summed(_apart(before, after)) / drawn
        rows, columns = (np.flatnonzero((found > _UNSEEN).any(axis=axis)) for axis in (1, 0))
        if rows.size == 0:
            return 0.0
        # what may be drawn aside is asked only where there is something
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        here = np.s_[top * _BLOCK : (bottom + 1) * _BLOCK + 4, left * _BLOCK : (right + 1) * _BLOCK + 4]
        ours, theirs = (_padded(side)[here] for side in (before, after))
        return _EDGES * float((_least(ours, theirs) / drawn[top:bottom, left:right]).max())

    @cached_property
    def _pixels(self) -> tuple[Pixels, Pixels, Pixels]:
        """Both as colours that are as far apart as they look, and the colour of the paper."""
        import numpy as np

        width, height = self.before.size
        after = self.after.resize(self.before.size) if self._resized else _fitted(self.after, self.before.size)
        share = min(1.0, _LARGEST / max(width, height))
        size = max(1, round(width * share)), max(1, round(height * share))
        one, other = (_seen(side if share == 1 else side.resize(size)) for side in (self.before, after))
        return one, other, np.median(np.concatenate([one[0], one[-1]]), axis=0)

    def picture(self) -> str:
        """The second one, pale, with what is not the same in red, as a data address."""
        import numpy as np
        from PIL import Image

        before, after, _ = self._pixels
        off = np.clip(_apart(before, after) * 2, 0, 1)[..., None]
        grey = self.after.resize((after.shape[1], after.shape[0])).convert("L")
        pale = 255 - (255 - np.asarray(grey, dtype=np.float32)[..., None]) * 0.3
        red = np.array((214, 39, 40), dtype=np.float32)
        written = io.BytesIO()
        Image.fromarray((pale * (1 - off) + red * off).astype(np.uint8)).save(written, format="PNG", optimize=True)
        return address("image/png", written.getvalue())


def _degree(distance: float) -> str:
    """In words; the lowest step is that of the default tolerance."""
    steps = ((0.05, "much the same"), (0.2, "a little different"), (0.6, "different"))
    return next((word for most, word in steps if distance <= most), "altogether different")


def look(before: str, after: str) -> Seen:
    """At two pictures as Jupyter keeps them, in base64. Raises `OSError` or `ValueError` for what is none."""
    return Seen(_opened(before), _opened(after))


def address(mime: str, content: str | bytes) -> str:
    """`data:image/png;base64,...`; of SVG, the text is given."""
    if mime == "image/svg+xml" and isinstance(content, str):
        content = content.encode()
    told = base64.b64encode(content).decode() if isinstance(content, bytes) else "".join(content.split())
    return f"data:{mime};base64,{told}"


# in an SVG of matplotlib, names that are drawn at random and the time of day
_RANDOM = re.compile(r"<metadata>.*?</metadata>|(?<=id=\")[^\"]*|(?<=url\(#)[^)]*|(?<=href=\"#)[^\"]*", re.DOTALL)


def drawn(svg: str) -> str:
    """What an SVG draws, as text to compare."""
    return _RANDOM.sub("", svg)


# -- pictures --


def _opened(content: str) -> Image:
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _fitted(picture: Image, size: tuple[int, int]) -> Image:
    """Cut or filled up at the right and at the bottom."""
    from PIL import Image

    if picture.size == size:
        return picture
    fitted = Image.new("RGB", size, picture.getpixel((0, 0)))
    fitted.paste(picture)
    return fitted


def _seen(picture: Image) -> Pixels:
    import numpy as np

    to_seen = np.array(_SEEN, dtype=np.float32).T * np.array(_STRENGTH, dtype=np.float32)
    seen: Pixels = np.asarray(picture, dtype=np.float32) / np.float32(255) @ to_seen
    return seen


# -- windows --


def _summed(pixels: Pixels) -> Pixels:
    """Over windows of two by two blocks, each half over the next."""
    import numpy as np

    height, width = pixels.shape
    filled = np.pad(pixels, ((0, _rest(height)), (0, _rest(width))))
    blocks = filled.reshape(filled.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).sum(axis=(1, 3))
    found: Pixels = blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:]
    return found


def _rest(length: int) -> int:
    """What is missing to whole blocks, and to two of them."""
    return max(-length % _BLOCK, 2 * _BLOCK - length)


def _padded(pixels: Pixels) -> Pixels:
    """Two pixels more on each side, and as many as make whole blocks."""
    import numpy as np

    height, width, _ = pixels.shape
    padded: Pixels = np.pad(pixels, ((2, 2 + _rest(height)), (2, 2 + _rest(width)), (0, 0)), mode="edge")
    return padded


def _least(before: Pixels, after: Pixels) -> Pixels:
    """For each window, what is not the same where it fits best. Both sides come with two pixels more on each side."""
    import numpy as np

    mine, low, high = before[2:-2, 2:-2], *(side[1:-1, 1:-1] for side in _reach(before))
    found = [
        _summed(np.minimum(_beyond(mine, under, over), _beyond(theirs, low, high)))
        for theirs, under, over in _moved(after)
    ]
    least: Pixels = np.minimum.reduce(found)
    return least


def _moved(pixels: Pixels) -> Iterator[tuple[Pixels, Pixels, Pixels]]:
    """A picture moved by one pixel or by a half, in every direction, with the `_reach` of each pixel."""
    import numpy as np

    height, width = pixels.shape[0] - 4, pixels.shape[1] - 4
    between = (pixels[:-1, :-1] + pixels[1:, :-1] + pixels[:-1, 1:] + pixels[1:, 1:]) / 4
    for moved, steps in ((pixels, 3), (between, 2)):
        under, over = _reach(moved)
        for y in range(steps):
            for x in range(steps):
                here = np.s_[y : y + height, x : x + width]
                yield moved[1:, 1:][here], under[here], over[here]


def _reach(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Between which colours each pixel may lie that is drawn up to half a pixel aside. The edge has none."""
    import numpy as np

    inner = pixels[1:-1, 1:-1]
    low, high = inner, inner
    for y in range(3):
        for x in range(3):
            half = (inner + pixels[y : y + inner.shape[0], x : x + inner.shape[1]]) / 2
            low, high = np.minimum(low, half), np.maximum(high, half)
    return low, high


def _beyond(pixels: Pixels, low: Pixels, high: Pixels) -> Pixels:
    """How far each pixel lies out of reach."""
    import numpy as np

    return _length(np.maximum(0, np.maximum(pixels - high, low - pixels)))


def _apart(one: Pixels, other: Pixels) -> Pixels:
    return _length(one - other)


def _length(colours: Pixels) -> Pixels:
    import numpy as np

    found: Pixels = np.maximum(0, np.sqrt(np.einsum("yxc,yxc->yx", colours, colours)) - _UNSEEN)
    return found
