"""Figure 7 once more, by the real daemons: server, wires, base station, radio and device as processes over sockets.

One launch a codec: the bearer of the radio link changes between transmit steps, so that one run gives all its curves.
The digital baseline runs twice: with the scheme that is best at 10 dB for the whole curve, which is what a sender that
does not know the SNR can do, and launched anew for each SNR with the scheme that is best there. Where a block is lost
its device shows grey, as it cannot know the mean colour. Its blocks carry a CRC of 24 bits.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import click
from PIL import Image

from edge.codecs.jpeg_shrink import FACTOR_BYTES
from edge.codecs.still_picture import MEAN_COLOUR_BYTES
from edge.images import Picture
from emulator.channels.ldpc import Mcs
from tools.figures.channel_uses import bits_that_fit
from tools.figures.results import Row
from tools.figures.setting import write
from tools.split import curves, digital
from tools.split.fig7 import draw
from tools.split.setting import SNRS_DB, SYMBOLS, TRAINED_DB, Setting, options

DESIGNED_DB = 10.0  # SNR that the digital baseline's scheme is chosen for
Way = tuple[dict[str, Any], dict[str, Any]]  # what a transmit step is, for its row; the radio's bearers


def scenario(codec: Mapping[str, object], steps: Sequence[Way], pictures: int, seed: int) -> dict[str, Any]:
    """server -> gateway -> base station -> radio -> device; the same pictures once a step."""
    wire = {"rate_bps": 100e6, "delay_s": 0.004}
    work: list[dict[str, Any]] = []
    for number, (_, bearers) in enumerate(steps):
        work += [{"set_link": {"link": "radio", "bearers": bearers}}] if number else []
        work.append({"transmit": {"images": pictures, "crop": None}})
    return {
        "version": 1,
        "name": "split-curve",
        "seed": seed,
        "clock": "virtual",
        "nodes": {
            "server": {"role": "tx"},
            "gateway": {"role": "relay"},
            "base-station": {"role": "relay"},
            "device": {"role": "rx", "codec": dict(codec)},
        },
        "links": [
            {"name": "backbone", "from": "server", "to": "gateway", **wire},
            {"name": "access", "from": "gateway", "to": "base-station", **wire},
            {
                "name": "radio",
                "from": "base-station",
                "to": "device",
                "symbol_rate_hz": 100e3,
                "bearers": steps[0][1],
            },
        ],
        "workload": work,
    }


def launched(codec: Mapping[str, object], steps: Sequence[Way], pictures: Sequence[Picture]) -> Any:
    """The report of a run. Raises ClickException with what the run said when it failed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "pictures").mkdir()
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(place / "pictures" / f"p{number:04d}.png")
        (place / "curve.yaml").write_text(json.dumps(scenario(codec, steps, len(pictures), 0)))
        command = ["run", *map(str, (place / "curve.yaml", "--images", place / "pictures", "--out", place / "report"))]
        done = subprocess.run([sys.executable, "-m", "emulator", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"the run failed: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads((place / "report" / "report.json").read_text())


def rows_of(report: Any, steps: Sequence[Way]) -> list[Row]:
    """One row a transmit step."""
    sent = [step["index"] for step in report["steps"] if step["kind"] == "transmit"]
    rows: list[Row] = []
    for (known, _), step in zip(steps, sent, strict=True):
        own = [one for one in report["messages"] if one["step"] == step]
        psnr = [float(one["psnr_db"]) for one in own if one["psnr_db"] is not None]
        uses = [one for one in report["bearers"] if one["step"] == step and one["link"] == "radio"]
        measured = {
            "channel_uses": uses[0]["channel_uses"] if uses else None,
            "undelivered": len(own) - len(psnr),
            **{f"ber_{level['level']}": level["ber_measured"] for use in uses for level in use["levels"]},
        }
        (made,) = [curves.row(str(known["scheme"]), known["symbols"], known["snr_db"], [{"psnr_db": psnr}])]
        rows.append({**made, **known, "psnr_db": round(fmean(psnr), 3), **measured})
    return rows


def split_steps(setting: Setting) -> list[Way]:
    """Every mapper and the unequal protection over every SNR, and the medium once."""
    steps: list[Way] = []
    for k in SYMBOLS:
        for trained_db in TRAINED_DB:
            file = setting.mapper(k, trained_db)
            for snr_db in SNRS_DB if file else ():
                known = {"scheme": "split", "symbols": k, "snr_db": snr_db, "trained_db": trained_db}
                steps.append((known, {"bits": {"learned": {"weights": str(file), "snr_db": snr_db}}}))
        for snr_db in SNRS_DB:
            known = {"scheme": "split, unequal protection", "symbols": k, "snr_db": snr_db}
            steps.append((known, {"bits": {"unequal": {"symbols": k, "snr_db": snr_db}}}))
    return steps


def deepjscc_runs(setting: Setting) -> list[tuple[dict[str, object], list[Way]]]:
    """A launch for each weight file."""
    runs = []
    for k in SYMBOLS:
        for trained_db in TRAINED_DB:
            file = setting.deepjscc(k, trained_db)
            if file is None:
                continue
            codec = {"name": "deepjscc", "weights": str(file), "channels": k // 32, "snr_db": str(trained_db)}
            steps: list[Way] = [
                (
                    {"scheme": "deepjscc", "symbols": k, "snr_db": snr_db, "trained_db": trained_db},
                    {"symbols": {"awgn": snr_db}},
                )
                for snr_db in SNRS_DB
            ]
            runs.append((codec, steps))
    return runs


def digital_runs(setting: Setting, k: int) -> list[tuple[dict[str, object], list[Way]]]:
    """A launch with the scheme that is best at DESIGNED_DB, and one for each SNR with the best there."""
    name = digital.codec_here(setting)
    fixed, adapted = _designed(k, DESIGNED_DB), f"{name}-ldpc, best scheme of each SNR"
    planned: list[tuple[str, Mcs | None, Sequence[float]]] = [(f"{name}-ldpc, {fixed}", fixed, SNRS_DB)]
    planned += [(adapted, best, (snr_db,)) for snr_db in SNRS_DB if (best := _designed(k, snr_db)) is not None]
    runs = []
    for scheme, mcs, snrs_db in planned:
        if mcs is None:
            continue
        codec = {"name": name, "budget_bits": bits_that_fit(k, mcs), "size": "32x32", "shrink": "best"}
        coded = {"order": mcs.order, "code_rate": mcs.rate}
        steps: list[Way] = [
            (
                {"scheme": scheme, "symbols": k, "snr_db": snr_db, "mcs": str(mcs)},
                {"opaque": {"ldpc": {**coded, "snr_db": snr_db}}},
            )
            for snr_db in snrs_db
        ]
        runs.append((codec, steps))
    return runs


def _designed(k: int, snr_db: float) -> Mcs | None:
    """The scheme that brings most bytes through, in blocks of one picture; None where none holds a mean colour."""

    def expected(scheme: digital.Scheme) -> float:
        lost = digital.failed(scheme, k, snr_db, 100, 0)
        return bits_that_fit(k, scheme.mcs) * (1 - float(lost.mean()))

    least = 8 * (MEAN_COLOUR_BYTES + FACTOR_BYTES)
    own = [scheme for scheme in digital.schemes(k, snr_db) if not scheme.length]
    own = [scheme for scheme in own if bits_that_fit(k, scheme.mcs) >= least]
    return max(own, key=expected).mcs if own else None


def sockets(setting: Setting) -> None:
    pictures = setting.scored()
    codec: dict[str, object] = {"name": "split", "weights": str(setting.edge / f"{curves.SOURCE}.safetensors")}
    runs = [(codec, split_steps(setting)), *deepjscc_runs(setting)]
    runs += [run for k in SYMBOLS for run in digital_runs(setting, k)]
    rows: list[Row] = []
    for made_by, steps in runs:
        report = launched(made_by, steps, pictures)
        rows += rows_of(report, steps)
        click.echo(f"  {made_by['name']}: {len(steps)} steps of {len(pictures)} pictures", err=True)
    write(setting, "sockets", rows, {"pictures": len(pictures)})
    draw(setting, "sockets", rows, {k: f"over sockets, K = {k}" for k in SYMBOLS})


if __name__ == "__main__":
    options(sockets)()
