"""The git program: plumbing, status, blobs. Knows nothing of what the commits are about.

Every call is explicit about its repository and format; the caller's GIT_* variables and hooks stay out.
"""

from nbpromote.git import trunk
from nbpromote.git.index import Change, Entry, Index, committing
from nbpromote.git.naming import Tree
from nbpromote.git.program import clean_environment
from nbpromote.git.remote import Rejected
from nbpromote.git.repository import Repository, find, init
from nbpromote.git.signatures import Signature

__all__ = [
    "Change",
    "Entry",
    "Index",
    "Rejected",
    "Repository",
    "Signature",
    "Tree",
    "clean_environment",
    "committing",
    "find",
    "init",
    "trunk",
]
