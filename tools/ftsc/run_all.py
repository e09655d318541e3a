"""Every table and figure of FTSC, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

from tools.figures.setting import run_all

main = run_all(  # what shares fine-tuned decoders stays in one line
    "tools.ftsc",
    ("table2_3", "fig11", "fig10", "fig7", "fig8"),
    ("fig2_3", "table1", "compare", "ablations"),
)

if __name__ == "__main__":
    main()
