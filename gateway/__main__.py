"""``python -m lamplighter.gateway`` is the ``lamplighter`` command."""

from lamplighter.gateway.commands.cli import main

main()
