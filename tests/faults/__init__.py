"""Faults injected into promotions for real, and what must hold afterwards: `make faults`. See docs/faults.md."""
