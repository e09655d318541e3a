"""Every figure of multi-user Swin, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

from tools.figures.setting import run_all

main = run_all("tools.multiuser", ("fig2", "fig3", "tried", "fig4", "fig5", "against", "decoders"))

if __name__ == "__main__":
    main()
