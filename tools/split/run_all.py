"""Every figure of Split DeepJSCC, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

from tools.figures.setting import run_all

main = run_all("tools.split", ("baseline", "fig6", "fig7", "fig8", "fig9", "kodak"))

if __name__ == "__main__":
    main()
