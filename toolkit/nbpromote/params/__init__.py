"""What an environment gives a notebook and demands of it: params/*.yaml, held against the parameters cell.

Nothing is run here and git is not known: files are read through a callable, which may stand for a commit.
"""

from nbpromote.params.naming import environments, order
from nbpromote.params.reading import findings, folder_reader, load, policy, tracking_uri
from nbpromote.params.tree import Read

__all__ = ["Read", "environments", "findings", "folder_reader", "load", "order", "policy", "tracking_uri"]
