"""PSNR of the low decoder after each of its epochs, at 3 dB: what figures 2 and 3 show. The curves were written while
training, on the pictures that the training's --evaluate named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, band_of, psnr_columns
from tools.figures.setting import write
from tools.multiuser.lead import BASE, lead_columns, lead_curve
from tools.multiuser.setting import AT_DB, CONTINUED, Setting

AXIS = "epochs of the low decoder"
SETTLED = 5  # epochs; before it schemes are further apart than ever after
TEACHERS = {"teacher_by_seed": "high", "continued_by_seed": CONTINUED}
ABOUT = ("steps", "epoch_steps", "batch", "learning_rate", "pictures")


@dataclass(frozen=True)
class Course:
    """One scheme. by_seed: PSNR in dB after each epoch."""

    scheme: str
    by_seed: Mapping[int, Sequence[float]]
    about: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        """As far as every seed has come."""
        return min(len(one) for one in self.by_seed.values())


def course(setting: Setting, scheme: str, name: str) -> Course | None:
    """The curves `NAME-sSEED.json` of runs that came to their end; None when there is none."""
    by_seed: dict[int, list[float]] = {}
    about: Mapping[str, Any] = {}
    for seed in range(setting.seeds):
        file = setting.training(f"{name}-s{seed}.json")
        if file is None:
            continue
        document = json.loads(file.read_text())
        about, points = document["about"], document["points"]
        if not points or points[-1]["step"] != about["steps"]:
            setting.skip(f"{file.name}: not finished")
            continue
        if about["snr_db"] != AT_DB:
            raise ValueError(f"{file.name}: scored at {about['snr_db']:g} dB; train it with --curve-snr-db {AT_DB:g}")
        by_seed[seed] = [float(point["psnr_db"]) for point in points]
    described = {key: about[key] for key in ABOUT} if by_seed else {}
    return Course(scheme, by_seed, described) if by_seed else None


def alphas(setting: Setting) -> list[Course]:
    """Distillation with other weights of the teacher than 1, where that was tried."""
    tried = dict.fromkeys(file.stem.split("-")[2] for file in sorted(setting.weights.glob("f-distill-a*-s*.json")))
    found = [course(setting, f"distill, alpha {alpha[1:]}", f"f-distill-{alpha}") for alpha in tried]
    return [one for one in found if one is not None]


def at_epoch(of: Course, epoch: int) -> dict[int, float]:
    """PSNR in dB after that epoch, by seed."""
    return {seed: points[epoch - 1] for seed, points in of.by_seed.items()}


def rows_of(courses: Sequence[Course]) -> list[Row]:
    """Up to the epoch that every scheme has reached: the comparison is at equal epochs of the low decoder."""
    epochs = min((one.epochs for one in courses), default=0)
    return [_row(one, epoch, courses) for one in courses for epoch in range(1, epochs + 1)]


def _row(of: Course, epoch: int, compared: Sequence[Course]) -> Row:
    """With how far it is ahead of `proposed`, where that is among those it is compared with."""
    by_seed = at_epoch(of, epoch)
    base = next((at_epoch(one, epoch) for one in compared if one.scheme == BASE), {})
    psnr, lead = psnr_columns(list(by_seed.values())), lead_columns(by_seed, base)
    return {"scheme": of.scheme, "epoch": epoch, **psnr, **lead, "seeds": len(by_seed)}


def figure(setting: Setting, name: str, schemes: Sequence[str], title: str, tried: bool = False) -> None:
    """NAME.json, .csv and .png. tried: also with other alphas, and where the teacher ended, by its own decoder."""
    found = [course(setting, scheme, f"f-{scheme}") for scheme in schemes]
    courses = [one for one in found if one is not None]
    others = alphas(setting) if tried else []
    rows = rows_of(courses)
    epochs = max((int(row["epoch"]) for row in rows), default=0)
    compared = [one for one in (*courses, *others) if one.epochs >= epochs > 0]
    last = {one.scheme: at_epoch(one, epochs) for one in compared}
    more: dict[str, Any] = {
        "snr_db": AT_DB,
        "epochs": epochs,
        "last_by_seed": last,
        "trained": {one.scheme: dict(one.about) for one in (*courses, *others)},
    }
    more |= _teachers(setting, epochs) if tried and epochs else {}
    remarks = [f"{one.scheme}: {one.epochs} epochs, shown up to {epochs}" for one in courses if one.epochs > epochs]
    shown = [*rows, *(_row(one, epoch, courses) for one in others for epoch in range(1, min(one.epochs, epochs) + 1))]
    write(setting, name, shown, more, remarks)
    panels = [(title, curves(shown), "PSNR, dB"), (f"Ahead of {BASE}", leads(shown), "dB")]
    drawn = plots.figure(6.4 * len(panels), 4.4)
    for number, (words, own, unit) in enumerate(panels):
        if own:
            plots.draw_curves(drawn.add_subplot(1, len(panels), number + 1), own, words, AXIS, unit)
    plots.save(drawn, setting.out / f"{name}.png")


def _teachers(setting: Setting, epochs: int) -> dict[str, dict[int, float]]:
    """Where the decoders that taught ended, after as many epochs: as the encoder froze, and continued from there."""
    found = {key: course(setting, key, f"f-{name}") for key, name in TEACHERS.items()}
    return {key: at_epoch(one, epochs) for key, one in found.items() if one is not None and one.epochs >= epochs}


def curves(rows: Sequence[Row]) -> list[Curve]:
    """One for each scheme."""
    return [
        Curve(scheme, [float(row["epoch"]) for row in points], [band_of(row) for row in points])
        for scheme, points in _by_scheme(rows).items()
    ]


def leads(rows: Sequence[Row]) -> list[Curve]:
    """By how much each scheme is ahead of `proposed`, once they have settled."""
    settled = _by_scheme([row for row in rows if row["epoch"] >= SETTLED])
    found = [lead_curve(scheme, points, "epoch") for scheme, points in settled.items()]
    return [one for one in found if one.x]


def _by_scheme(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["scheme"]), []).append(row)
    return found
