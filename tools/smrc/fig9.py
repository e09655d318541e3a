"""Figure 9: accuracy of layer 2 against the first layer's channel gain, for gains of the second of 0, 8 and 15 dB.

Each sub-block is a packet and meets its own Es/N0: the gains of block fading, as the paper varies them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, columns, curve_of
from tools.figures.setting import write
from tools.smrc.setting import TITLES, Setting, Test, options

FIRST_DB = (0.0, 3.0, 6.0, 9.0, 12.0, 15.0)
SECOND_DB = (0.0, 8.0, 15.0)


def model_rows(setting: Setting, test: Test) -> Iterator[Row]:
    """lead: accuracy of layer 2 less that of layer 1 of the same model over the same channel."""
    files = setting.models("smrc", test.name)
    for second_db in SECOND_DB if files else ():
        for first_db in FIRST_DB:
            scored = [setting.scores(file, test, seed, [first_db, second_db]) for seed, file in files.items()]
            accuracy = {layer: [float(heads[layer - 1]["accuracy"]) for heads in scored] for layer in (1, 2)}
            yield {
                "set": test.name,
                "first_db": first_db,
                "second_db": second_db,
                **columns("layer_1", accuracy[1], 4),
                **columns("layer_2", accuracy[2], 4),
                **columns("lead", [two - one for one, two in zip(accuracy[1], accuracy[2], strict=True)], 4),
                "seeds": len(files),
                "pictures": len(test.pixels),
            }


def draw(setting: Setting, rows: Sequence[Row]) -> None:
    """A panel for each set."""
    names = [name for name in TITLES if any(row["set"] == name for row in rows)]
    drawn = plots.figure(5.2 * max(1, len(names)), 4.2)
    for number, name in enumerate(names):
        own = [row for row in rows if row["set"] == name]
        alike = [row for row in own if row["second_db"] == SECOND_DB[0]]
        curves = [Curve("layer 1", *curve_of(alike, "first_db", "layer_1", bool))]
        for second_db in SECOND_DB:
            there = [row for row in own if row["second_db"] == second_db]
            points = curve_of(there, "first_db", "layer_2", bool)
            curves.append(Curve(f"layer 2, its gain {second_db:g} dB", *points))
        axes = drawn.add_subplot(1, len(names), number + 1)
        plots.draw_curves(axes, curves, TITLES[name], "first layer's channel gain (Es/N0), dB", "accuracy")
    plots.save(drawn, setting.out / "fig9.png")


def fig9(setting: Setting) -> None:
    rows = [row for test in setting.tests() for row in model_rows(setting, test)]
    write(setting, "fig9", rows, {}, [__doc__ or ""])
    draw(setting, rows)


if __name__ == "__main__":
    options(fig9)()
