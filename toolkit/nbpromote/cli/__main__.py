"""What a warm toolkit runs: the command itself, which it does not hand on."""

import sys

from nbpromote.cli import answer

sys.exit(answer(sys.argv[1:]))
