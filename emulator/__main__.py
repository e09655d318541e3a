"""`python -m emulator`: the same as `edge-emulator`."""

from emulator.cli import main

main(prog_name="edge-emulator")
