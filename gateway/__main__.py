"""``python -m gateway`` is the ``lamplighter`` command."""

from gateway.cli import main

main()
