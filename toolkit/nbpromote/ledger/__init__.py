"""Append-only events, one git branch an environment; present state is a fold. Knows no MLflow and no store."""

from nbpromote.ledger.auditing import broken
from nbpromote.ledger.branch import Ledger, shared_by
from nbpromote.ledger.folding import fold
from nbpromote.ledger.reading import Events

__all__ = ["Events", "Ledger", "broken", "fold", "shared_by"]
