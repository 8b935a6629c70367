"""Two executed notebooks side by side, with tolerance: text, tables, JSON, scraps and figures."""

from __future__ import annotations

from nbpromote.validate.comparing.cells import changes, partners
from nbpromote.validate.comparing.outputs import Piece, compared, pieces
from nbpromote.validate.comparing.sanitizing import Sanitizing

__all__ = ["Piece", "Sanitizing", "changes", "compared", "partners", "pieces"]
