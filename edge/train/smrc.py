"""Training of SMRC's codec and its semantic extractors, in turns (section III), over AWGN or block fading per packet.

The extractors first learn from raw pictures. Then come rounds: so many steps for trunk, heads and decoders (eq. (2),
extractors fixed), so many for the extractors on what the decoders make (cross-entropy of the same classes and beta,
codec fixed).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from edge.codecs import conv_stages, smrc_network
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.smrc_file import ARCHITECTURE, HEADS, TRAINING, heads_json
from edge.codecs.smrc_network import SmrcReceiver, SmrcShape, SmrcTransmitter, to_numbers, to_symbols
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.images import Named
from edge.train import smrc_loss, whole_pictures
from edge.train.loop import Learner, Losses, Schedule, Trainer
from edge.train.slf_classifier import labelled
from edge.train.smrc_loss import HeadGoal, HeadOutput
from edge.train.whole_pictures import WholePictures, as_tensor
from emulator.channels import torch_faces
from emulator.channels.torch_faces import TorchAWGN, TorchRician

SEMANTIC_SCALE = 0.01

Turn = Literal["raw", "codec", "extractors"]


@dataclass(frozen=True)
class Air:
    """The channel trained for. Each packet, that is each sub-block of each picture, meets an Es/N0 of its own, uniform
    in dB in [low_snr_db, high_snr_db]; with k_factor (linear; 0 is Rayleigh) that is the mean of a fading gain that
    the receiver knows and divides out."""

    low_snr_db: float = 0.0
    high_snr_db: float = 15.0
    k_factor: float | None = None

    def __post_init__(self) -> None:
        if not -math.inf < self.low_snr_db <= self.high_snr_db < math.inf:
            raise ValueError(
                f"snr_db: must be two finite numbers, the lower first, got {self.low_snr_db} and {self.high_snr_db}"
            )
        if self.k_factor is not None and not 0 <= self.k_factor < math.inf:
            raise ValueError(f"k_factor: must be finite and >= 0 (linear, not dB), got {self.k_factor}")

    def __call__(self, blocks: Mapping[int, Tensor], generator: torch.Generator) -> dict[int, Tensor]:
        """Sub-blocks [B, 2n] -> as received, gains divided out."""
        received = {}
        for place, block in blocks.items():
            spread = torch.rand(len(block), 1, generator=generator) * (self.high_snr_db - self.low_snr_db)
            received[place] = carried(block, self.low_snr_db + spread, self.k_factor, generator)
        return received


def carried(block: Tensor, snr_db: Tensor, k_factor: float | None, generator: torch.Generator) -> Tensor:
    """Numbers [B, 2n], snr_db [B, 1] -> as received. The channels know one SNR: the signal's amplitude makes others."""
    amplitude = 10 ** (snr_db / 20)
    sent = amplitude * to_symbols(block)
    if k_factor is None:
        return to_numbers(TorchAWGN(0.0)(sent, generator) / amplitude)
    faded = TorchRician(k_factor, 0.0)(sent, generator)
    return to_numbers(faded.symbols / (faded.gain * amplitude))


