"""Which pictures each step of a scenario sends or learns from. All are read before anything is started."""

from __future__ import annotations

from pathlib import Path

from emulator import pictures_to_send
from emulator.errors import RunError
from emulator.pictures_to_send import Album, Shot
from emulator.topology import Adapt, Distill, Scenario, Transmit
from emulator.topology.workload import FEW_PICTURES

MAX_LESSON_BYTES = 7_000_000  # one request holds them all: see MAX_MESSAGE_BYTES of edge.wire.endpoint


Learning = Adapt | Distill
"""Steps that learn from pictures."""


class Gallery:
    """The pictures of one run, cut as its steps want them. Steps that learn share theirs: each takes the first it
    needs."""

    def __init__(self, scenario: Scenario, images: Path | None, limit: int | None) -> None:
        """images: the user's pictures, None for the packaged sample; limit: no step sends more (it may learn more).

        total: how many pictures the set holds, once they are read.
        """
        self._scenario = scenario
        self._images = images
        self._limit = limit
        self._to_send: dict[tuple[int | None, int | None], list[Shot]] = {}
        self._to_learn: dict[tuple[int | None, int], list[Shot]] = {}
        self.total = 0

    def load(self) -> None:
        """Reads and cuts them. Raises ImageError or RunError, one sentence each."""
        steps = self._scenario.workload
        learners = [step for step in steps if isinstance(step, Learning)]
        selections = [self._selection(step) for step in steps if isinstance(step, Transmit)]
        selections += [self._served(step) for step in learners if step.serve]
        if not learners and not selections:
            return
        counts = [count for _, count in selections]
        album = pictures_to_send.album(
            self._images,
            self._scenario.pictures,
            learn=max((step.images for step in learners), default=0),
            send=None if None in counts else max((count for count in counts if count is not None), default=0),
            seed=self._scenario.seed,
        )
        self._check_shares(album)
        self.total = album.total
        self._to_send = {chosen: pictures_to_send.shots(album.to_send, *chosen) for chosen in set(selections)}
        wanted = {(step.cut, step.images) for step in learners}
        self._to_learn = {chosen: pictures_to_send.shots(album.to_learn, *chosen) for chosen in wanted}
        self._check_sizes()

    def to_send(self, step: Transmit) -> list[Shot]:
        """What a transmit step sends."""
        return self._to_send[self._selection(step)]

    def to_learn(self, step: Learning) -> list[Shot]:
        """What a step learns from."""
        return self._to_learn[step.cut, step.images]

    def to_serve(self, step: Learning) -> list[Shot]:
        """What is sent while a step trains."""
        return self._to_send[self._served(step)] if step.serve else []

    def _selection(self, step: Transmit) -> tuple[int | None, int | None]:
        return step.crop, self._limited(step.images)

    def _served(self, step: Learning) -> tuple[int | None, int | None]:
        return step.cut, self._limited(step.serve)

    def _limited(self, count: int | None) -> int | None:
        limits = [limit for limit in (count, self._limit) if limit is not None]
        return min(limits) if limits else None

    def _check_shares(self, album: Album) -> None:
        for index, step in enumerate(self._scenario.workload):
            if not isinstance(step, Learning):
                continue
            most = max(FEW_PICTURES, int(step.share * album.total))
            if step.images > most:
                raise RunError(
                    f"workload[{index}].{step.kind}.images: {step.images} of {album.total} pictures are more than the "
                    f"share of {step.share:g}; give at most {most}, or raise share"
                )

    def _check_sizes(self) -> None:
        for index, step in enumerate(self._scenario.workload):
            if not isinstance(step, Learning):
                continue
            size = sum(len(shot.png) for shot in self.to_learn(step))
            if size > MAX_LESSON_BYTES:
                raise RunError(
                    f"workload[{index}].{step.kind}.images: {step.images} pictures are {size / 1e6:.1f} MB as PNG, "
                    f"more than {MAX_LESSON_BYTES / 1e6:g}; give fewer, or a smaller cut"
                )
