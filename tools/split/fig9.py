"""Figure 9: bit error rate of each level between u and v, beside the interface's."""

from __future__ import annotations

import itertools

from tools.figures import plots
from tools.figures.results import Row, rank_correlation
from tools.figures.setting import write
from tools.split import curves
from tools.split.setting import Setting, options


def fig9(setting: Setting) -> None:
    source = curves.split_source(setting, setting.scored())
    interface = list(source.asked.values())
    rows: list[Row] = []
    for found in curves.split_learned(setting, source):
        bers = [float(found[f"ber_{level}"]) for level in source.asked]
        rows.append(
            {
                **{name: found[name] for name in ("symbols", "trained_db", "snr_db")},
                "rank_correlation": round(rank_correlation(bers, interface), 4),
                "not_increasing": all(b <= a for a, b in itertools.pairwise(bers)),
                **{f"ber_{level}": ber for level, ber in enumerate(bers)},
            }
        )
    write(setting, "fig9", rows, {"interface": interface})
    shown = [row for row in rows if row["trained_db"] == 20 and row["snr_db"] in (0.0, 10.0, 20.0)]
    drawn = plots.figure(11.0, 3.8)
    for number, k in enumerate((128, 64)):
        axes = drawn.add_subplot(1, 2, number + 1)
        axes.semilogy(list(source.asked), interface, "k--", label="the interface, eq. (17)")
        own = [row for row in shown if row["symbols"] == k]
        for i, row in enumerate(own):
            values, style = [row[f"ber_{level}"] for level in source.asked], f"{plots.MARKERS[i]}-"
            words = f"SNR {row['snr_db']:g} dB"
            axes.semilogy(list(source.asked), values, style, color=plots.COLOURS[i], label=words)
        axes.set(title=f"K = {k}, trained at 20 dB", xlabel="level", ylabel="BER")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    plots.save(drawn, setting.out / "fig9.png")


if __name__ == "__main__":
    options(fig9)()
