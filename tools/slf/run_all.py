"""Every figure and table of SLF, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

from tools.figures.setting import run_all

LONG = ("sequence", "fedavg", "anew")  # with trainings of their own
DRAWN = ("fig3", "table1", "pilots", "choose", "fig2")  # from what align_all made

main = run_all("tools.slf", *((name,) for name in (*LONG, *DRAWN)), first="align_all")

if __name__ == "__main__":
    main()
