"""`python -m optimizer`: the same as `edge-optimizer`."""

from optimizer.cli import main

main(prog_name="edge-optimizer")
