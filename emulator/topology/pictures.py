"""Which pictures a scenario sends, when the command line names none."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from emulator.topology.fields import Model, Number

Sample = Literal["kodak", "mnist", "fashion_mnist"]


class Pictures(Model):
    """The pictures of the run. A scenario with an adapt step draws from them by its seed: first those to learn from,
    then, none of them twice, those that transmit steps send.
    """

    sample: Sample = Field(
        default="kodak", description="the packaged sample that is sent; `--images` on the command line replaces it"
    )
    resize: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=None,
        description="the side in pixels to which the middle square of each picture is scaled, before any crop; without "
        "it pictures keep their size",
    )
    pad: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=None,
        description="the side in pixels to which each picture is extended with black on all sides, after any resize "
        "and before any crop; without it pictures keep their size",
    )
