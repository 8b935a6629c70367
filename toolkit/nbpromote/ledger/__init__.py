"""Append-only events, one git branch an environment; present state is a fold. Knows no MLflow and no store."""

from nbpromote.ledger.auditing import broken
from nbpromote.ledger.branch import Ledger, shared_by
from nbpromote.ledger.folding import at, fold

__all__ = ["Ledger", "at", "broken", "fold", "shared_by"]
