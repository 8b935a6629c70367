"""What every verb stands on: the project, its repository, its settings, its history, and who is at work."""

from nbpromote.workflow.site.here import Site

__all__ = ["Site"]
