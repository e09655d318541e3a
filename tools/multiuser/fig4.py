"""Figure 4: PSNR of the low decoder against SNR, every scheme, and of the high decoder; each set of pictures a panel.

The high decoder is the one that the encoder of `proposed` and all after it was trained with, as it was when the
encoder froze, or continued for as many epochs as the low ones get, or begun anew as they are; `iterative` has its own.
Where there are shipped weights (`swin.safetensors`), their decoders are added, and the SNR of 10 dB that they were also
trained at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, band_of
from tools.figures.setting import write
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
    for scheme, decoder in SCORED:
        files = [setting.training(f"f-{scheme}-s{seed}.safetensors") for seed in range(setting.seeds)]
        by_seed = [(seed, Trained(file)) for seed, file in enumerate(files) if file is not None]
        for snr_db in SNRS_DB if by_seed else ():
            found = [trained.psnr_db(setting.cells, decoder, seen, snr_db, seed) for seed, trained in by_seed]
            yield row(seen, scheme, decoder, snr_db, found)


def _of_shipped(setting: Setting, seen: Seen) -> Iterator[Row]:
    file = setting.training("swin.safetensors")
    trained = None if file is None else Trained(file)
    for decoder in [] if trained is None else trained.decoders:
        assert trained is not None
        for snr_db in SHIPPED_SNRS_DB:
            found = [trained.psnr_db(setting.cells, decoder, seen, snr_db, 0)]
            yield row(seen, SHIPPED, decoder, snr_db, found)


def _draw(setting: Setting, rows: Sequence[Row], sets: Sequence[Seen]) -> None:
    drawn = plots.figure(6.0 * len(sets), 4.4)
    for number, seen in enumerate(sets):
        own = [one for one in rows if one["set"] == seen.name]
        curves = []
        for scheme, decoder in dict.fromkeys((one["scheme"], one["decoder"]) for one in own):
            points = [one for one in own if (one["scheme"], one["decoder"]) == (scheme, decoder)]
            label = str(scheme) if (scheme, decoder) in TRAININGS else f"{scheme}, {decoder}"
            curves.append(Curve(label, [float(one["snr_db"]) for one in points], [band_of(one) for one in points]))
        plots.draw_curves(drawn.add_subplot(1, len(sets), number + 1), curves, seen.name, "SNR (Es/N0), dB")
    plots.save(drawn, setting.out / "fig4.png")


if __name__ == "__main__":
    options(fig4)()
