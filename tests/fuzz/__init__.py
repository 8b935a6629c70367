"""Fuzz targets: whatever bytes a parser is fed, it answers or raises the toolkit's own error, and soon."""
