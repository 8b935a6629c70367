"""`python -m nbpromote`."""

from nbpromote.cli import main

main()
