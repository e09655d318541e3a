"""The descent of one fine-tuning: optimizer steps from a decoder that works, judged now and then, the best one kept.
What is minimised, and how the result is judged, is an Objective's (dft.py, lsdft.py, distilling.py). Not thread-safe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

WARM_UP = 20  # steps: Adam's second moments are unknown at first, and a trained decoder is easily spoilt
FLOOR = 0.02  # of the peak learning rate, at the end
MAX_GRADIENT = 0.1
AVERAGE = 0.97  # decay of the weight average that is judged and kept: a run is too short to wait for Adam to settle
MARGIN = {"dB": 0.01, "loss": 0.001}  # a smaller gain (of a loss: its share) is no reason to replace what works


class Objective(Protocol):
    """A method: what a step minimises and how a decoder is judged, on the codec the tuner works on."""

    unit: str  # of judgements: "dB", where more is better, or "loss", where less is
    before: float  # what `judge` said of the deployed decoder and codebooks

    def loss(self, generator: torch.Generator) -> Tensor:
        """The loss of one batch, with its graph."""
        ...

    def judge(self) -> float:
        """The decoder as it is now, on the validation slice, always through the same noise."""
        ...


@dataclass(frozen=True)
class TunerProgress:
    """loss: mean over the steps of this call (NaN when there were none). validation: the latest judgement."""

    step: int
    steps: int
    loss: float
    validation: float
    validation_before: float
    unit: str


@dataclass(frozen=True)
class Verdict:
    """better: put the new decoder in force. before, after: on the validation slice. reason: one sentence."""

    better: bool
    before: float
    after: float
    unit: str
    reason: str


class Descent:
    """`advance` until `finished`, then `verdict` and `best`."""

    def __init__(
        self,
        decoder: Mapping[str, Tensor],
        objective: Objective,
        *,
        learning_rate: float,
        steps: int,
        judge_steps: int,
        seed: int,
    ) -> None:
        """decoder: what is trained, in place. judge_steps: between two judgements; there is one at the end too."""
        self._decoder = dict(decoder)
        self._objective, self.unit = objective, objective.unit
        self._learning_rate, self._judge_steps = learning_rate, judge_steps
        for tensor in self._decoder.values():
            tensor.requires_grad_(True)
        self._optimizer = torch.optim.Adam(self._decoder.values(), lr=learning_rate)
        self._generator = torch.Generator().manual_seed(seed)
        self._stopped = ""
        self.step = 0
        self.steps = steps
        self._validation = self._best_score = objective.judge()
        self._best = self._copied()
        self._average = self._copied()

    @property
    def finished(self) -> bool:
        return bool(self._stopped) or self.step >= self.steps

    def advance(self, count: int) -> TunerProgress:
        """At most `count` more steps. A loss that is not finite ends the run; the best decoder so far is kept."""
        total, done = 0.0, 0
        while done < count and not self.finished:
            loss = self._one_step()
            if loss is None:
                break
            total, done = total + loss, done + 1
            if self.step % self._judge_steps == 0 or self.step == self.steps:
                self._judge()
        mean = total / done if done else math.nan
        return TunerProgress(self.step, self.steps, mean, self._validation, self._objective.before, self.unit)

    def verdict(self) -> Verdict:
        """Of the best decoder so far; final once `finished`."""
        before, after = self._objective.before, self._best_score
        gain = f"{before:.4g} {self.unit} before, {after:.4g} {self.unit} after, on the validation slice"
        if self._stopped:
            return Verdict(False, before, after, self.unit, self._stopped)
        if not self._gain(before, after) >= MARGIN[self.unit]:
            return Verdict(
                False, before, after, self.unit, f"the new decoder is not better ({gain}); the old one stays"
            )
        return Verdict(True, before, after, self.unit, f"the new decoder is better ({gain})")

    @property
    def best(self) -> dict[str, Tensor]:
        """The best decoder so far, by the names that it was given by."""
        return self._best

    def state(self) -> dict[str, Any]:
        """Everything that `put_state` needs to go on, exactly."""
        return {
            "step": self.step,
            "stopped": self._stopped,
            "decoder": self._copied(),
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "validation": self._validation,
            "best_score": self._best_score,
            "best": self._best,
            "average": self._average,
        }

    def put_state(self, state: Mapping[str, Any]) -> None:
        self._put(state["decoder"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["generator"])
        self.step, self._stopped = state["step"], state["stopped"]
        self._validation, self._best_score, self._best = state["validation"], state["best_score"], state["best"]
        self._average = state["average"]

    def _one_step(self) -> float | None:
        """One optimizer step; its loss, or None (and nothing changed) when that is not finite."""
        loss = self._objective.loss(self._generator)
        value = loss.item()
        if math.isfinite(value):
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(nn.utils.clip_grad_norm_(self._decoder.values(), MAX_GRADIENT))
            value = value if math.isfinite(norm) else norm
        if not math.isfinite(value):
            self._stopped = (
                f"step {self.step + 1}: the loss or its gradient is not finite ({value}); fine-tuning stopped and the "
                "last good decoder stays; lower learning_rate"
            )
            return None
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        self._optimizer.step()
        self.step += 1
        weight = 1 - min(AVERAGE, self.step / (self.step + 10))
        for name, tensor in self._decoder.items():
            self._average[name].lerp_(tensor.detach(), weight)
        return value

    def _rate(self) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        return self._learning_rate * min(1.0, (self.step + 1) / WARM_UP) * (FLOOR + (1 - FLOOR) * cosine)

    def _judge(self) -> None:
        """Judges the averaged decoder, and remembers it when it is the best so far."""
        latest = self._copied()
        self._put(self._average)
        self._validation = self._objective.judge()
        if self._gain(self._best_score, self._validation) > 0:  # False for NaN
            self._best_score, self._best = self._validation, self._copied()
        self._put(latest)

    def _gain(self, before: float, after: float) -> float:
        return after - before if self.unit == "dB" else (before - after) / max(before, 1e-30)

    def _copied(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._decoder.items()}

    @torch.no_grad()
    def _put(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self._decoder.items():
            tensor.copy_(tensors[name])
