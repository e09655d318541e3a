"""Every alignment of strangers that figures and tables need, --jobs at a time, all of one seed before the next.

Nothing is drawn here. The figures compute what they miss themselves, one after the other; this is for two cores.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

import click

from tools.slf import alignments, pilots
from tools.slf.alignments import PAIRS, Task
from tools.slf.setting import Setting, options


def tasks(setting: Setting) -> Iterator[Task]:
    """Seeds outermost, so that a run that is cut short has one whole seed first."""
    for seed in range(setting.seeds):
        for panel in PAIRS:
            yield from alignments.sweep(panel, seed)
        yield from pilots.tasks(seed)


def carry_out(setting: Setting, task: Task) -> float:
    """Returns the seconds that it took; few when it was kept."""
    import torch

    torch.set_num_threads(setting.threads)
    began = time.perf_counter()
    alignments.scored_alignment(setting, task.pair, task.conditions)
    return time.perf_counter() - began


def align_all(setting: Setting) -> None:
    wanted = list(tasks(setting))
    began, done = time.perf_counter(), 0
    if setting.jobs == 1:
        for task in wanted:
            carry_out(setting, task)
            done += 1
            click.echo(f"  {done}/{len(wanted)}, {time.perf_counter() - began:.0f} s", err=True)
        return
    with ProcessPoolExecutor(setting.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        alone = replace(setting, jobs=1)
        for future in as_completed([pool.submit(carry_out, alone, task) for task in wanted]):
            future.result()
            done += 1
            click.echo(f"  {done}/{len(wanted)}, {time.perf_counter() - began:.0f} s", err=True)


if __name__ == "__main__":
    options(align_all)()