@dataclass(frozen=True)
class Turns:
    """raw steps for the extractors on raw pictures; then codec steps, extractors steps, and so on. A run's last steps
    are always the extractors'."""

    raw: int = 500
    codec: int = 900
    extractors: int = 100

    def __post_init__(self) -> None:
        for name, least in (("raw", 0), ("codec", 1), ("extractors", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: must be at least {least}, got {getattr(self, name)}")

    def at(self, step: int, steps: int) -> Turn:
        if step < self.raw:
            return "raw"
        theirs = (step - self.raw) % (self.codec + self.extractors) >= self.codec or step >= steps - self.extractors
        return "extractors" if theirs else "codec"


class Labelled(NamedTuple):
    """images [B, 3, s, s] in [0, 1]; labels [B]."""

    images: Tensor
    labels: Tensor


class LabelledPictures(WholePictures):
    """Batches of small pictures and their classes; those of a second source come after those of the first."""

    def __init__(self, groups: Sequence[Sequence[Named]], side: int, seed: int) -> None:
        """As WholePictures. Raises ImageError when a picture has no label."""
        self.labels = labelled(groups)
        super().__init__(groups, side, seed)
        self.side = side

    @property
    def colours(self) -> int:
        """1 when every picture is grey, else 3."""
        return 1 if all(bool((stack == stack[..., :1]).all()) for stack in self.groups) else 3

    @property
    def classes(self) -> int:
        return 1 + max(int(labels.max()) for labels in self.labels)

    def batch(self, count: int) -> Labelled:  # type: ignore[override]  # Trainer hands it on to SmrcLearner.losses
        pictures, places = self.draw(count)
        labels = np.array([self.labels[group][place] for group, place in places])
        return Labelled(as_tensor(pictures), torch.from_numpy(labels))


class SmrcLearner(Learner):
    """For one set of heads and one channel. `take_turn` says who learns."""

    architecture = ARCHITECTURE

    def __init__(
        self,
        shape: SmrcShape,
        goals: Sequence[HeadGoal],
        seed: int,
        air: Air | None = None,
        semantic_scale: float = SEMANTIC_SCALE,
    ) -> None:
        """goals: one for each head. Raises ValueError for one that does not fit its head."""
        super().__init__(seed)
        if len(goals) != len(shape.heads):
            raise ValueError(f"heads: {len(shape.heads)} heads need as many goals, got {len(goals)}")
        for block, goal in enumerate(goals):
            goal.check(f"heads[{block}]", shape, block)
        if not 0 <= semantic_scale < math.inf:
            raise ValueError(f"semantic_scale: must be finite and >= 0, got {semantic_scale}")
        self.shape, self.goals, self.air = shape, tuple(goals), air or Air()
        self.semantic_scale = semantic_scale
        self.tx: SmrcTransmitter = SmrcTransmitter(shape).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        self.rx: SmrcReceiver = SmrcReceiver(shape).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        self.turn: Turn = "codec"

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def settings(self) -> dict[str, object]:
        sizes = asdict(self.shape)
        del sizes[HEADS]
        return {
            "shape": sizes,
            HEADS: json.loads(json.dumps(heads_json(self.shape.heads))),  # lists, as a file has them
            "goals": [_described(goal) for goal in self.goals],
            "air": asdict(self.air),
            "semantic_scale": self.semantic_scale,
        }

    @property
    def codec_options(self) -> dict[str, str]:
        return {}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (smrc_network, conv_stages, smrc_loss, whole_pictures, torch_faces, sys.modules[__name__])

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        settings = self.settings
        told = {name: json.dumps(settings.pop(name)) for name in ("shape", HEADS)}
        return {"architecture": ARCHITECTURE, **told, TRAINING: json.dumps(settings), PAIRING: pairing(tensors)}

    def make_extractors_alike(self) -> None:
        """All begin as the first one's. They see almost the same pictures, and where two layers are nearly as good it
        would be chance which of two separate trainings came out ahead."""
        first, *others = self.rx.extractor.values()
        for other in others:
            other.load_state_dict(first.state_dict())

    def take_turn(self, turn: Turn) -> None:
        """From now on only the extractors learn, or only the codec does."""
        self.turn = turn
        theirs = turn != "codec"
        self.rx.extractor.requires_grad_(theirs)
        self.rx.decoder.requires_grad_(not theirs)
        self.tx.requires_grad_(not theirs)

    def losses(self, batch: Labelled, generator: torch.Generator) -> Losses:  # type: ignore[override]
        """Eq. (2) in the codec's turn; the heads' semantic losses in the extractors'. mse: of the last head's pictures
        (at its worst, 1, while extractors look at raw ones)."""
        images = batch.images.contiguous(memory_format=MEMORY_FORMAT)
        blocks = range(len(self.shape.heads))
        if self.turn == "raw":
            raw = [HeadOutput(images, self.rx.log_probabilities(block, images)) for block in blocks]
            return Losses(self._semantic(raw, batch.labels), 1.0)
        outputs = self.outputs(images, generator)
        last = nn.functional.mse_loss(outputs[-1].pictures.detach(), images).item()
        if self.turn == "extractors":
            return Losses(self._semantic(outputs, batch.labels), last)
        wanted = smrc_loss.total(self.shape, self.goals, outputs, images, batch.labels, self.semantic_scale)
        return Losses(wanted, last)

    def outputs(self, images: Tensor, generator: torch.Generator) -> list[HeadOutput]:
        """What every head's decoder and extractor make of these pictures, sent once."""
        received = self.air(self.tx(images), generator)
        pictures = [self.rx.reconstruct(block, received) for block in range(len(self.shape.heads))]
        return [HeadOutput(one, self.rx.log_probabilities(block, one)) for block, one in enumerate(pictures)]

    def _semantic(self, outputs: Sequence[HeadOutput], labels: Tensor) -> Tensor:
        loss = torch.zeros(())
        for head, goal, output in zip(self.shape.heads, self.goals, outputs, strict=True):
            groups = smrc_loss.group_of(head.groups, labels)
            loss = loss + smrc_loss.semantic_error(output.log_probabilities, groups, goal.beta)
        return loss


class SmrcTrainer(Trainer):
    """Codec and extractors in turns. `pair` is the learner."""

    def __init__(self, learner: SmrcLearner, schedule: Schedule, pictures: LabelledPictures, turns: Turns) -> None:
        super().__init__(learner, schedule, pictures)  # type: ignore[arg-type]  # see LabelledPictures.batch
        self.pair, self.turns = learner, turns

    def train_step(self) -> float:
        self.pair.take_turn(self.turns.at(self.step, self.schedule.steps))
        return super().train_step()

    def settings(self) -> dict[str, object]:
        return super().settings() | {"turns": asdict(self.turns)}


def _described(goal: HeadGoal) -> dict[str, object]:
    """As JSON values; a region by its shape and mean, which tell a wrong one."""
    region = None if goal.region is None else [list(goal.region.shape), round(float(goal.region.mean()), 6)]
    return {
        "alpha": goal.alpha,
        "beta": list(goal.beta),
        "weight": goal.weight,
        "after_db": goal.after_db,
        "region": region,
    }
