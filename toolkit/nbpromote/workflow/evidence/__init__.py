"""A run, made and judged, and the evidence kept of it."""
