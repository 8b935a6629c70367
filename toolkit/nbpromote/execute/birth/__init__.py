"""Born, watched, ended: what runs below the toolkit, in whatever Python a kernel has. Standard library only.

Loaded by its folder and not as part of the toolkit, which need not be installed there.
"""
