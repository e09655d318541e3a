"""Measures how fast the channels' NumPy faces are on one core, and prints JSON.

    python tools/bench/noise.py --out noise.json

A figure is the median over ``--repeats`` passes of payload through one channel, by the thread's CPU time (so that other
work on a shared machine counts less) and by wall time. The best pass is given too: on a shared machine it is nearest to
what an idle core does. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click
import numpy as np

from emulator.channels.awgn import AWGN
from emulator.channels.bsc import BSC
from emulator.channels.dmc import KaryDMC
from emulator.channels.fading import Rayleigh
from emulator.channels.levels import geometric_bers
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.qam import UncodedQAM
from emulator.memory import keep_freed_memory

KEY = NoiseKey(seed=1, link="bench", receiver="rx", session="bench", purpose="payload")
BIT_ERROR_RATES = (1e-5, 1e-3, 1e-2, 0.1, 0.4)
EPSILONS = (1e-5, 1e-3, 1e-2, 0.1, 0.5)
K = 512
SNR_DB = 10.0


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model n")
        ]
        model = names[0] if names else model
    load = Path("/proc/loadavg")
    return {
        "cpu": model,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "load_average_1min": float(load.read_text().split()[0]) if load.exists() else None,
    }


def measure(run: Callable[[SegmentNoise], object], size_bytes: int, repeats: int) -> dict[str, float]:
    """MB/s (10**6 bytes) of run(draw) on size_bytes of payload; every pass is another message."""
    cpu_s, wall_s = [], []
    for message in range(repeats + 1):
        draw = SegmentNoise(KEY, message, 0)
        wall_start, cpu_start = time.perf_counter(), time.thread_time()
        run(draw)
        cpu_s.append(time.thread_time() - cpu_start)
        wall_s.append(time.perf_counter() - wall_start)
    cpu_s, wall_s = cpu_s[1:], wall_s[1:]  # the first pass warms caches up
    return {
        "cpu_mb_per_s": round(size_bytes / statistics.median(cpu_s) / 1e6, 1),
        "wall_mb_per_s": round(size_bytes / statistics.median(wall_s) / 1e6, 1),
        "best_mb_per_s": round(size_bytes / min(wall_s) / 1e6, 1),
    }


def leveled(bers: tuple[float, ...]) -> Callable[[Any, int, SegmentNoise], object]:
    """Equal shares of the payload over a BSC each, as the groups of a leveled message."""
    channels = [BSC(ber) for ber in bers]

    def run(packed: Any, offset: int, draw: SegmentNoise) -> None:
        for channel, share in zip(channels, np.array_split(packed, len(channels)), strict=True):
            channel(share, offset, draw)

    return run


def cases(size_bytes: int) -> list[tuple[dict[str, Any], Callable[[Any, int, SegmentNoise], object], Any]]:
    """(description, channel, signal of size_bytes)."""
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, size_bytes, dtype=np.uint8)
    indices = rng.integers(0, K, size_bytes // 2, dtype=np.uint16)
    symbols = np.ones(size_bytes // 8, dtype=np.complex64)
    listed: list[tuple[dict[str, Any], Callable[[Any, int, SegmentNoise], object], Any]] = []
    for ber in BIT_ERROR_RATES:
        bsc = BSC(ber)
        listed.append(({"channel": "bsc", "ber": ber, "method": bsc.method}, bsc, packed))
    bers = geometric_bers(10, 0.4, 0.001)  # of Split DeepJSCC, eq. (17)
    listed.append(({"channel": "levels", "bers": [round(ber, 5) for ber in bers]}, leveled(bers), packed))
    for epsilon in EPSILONS:
        listed.append(({"channel": "dmc", "k": K, "epsilon": epsilon}, KaryDMC(K, epsilon), indices))
    listed.append(({"channel": "awgn", "snr_db": SNR_DB}, AWGN(SNR_DB), symbols))
    rayleigh = Rayleigh(SNR_DB, "packet", packet_elements=1024)
    listed.append(({"channel": "rayleigh", "snr_db": SNR_DB, "coherence": "packet"}, rayleigh, symbols))
    listed.append(({"channel": "uncoded_qam", "order": 16, "snr_db": SNR_DB}, UncodedQAM(16, SNR_DB), packed))
    return listed


@click.command()
@click.option("--size-bytes", type=click.IntRange(4096), default=1 << 20, show_default=True, help="Payload of a pass.")
@click.option(
    "--packet-bytes",
    type=click.IntRange(8),
    default=1 << 18,
    show_default=True,
    help="Payload of one call; a multiple of 8.",
)
@click.option("--repeats", type=click.IntRange(1), default=25, show_default=True, help="Passes for each channel.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here instead of to stdout.")
def main(size_bytes: int, packet_bytes: int, repeats: int, out: Path | None) -> None:
    """Measure noise in MB/s of payload on one core, in a process that treats memory as the daemon does; prints JSON."""
    keep_freed_memory()
    if packet_bytes % 8:
        raise click.BadParameter(f"must be a multiple of 8, got {packet_bytes}", param_hint="--packet-bytes")
    results = []
    for description, channel, signal in cases(size_bytes - size_bytes % 8):
        step = packet_bytes // signal.itemsize

        def run(draw: SegmentNoise, channel: Any = channel, signal: Any = signal, step: int = step) -> None:
            for offset in range(0, signal.size, step):
                channel(signal[offset : offset + step], offset, draw)

        results.append(description | measure(run, signal.nbytes, repeats))
    report = json.dumps(
        {"machine": machine(), "size_bytes": size_bytes, "packet_bytes": packet_bytes, "results": results}, indent=2
    )
    if out is None:
        click.echo(report)
    else:
        out.write_text(report + "\n")


if __name__ == "__main__":
    main()
