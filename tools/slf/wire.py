"""Table I as the network carried it: reads the report.json of five runs of `slf-alignment`, one an l.

for l in 0 1 2 3 4; do edge-emulator run slf-alignment --set workload.1.align.freeze=$l --out runs/l$l; done
python -m tools.slf.wire --out RESULTS runs/l?/report.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tools.figures.results import Row, Verdict, put, table
from tools.slf.paper import RATE_BPS, TABLE_1

WITHIN = 0.01  # of bits over rate
NOTHING_TO_UPLOAD = 4  # l
Report = Mapping[str, Any]


class WireError(click.ClickException):
    """Reports that do not make a table; the message names the file."""


def read(path: Path) -> Report:
    """The one alignment of a report. Raises WireError when there is not exactly one that was carried out."""
    file = path / "report.json" if path.is_dir() else path
    try:
        alignments = json.loads(file.read_text())["alignments"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WireError(f"{path.name}: not a report with alignments ({error}); give report.json of a run") from error
    if len(alignments) != 1 or alignments[0]["download"] is None:
        raise WireError(f"{path.name}: must hold one alignment that was carried out; run `slf-alignment`")
    found: Report = alignments[0]
    if found["upload"] is None and found["freeze"] < NOTHING_TO_UPLOAD:
        raise WireError(f"{path.name}: its alignment ended before the upload; run it again ({found['reason']})")
    return found


def row(alignment: Report) -> Row:
    """What crossed the links for one l, beside the paper's."""
    printed = next((one for one in TABLE_1 if one.freeze == alignment["freeze"]), None)
    if printed is None:
        raise WireError(f"freeze: must be 0 to 4, got {alignment['freeze']}")
    down, up = _transfer(alignment["download"]), _transfer(alignment["upload"])
    tuning, after, stated = alignment["tuning"], alignment["after"], alignment["recovery_stated"]
    return {
        "freeze": printed.freeze,
        "download_kb": down["kb"],
        "download_wire_kb": down["wire_kb"],
        "download_s": down["s"],
        "download_over_theory": down["over_theory"],
        "upload_kb": up["kb"],
        "upload_wire_kb": up["wire_kb"],
        "upload_s": up["s"],
        "upload_over_theory": up["over_theory"],
        "tuning_tflop": round(tuning["operations"] / 1e12, 4) if tuning else None,
        "recovery_s": round(stated["total_s"], 4) if stated else None,
        "crossover": alignment["crossover"]["estimate"] if alignment["crossover"] else None,
        "mse": after["mean_mse"] if after else None,
        "accuracy": after["accuracy"] if after else None,
        "verdict": alignment["verdict"],
        "paper_download_kb": printed.download_kb,
        "paper_download_s": printed.download_s,
        "paper_upload_kb": printed.upload_kb,
        "paper_upload_s": printed.upload_s,
        "paper_recovery_s": printed.recovery_s,
    }


def _transfer(transfer: Report | None) -> dict[str, float | None]:
    """kB of the values, kB on the link, seconds, and seconds over bits / rate; nothing crossed when None."""
    if transfer is None:
        return {"kb": 0.0, "wire_kb": 0.0, "s": 0.0, "over_theory": None}
    theory = transfer["size_bits"] / RATE_BPS
    return {
        "kb": transfer["tensor_bytes"] / 1e3,
        "wire_kb": transfer["size_bits"] / 8e3,
        "s": round(transfer["transfer_s"], 6),
        "over_theory": round(transfer["transfer_s"] / theory, 5),
    }


def verdicts(rows: Sequence[Row]) -> dict[str, str]:
    """The issue's second demand, as far as the reports tell."""
    ratios = [row[f"{way}_over_theory"] for row in rows for way in ("download", "upload")]
    known = [ratio for ratio in ratios if ratio is not None]
    recovery = [row["recovery_s"] for row in rows if row["recovery_s"] is not None]
    return {
        "latencies equal bits / rate within 1 %": _said(bool(known), all(abs(ratio - 1) <= WITHIN for ratio in known)),
        "recovery time does not grow with l": _said(len(recovery) > 1, recovery == sorted(recovery, reverse=True)),
    }


def _said(measured: bool, holds: bool) -> Verdict:
    if not measured:
        return Verdict.NOT_MEASURED
    return Verdict.HOLDS if holds else Verdict.DOES_NOT_HOLD


def shown(rows: Sequence[Row]) -> str:
    """The table for a terminal: ours, and the paper's in brackets."""
    lines = [f"{'l':>2} {'download kB':>18} {'s':>16} {'upload kB':>18} {'s':>16} {'recovery s':>16}"]
    for one in rows:
        pairs = (("download_kb", ".1f"), ("download_s", ".3f"), ("upload_kb", ".1f"), ("upload_s", ".3f"))
        cells = [f"{one[name]:{form}} ({one[f'paper_{name}']:{form}})" for name, form in pairs]
        recovery = "" if one["recovery_s"] is None else f"{one['recovery_s']:.3f} ({one['paper_recovery_s']:.3f})"
        lines.append(f"{one['freeze']:>2} {cells[0]:>18} {cells[1]:>16} {cells[2]:>18} {cells[3]:>16} {recovery:>16}")
    return "\n".join(lines)


@click.command(help=(__doc__ or "").split("\n")[0])
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for wire.json and wire.csv.")
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def wire(out: Path | None, reports: tuple[Path, ...]) -> None:
    rows = sorted((row(read(path)) for path in reports), key=lambda one: int(one["freeze"]))
    told = verdicts(rows)
    click.echo(shown(rows))
    for claim, verdict in told.items():
        click.echo(f"{claim}: {verdict}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        document = {"figure": "table1 on the wire", "rate_bps": RATE_BPS, "rows": rows, "verdicts": told}
        put(out / "wire.json", json.dumps(document, indent=1).encode())
        put(out / "wire.csv", table(rows).encode())


if __name__ == "__main__":
    wire()
