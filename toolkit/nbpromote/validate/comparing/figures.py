"""How far apart two pictures are to a person who looks at them.

Own code after two ideas: colours differ as Y. Kotsarenko and F. Ramos, "Measuring perceived color difference using YIQ
NTSC transmission color space in mobile applications" (2010), and what is drawn a pixel aside is the same, as in the
block matching of motion estimation: each window of one picture is laid on the other where it fits best.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    Pixels = np.ndarray[Any, np.dtype[np.float32]]

_BLOCK = 8  # pixels; a window is two by two blocks, about as large as a word of a tick label
_EMPTY = 6.0  # pixels of full contrast that a window is taken to hold at least, so that a speck is no picture
_LARGEST = 1600  # pixels of the longer side, beyond which nobody sees single ones
# from RGB to luma, orange-blue and purple-green, each as strongly as it is seen
_SEEN = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
_WEIGHTS = (0.5053, 0.299, 0.1957)


@dataclass(frozen=True)
class Seen:
    """What there is to see of two pictures, side by side. `distance`: 0 no difference, 1 nothing alike somewhere."""

    before: Image
    after: Image

    @cached_property
    def distance(self) -> float:
        windows = self._windows
        worst = float(windows.max()) if windows.size else 0.0
        return round(min(1.0, max(worst, self._resized)), 4)

    @property
    def _resized(self) -> float:
        """A pixel more comes of rounding; any other size is seen."""
        (w1, h1), (w2, h2) = self.before.size, self.after.size
        if abs(w1 - w2) <= 1 and abs(h1 - h2) <= 1:
            return 0.0
        return 0.1 + 1 - min(w1, w2) * min(h1, h2) / (max(w1, w2) * max(h1, h2))

    @property
    def summary(self) -> str:
        if self.distance == 0:
            return ""
        sizes = "" if self.before.size == self.after.size else f", {_size(self.after)} instead of {_size(self.before)}"
        return f"a distance of {self.distance:.2g}{sizes}"

    @cached_property
    def _windows(self) -> Pixels:
        """For each window, the part of what is drawn there that is not the same."""
        import numpy as np

        before, after, paper = self._pixels
        drawn = np.maximum(_apart(before, paper), _apart(after, paper))
        height, width = drawn.shape
        aside = np.pad(after, ((1, 1), (1, 1), (0, 0)), mode="edge")
        moves = (aside[y : y + height, x : x + width] for y in range(3) for x in range(3))
        best = np.minimum.reduce([_summed(_apart(before, moved)) for moved in moves])
        found: Pixels = best / (_summed(drawn) + _EMPTY)
        return found

    @cached_property
    def _pixels(self) -> tuple[Pixels, Pixels, Pixels]:
        """Both as colours that are as far apart as they look, a little out of focus, and the colour of the paper."""
        import numpy as np

        after = self.after
        if after.size != self.before.size:
            after = after.resize(self.before.size) if self._resized else _fitted(after, self.before.size)
        share = min(1.0, _LARGEST / max(self.before.size))
        width, height = self.before.size
        size = max(1, round(width * share)), max(1, round(height * share))
        one, other = (_seen(side if share == 1 else side.resize(size)) for side in (self.before, after))
        return one, other, np.median(np.concatenate([one[0], one[-1]]), axis=0)

    def picture(self) -> str:
        """The second one, pale, with what is not the same in red, as a data address."""
        import numpy as np
        from PIL import Image

        before, after, _ = self._pixels
        off = np.clip(_apart(before, after) * 1.5, 0, 1)[..., None]
        size = (after.shape[1], after.shape[0])
        pale = 255 - (255 - np.asarray(self.after.resize(size).convert("L"), dtype=np.float32)[..., None]) * 0.3
        red = np.array((214, 39, 40), dtype=np.float32)
        shown = Image.fromarray((pale * (1 - off) + red * off).astype(np.uint8))
        written = io.BytesIO()
        shown.save(written, format="PNG", optimize=True)
        return address("image/png", written.getvalue())


def look(before: str, after: str) -> Seen:
    """Both as Jupyter keeps a picture, in base64. Raises `OSError` for what is no picture."""
    return Seen(_opened(before), _opened(after))


def address(mime: str, content: str | bytes) -> str:
    """`data:image/png;base64,...`; of SVG, the text is given."""
    if mime == "image/svg+xml" and isinstance(content, str):
        content = content.encode()
    told = base64.b64encode(content).decode() if isinstance(content, bytes) else "".join(content.split())
    return f"data:{mime};base64,{told}"


def _opened(content: str) -> Image:
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _fitted(picture: Image, size: tuple[int, int]) -> Image:
    from PIL import Image

    fitted = Image.new("RGB", size, picture.getpixel((0, 0)))
    fitted.paste(picture)
    return fitted


def _seen(picture: Image) -> Pixels:
    import numpy as np

    colours = np.asarray(picture, dtype=np.float32) / 255
    weights = np.sqrt(np.array(_WEIGHTS, dtype=np.float32) / _WEIGHTS[0])
    return _unfocused(colours @ np.array(_SEEN, dtype=np.float32).T * weights)


def _unfocused(pixels: Pixels) -> Pixels:
    """Each pixel with a quarter of its neighbours' light: what anti-aliasing spreads is spread on both sides."""
    import numpy as np

    for axis in (0, 1):
        around = np.pad(pixels, [(1, 1) if side == axis else (0, 0) for side in range(3)], mode="edge")
        low, high = (np.take(around, np.arange(start, start + pixels.shape[axis]), axis=axis) for start in (0, 2))
        pixels = ((low + 2 * pixels + high) / 4).astype(np.float32)
    return pixels


def _apart(one: Pixels, other: Pixels) -> Pixels:
    import numpy as np

    found: Pixels = np.sqrt(((one - other) ** 2).sum(axis=-1))
    return found


def _summed(pixels: Pixels) -> Pixels:
    """Over windows of two by two blocks, each half over the next."""
    import numpy as np

    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % _BLOCK + _BLOCK), (0, -width % _BLOCK + _BLOCK)))
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).sum(axis=(1, 3))
    found: Pixels = blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:]
    return found


def _size(picture: Image) -> str:
    return f"{picture.size[0]} × {picture.size[1]} pixels"


_RANDOM = re.compile(r"<metadata>.*?</metadata>|(?<=id=\")[^\"]*|(?<=url\(#)[^)]*|(?<=href=\"#)[^\"]*", re.DOTALL)


def drawn(svg: str) -> str:
    """The text of an SVG without the names that matplotlib draws at random, and without the time of day."""
    return _RANDOM.sub("", svg)
