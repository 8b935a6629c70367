"""Mutated copies of a notebook and of its data, each with the verdict that a careful reviewer would give it."""
