"""Measures the block error rate of 5G LDPC with QAM over AWGN, and writes emulator/channels/ldpc_table.json.

    python tools/ldpc_table.py --out emulator/channels/ldpc_table.json

Each scheme is simulated from Shannon's limit upwards in steps of --step-db, until a point of --blocks blocks shows no
error. A point ends early after --errors errors. Some twenty minutes on one core.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click

from emulator.channels.belief_propagation import ITERATIONS
from emulator.channels.ldpc import CRC_BITS, TOGETHER, BlockPlan, LdpcQam, Mcs
from emulator.channels.mcs import ORDERS, RATES
from emulator.channels.noise import NoiseKey, SegmentNoise

BLOCK_BITS = (256, 1024, 4096)


def worth_measuring(mcs: Mcs) -> bool:
    """Large constellations at low rates are no match for smaller ones at higher rates."""
    return mcs.rate >= {4: 0.0, 16: 1 / 3, 64: 2 / 5, 256: 1 / 2}[mcs.order]


def failures(mcs: Mcs, block_bits: int, snr_db: float, blocks: int, enough: int, seed: int) -> tuple[int, int]:
    """(failed, simulated) blocks; ends once `enough` have failed."""
    plan = BlockPlan.of(block_bits - CRC_BITS, mcs, block_bits)
    name = f"{mcs} {block_bits} {snr_db}"
    channel = LdpcQam(snr_db)
    draw = SegmentNoise(NoiseKey(seed, "ldpc_table", "rx", name, "payload"), 0, 0)
    failed = done = 0
    while done < blocks and failed < enough:
        some = range(done, min(done + TOGETHER, blocks))
        failed += int(channel.block_errors(plan, some, draw)[1].sum())
        done = some.stop
    return failed, done


def waterfall(mcs: Mcs, block_bits: int, step_db: float, blocks: int, enough: int, seed: int) -> dict[str, Any]:
    """One curve, from the last SNR at which everything failed to the first at which nothing did."""
    limit_db = 10 * math.log10(2**mcs.efficiency - 1)
    step = math.floor(limit_db / step_db)
    points: list[tuple[float, int, int]] = []
    while not points or points[-1][1] > 0:
        snr_db = round(step * step_db, 6)
        points.append((snr_db, *failures(mcs, block_bits, snr_db, blocks, enough, seed)))
        if len(points) > 1 and points[-2][1] == points[-2][2] and points[-1][1] == points[-1][2]:
            del points[-2]
        step += 1
    snrs, errors, simulated = zip(*points, strict=True)
    return {
        "order": mcs.order,
        "rate": mcs.rate,
        "block_bits": block_bits,
        "snr_db": list(snrs),
        "errors": list(errors),
        "blocks": list(simulated),
    }


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file to write.")
@click.option("--step-db", default=0.25, show_default=True, help="Distance of two SNRs, in dB.")
@click.option("--blocks", default=200, show_default=True, help="Blocks simulated at each SNR.")
@click.option("--errors", default=20, show_default=True, help="Failed blocks that end a point early.")
@click.option("--seed", default=1, show_default=True, help="Seed of bits and noise.")
def main(out: Path, step_db: float, blocks: int, errors: int, seed: int) -> None:
    """Measure and write the table."""
    curves = []
    for block_bits in BLOCK_BITS:
        for mcs in (Mcs(order, rate) for order in ORDERS for rate in RATES):
            if not worth_measuring(mcs):
                continue
            began = time.perf_counter()
            curve = waterfall(mcs, block_bits, step_db, blocks, errors, seed)
            curves.append(curve)
            rate = sum(curve["blocks"]) / (time.perf_counter() - began)
            click.echo(f"{mcs} k={block_bits}: {curve['snr_db'][0]} .. {curve['snr_db'][-1]} dB, {rate:.0f} blocks/s")
    head = {
        "command": f"python tools/ldpc_table.py --step-db {step_db} --blocks {blocks} --errors {errors} --seed {seed}",
        "decoder": f"layered sum-product, {ITERATIONS} iterations at most",
        "snr": "Es/N0 in dB",
    }
    rows = ",\n    ".join(json.dumps(curve) for curve in curves)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "waterfalls": [\n    {rows}\n  ]\n}}\n'
    out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
