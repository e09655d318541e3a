"""Regenerates the tables and figures of FTSC, sections III and IV, on the project's own image sets.

Run from the repository's root: `python -m tools.ftsc.run_all --data FOLDER --weights FOLDER --out FOLDER`, or one
module alone (table1, table2_3, fig2_3, fig7, fig8, fig10, fig11, compare, ablations). docs/ftsc.md says what came out.
"""
