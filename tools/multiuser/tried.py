"""What else was tried where distillation does not end above proposed: both again with one thing changed, side by side.

Reads the curves `t-WHAT-PROCEDURE-sSEED.json`; WHAT names what differs from the trainings of figure 3, with `_` for
blanks. Both of a WHAT are trained alike, so each pair is a comparison of its own.
"""

from __future__ import annotations

import re

from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.multiuser import convergence
from tools.multiuser.setting import AT_DB, Setting, options

SCHEMES = ("proposed", "transfer", "distill")
NAMED = re.compile(rf"t-(.+)-({'|'.join(SCHEMES)})-s\d+")


def tried(setting: Setting) -> None:
    matches = (NAMED.fullmatch(file.stem) for file in setting.weights.glob("t-*.json"))
    names = {match[1] for match in matches if match is not None}
    rows: list[Row] = []
    last: dict[str, dict[str, dict[int, float]]] = {}
    drawn = plots.figure(6.4 * max(1, len(names)), 4.4)
    for number, name in enumerate(sorted(names)):
        what = name.replace("_", " ")
        found = [convergence.course(setting, scheme, f"t-{name}-{scheme}") for scheme in SCHEMES]
        courses = [one for one in found if one is not None]
        own = convergence.rows_of(courses)
        rows += [{"tried": what, **row} for row in own]
        epochs = max((int(row["epoch"]) for row in own), default=0)
        last[what] = {one.scheme: convergence.at_epoch(one, epochs) for one in courses if epochs}
        if own:
            axes = drawn.add_subplot(1, len(names), number + 1)
            plots.draw_curves(axes, convergence.curves(own), what, convergence.AXIS)
    write(setting, "tried", rows, {"snr_db": AT_DB, "last_by_seed": last})
    plots.save(drawn, setting.out / "tried.png")


if __name__ == "__main__":
    options(tried)()
