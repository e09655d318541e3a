"""`python -m edge.node`: the same as `edge-node`."""

from edge.node.cli import main

main(prog_name="edge-node")
