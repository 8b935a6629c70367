"""The git program: plumbing, status, blobs. Knows nothing of what the commits are about.

Every call is explicit about its repository and format; the caller's GIT_* variables and hooks stay out.
"""

from nbpromote.git import trunk
from nbpromote.git.index import Change, Entry, Index, committing
from nbpromote.git.repository import ZERO, Rejected, Repository, clean_environment, find, init

__all__ = [
    "ZERO",
    "Change",
    "Entry",
    "Index",
    "Rejected",
    "Repository",
    "clean_environment",
    "committing",
    "find",
    "init",
    "trunk",
]
