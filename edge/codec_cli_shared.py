"""What the verbs of `edge-codec` share: how bad input ends, the `--json` flag, a weight file in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edge.codecs.contract import CodecError
from edge.images import ImageError

EXISTING = click.Path(path_type=Path)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")


class BadInput(click.ClickException):
    """One sentence on stderr, exit status 2."""

    exit_code = 2


@contextmanager
def bad_input(*kinds: type[Exception]) -> Iterator[None]:
    """Turns what bad input raises (codec and picture errors, and these kinds) into BadInput."""
    caught: tuple[type[Exception], ...] = (CodecError, ImageError, *kinds)
    try:
        yield
    except caught as error:
        raise BadInput(str(error)) from error


def in_short(weights: dict[str, Any]) -> str:
    """A weight file's metrics (`weights.described`) for people."""
    scored = weights.get("metrics")
    if not scored:
        return "no metrics"
    return f"{scored['psnr_db']:.2f} dB at rho {scored['rho']:.5f} on {scored['on']['name']}"
