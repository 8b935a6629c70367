"""What an environment gives a notebook and demands of it: params/*.yaml, held against the parameters cell.

Beside it, what must hold in every environment: the notebook's contract.

Nothing is run here and git is not known: files are read through a callable, which may stand for a commit.
"""

from nbpromote.params import contracts, schemas
from nbpromote.params.around import Around
from nbpromote.params.given import Given, from_file, from_yaml
from nbpromote.params.naming import environments, order
from nbpromote.params.reading import findings, folder_reader, load, policy, tracking_uri
from nbpromote.params.tree import Read, ReadBytes
from nbpromote.params.types import fits, is_known_type

__all__ = [
    "Around",
    "Given",
    "Read",
    "ReadBytes",
    "contracts",
    "environments",
    "findings",
    "fits",
    "folder_reader",
    "from_file",
    "from_yaml",
    "is_known_type",
    "load",
    "order",
    "policy",
    "schemas",
    "tracking_uri",
]
