"""Figure 6: the medium's bit error rates, and what each level is worth to our f and g."""

from __future__ import annotations

from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.split import curves, links
from tools.split.setting import Setting, options


def fig6(setting: Setting) -> None:
    source = curves.split_source(setting, setting.scored())
    over_medium = links.medium(source.asked)
    rows: list[Row] = []
    whole = curves.split_medium(setting, source)
    for level, ber in source.asked.items():
        made = [
            curves.sent_over(setting, source, "without", [], links.without(level, over_medium), seed, level=level)
            for seed in range(setting.seeds)
        ]
        lacking = curves.row("split, its medium", 0, 0.0, made)
        rows.append(
            {
                "level": level,
                "ber": ber,
                "papers_ber": links.PAPERS_BERS[level],
                "psnr_db_without_it": lacking["psnr_db"],
                "loss_db": round(float(whole["psnr_db"]) - float(lacking["psnr_db"]), 3),
            }
        )
    perfect = [curves.sent_over(setting, source, "perfect", [], None, 0)]
    more = {"over_the_medium": whole, "over_a_perfect_link": curves.row("split", 0, 0.0, perfect)}
    write(setting, "fig6", rows, more)
    drawn = plots.figure(9.0, 3.4)
    left, right = drawn.subplots(1, 2)
    levels = [int(row["level"]) for row in rows]
    left.semilogy(levels, [row["ber"] for row in rows], "o-", color=plots.COLOURS[0])
    left.set(title="bit error rate of each level (eq. 17)", xlabel="level", ylabel="BER")
    right.bar(levels, [row["loss_db"] for row in rows], color=plots.COLOURS[1])
    right.set(title="what is lost when a level does not arrive", xlabel="level", ylabel="dB")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    plots.save(drawn, setting.out / "fig6.png")


if __name__ == "__main__":
    options(fig6)()
