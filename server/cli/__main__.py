"""``python -m server.cli`` is the command `tongkang`."""

from server.cli import main

main(prog_name="tongkang")
