"""Figure 4: PSNR of the low decoder against SNR, every scheme, and of the high decoder; each set of pictures a panel.

The high decoder is the one that the encoder of `proposed` and all after it was trained with, as it was when the
encoder froze, or continued for as many epochs as the low ones get, or begun anew as they are; `iterative` has its own.
Where there are shipped weights (`swin.safetensors`), their decoders are added, and the SNR of 10 dB that they were also
trained at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, band_of
from tools.figures.setting import write
from tools.multiuser.lead import BASE, lead_columns, lead_curve
from tools.multiuser.scoring import Trained, row
from tools.multiuser.setting import ANEW, BY_CONTINUED, CONTINUED, SCHEMES, SNRS_DB, Seen, Setting, options

SHIPPED, SHIPPED_SNRS_DB = "shipped", (*SNRS_DB, 10.0)
TRAININGS = (("high", "high"), *((scheme, "low") for scheme in (*SCHEMES, BY_CONTINUED)))
SCORED = (*TRAININGS, ("iterative", "high"), (CONTINUED, "high"), (ANEW, "high"))


def fig4(setting: Setting) -> None:
    sets = list(setting.sets())
    rows = [one for seen in sets for one in (*_of_trainings(setting, seen), *_of_shipped(setting, seen))]
    write(setting, "fig4", rows, {})
    _draw(setting, rows, sets)


def _of_trainings(setting: Setting, seen: Seen) -> Iterator[Row]:
    def trained_as(scheme: str) -> dict[int, Trained]:
        files = [setting.training(f"f-{scheme}-s{seed}.safetensors") for seed in range(setting.seeds)]
        return {seed: Trained(file) for seed, file in enumerate(files) if file is not None}

    def scored(by_seed: Mapping[int, Trained], decoder: str, snr_db: float) -> dict[int, float]:
        return {seed: one.psnr_db(setting.cells, decoder, seen, snr_db, seed) for seed, one in by_seed.items()}

    compared = trained_as(BASE)
    base = {snr_db: scored(compared, "low", snr_db) for snr_db in SNRS_DB}
    for scheme, decoder in SCORED:
        by_seed = trained_as(scheme)
        for snr_db in SNRS_DB if by_seed else ():
            found = scored(by_seed, decoder, snr_db)
            yield {**row(seen, scheme, decoder, snr_db, list(found.values())), **lead_columns(found, base[snr_db])}


def _of_shipped(setting: Setting, seen: Seen) -> Iterator[Row]:
    file = setting.training("swin.safetensors")
    trained = None if file is None else Trained(file)
    for decoder in [] if trained is None else trained.decoders:
        assert trained is not None
        for snr_db in SHIPPED_SNRS_DB:
            found = [trained.psnr_db(setting.cells, decoder, seen, snr_db, 0)]
            yield row(seen, SHIPPED, decoder, snr_db, found)


def _draw(setting: Setting, rows: Sequence[Row], sets: Sequence[Seen]) -> None:
    """PSNR above; below, in the same colours, by how much each training is ahead of `proposed`."""
    drawn = plots.figure(6.0 * len(sets), 9.2)
    for number, seen in enumerate(sets):
        own = [one for one in rows if one["set"] == seen.name]
        curves, leads = [], []
        for scheme, decoder in dict.fromkeys((one["scheme"], one["decoder"]) for one in own):
            points = [one for one in own if (one["scheme"], one["decoder"]) == (scheme, decoder)]
            label = str(scheme) if (scheme, decoder) in TRAININGS else f"{scheme}, {decoder}"
            curves.append(Curve(label, [float(one["snr_db"]) for one in points], [band_of(one) for one in points]))
            leads.append(lead_curve(label, points, "snr_db"))
        above, below = (drawn.add_subplot(2, len(sets), number + 1 + line * len(sets)) for line in (0, 1))
        plots.draw_curves(above, curves, seen.name, "SNR (Es/N0), dB")
        there = [one for one in leads if one.x]
        plots.draw_curves(below, there, f"{seen.name}: ahead of {BASE}", "SNR (Es/N0), dB", "dB", legend=False)
    plots.save(drawn, setting.out / "fig4.png")


if __name__ == "__main__":
    options(fig4)()
