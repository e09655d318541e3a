"""Every figure of SMRC, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

from tools.figures.setting import run_all

main = run_all("tools.smrc", ("fig7", "fig8", "fig9", "accounting"))

if __name__ == "__main__":
    main()
