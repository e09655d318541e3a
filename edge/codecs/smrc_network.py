"""Networks of SMRC (Mortaheb, Khojastepour, Chakradhar, Ulukus: "Semantic Multi-Resolution Communications", section
II): a trunk that all heads share, heads h_lk, a decoder and a semantic extractor for each head.

Figs. 5 and 6 are not in the text we have, so the sizes are ours: two halvings and one residual block in the trunk, a
linear layer a head, and a decoder that mirrors them; the extractor has two strided convolutions and two linear layers.
A single-head encoder of the same complexity, the paper's upper bound, is this network with one head of all symbols. The
paper's 40 symbols a head are taken as real numbers, which make 20 complex symbols. Nothing here knows of channels,
training or files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from edge.codecs.conv_stages import Residual

SHRINK = 4  # side of the picture over side of the trunk's map
WEIGHING_WIDTH = 32
EXTRACTOR_WIDTHS = (16, 32, 64)  # two convolutions, one hidden linear layer
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True)
class HeadShape:
    """One head h_lk. layer: l, from 1; symbols: n_l, complex, of its sub-block; groups: C_lk, the classes that its
    extractor tells apart, each a group of the data set's (class pooling); name: what it is asked for by, empty for the
    paper's h11, h21, h22 and so on."""

    layer: int
    symbols: int
    groups: tuple[tuple[int, ...], ...]
    name: str = ""

    def __post_init__(self) -> None:
        if self.symbols < 1:
            raise ValueError(f"symbols: must be at least 1, got {self.symbols}; give the size of the head's sub-block")
        if self.name and not NAME.fullmatch(self.name):
            raise ValueError(
                f"name: must be a letter and then letters, digits, '-' or '_', 32 at most, got '{self.name}'; rename it"
            )


@dataclass(frozen=True)
class SmrcShape:
    """side: of the square pictures, pixels; colours: 1 for grey, 3; channels: filters; classes: of the data set; heads:
    in the order of their layers. A head's place in that list is the index of its sub-block. weighing: whether decoders
    of several sub-blocks weigh them by how noisy each is, see `Weighing`."""

    side: int = 28
    colours: int = 1
    channels: int = 24
    classes: int = 10
    heads: tuple[HeadShape, ...] = field(default_factory=lambda: equal_heads(2, 20, 10))
    weighing: bool = False

    def __post_init__(self) -> None:
        if self.side % SHRINK or self.side < SHRINK:
            raise ValueError(f"side: must be a positive multiple of {SHRINK}, got {self.side}")
        if self.colours not in (1, 3):
            raise ValueError(f"colours: must be 1 (grey) or 3, got {self.colours}")
        layers = [head.layer for head in self.heads]
        if not layers or layers != sorted(layers) or set(layers) != set(range(1, len(set(layers)) + 1)):
            raise ValueError(f"heads: layers must be 1, 2, ... in order and without a gap, got {layers}")
        for place, head in enumerate(self.heads):
            check_groups(f"heads[{place}].groups", head.groups, self.classes)
            if self.names.index(self.names[place]) < place:
                raise ValueError(f"heads[{place}].name: '{self.names[place]}' is another head's already; rename one")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the heads, by the index of their sub-block."""
        return tuple(
            head.name or f"h{head.layer}{1 + sum(before.layer == head.layer for before in self.heads[:place])}"
            for place, head in enumerate(self.heads)
        )

    @property
    def layers(self) -> int:
        """L."""
        return self.heads[-1].layer

    @property
    def features(self) -> int:
        """Numbers that the trunk gives the heads."""
        return self.channels * (self.side // SHRINK) ** 2

    def blocks(self, layers: int) -> list[int]:
        """The sub-blocks of layers 1 to `layers`."""
        return [place for place, head in enumerate(self.heads) if head.layer <= layers]

    def needed(self, block: int) -> list[int]:
        """The sub-blocks that a head's decoder reads: the first head's of every earlier layer, and its own."""
        own = self.heads[block].layer
        return [self.block(layer, 1) for layer in range(1, own)] + [block]

    def block(self, layer: int | None, head: int | str) -> int:
        """Index of the sub-block of a head: of h_lk by l and k, both from 1, or of a head by its name, with which the
        layer may be None. Raises ValueError, naming the heads there are, when there is no such head."""
        of_layer = [place for place, one in enumerate(self.heads) if layer in (None, one.layer)]
        found = [place for k, place in enumerate(of_layer, 1) if head in (k, self.names[place])]
        if not found:
            which = f"'{head}'" if isinstance(head, str) else str(head)
            where = "" if layer is None else f" of layer {layer}"
            raise ValueError(f"head {which}{where}: there is none ({self._there_is()}); ask for one of these")
        return found[0]

    def _there_is(self) -> str:
        layers = range(1, self.layers + 1)
        named = list(zip(self.heads, self.names, strict=True))
        return ", ".join(
            f"layer {layer} has {' and '.join(name for head, name in named if head.layer == layer)}" for layer in layers
        )


def equal_heads(layers: int, symbols: int, classes: int) -> tuple[HeadShape, ...]:
    """The paper's: one head a layer, all of one size, which tell all classes apart."""
    return tuple(HeadShape(layer + 1, symbols, tuple((one,) for one in range(classes))) for layer in range(layers))


def check_groups(name: str, groups: Sequence[Sequence[int]], classes: int) -> None:
    """Raises ValueError unless every class is in exactly one group. (Not that a layer's groups refine an earlier
    layer's: the paper's own beta_3 pools in layer 2 what layer 1 tells apart.)"""
    members = [one for group in groups for one in group]
    strange = sorted(set(members) - set(range(classes)))
    if strange:
        raise ValueError(f"{name}: class {strange[0]} is not one of 0 to {classes - 1}; leave it out")
    missing = sorted(set(range(classes)) - set(members))
    if missing:
        raise ValueError(f"{name}: class {missing[0]} is in none; pool every class of 0 to {classes - 1}")
    if len(members) != classes or not all(groups):
        raise ValueError(f"{name}: every class must be in one group only, and no group empty, got {list(groups)}")


class Encoder(nn.Module):
    """`trunk` is shared by `heads`, one for each of `blocks`, named by the index of its sub-block."""

    def __init__(self, shape: SmrcShape, blocks: Iterable[int]) -> None:
        super().__init__()
        width = shape.channels
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * shape.colours, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            Residual(width),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.heads = nn.ModuleDict(
            {str(block): nn.Linear(shape.features, 2 * shape.heads[block].symbols) for block in blocks}
        )


class Weighing(nn.Module):
    """Reliability of each sub-block [B, sub-blocks] -> scales of the numbers that a decoder gets [B, numbers], and of
    the features that it makes of them [B, features]. Begins as ones.

    `reliability` weighs every sub-block by its own noise; how far a decoder should trust one of them depends on the
    others too: beside a good first layer, a bad second one is better left alone.
    """

    def __init__(self, sub_blocks: int, numbers: int, features: int) -> None:
        super().__init__()
        self.sizes = [numbers, features]
        last = nn.Linear(WEIGHING_WIDTH, numbers + features)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.body = nn.Sequential(nn.Linear(sub_blocks, WEIGHING_WIDTH), nn.ReLU(), last)

    def forward(self, reliabilities: Tensor) -> Sequence[Tensor]:
        scales: Tensor = 1 + self.body(2 * reliabilities - 1)
        return torch.split(scales, self.sizes, dim=1)


class Decoder(nn.Module):
    """d_lk: estimates of the sub-blocks that it needs, each [B, 2 n_l], and how far each is to be trusted -> pictures
    [B, colours, s, s], not clamped."""

    def __init__(self, shape: SmrcShape, numbers: Sequence[int]) -> None:
        super().__init__()
        width, side = shape.channels, shape.side // SHRINK
        total = sum(numbers)
        self.weighing = Weighing(len(numbers), total, shape.features) if shape.weighing and len(numbers) > 1 else None
        self.body = nn.Sequential(
            nn.Linear(total, shape.features),
            nn.Unflatten(1, (width, side, side)),
            Residual(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1),
            nn.PixelShuffle(2),
            nn.ReLU(),
            nn.Conv2d(width, 4 * shape.colours, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, received: Sequence[Tensor]) -> Tensor:
        """received: sub-blocks with their noise."""
        shares = [reliability(block) for block in received]
        numbers = torch.cat([share * block for share, block in zip(shares, received, strict=True)], dim=1)
        first, *rest = self.body
        if self.weighing is None:
            features = first(numbers)
        else:
            of_numbers, of_features = self.weighing(torch.cat(shares, dim=1))
            features = of_features * first(of_numbers * numbers)
        for part in rest:
            features = part(features)
        out: Tensor = features / 2 + 0.5
        return out


class Extractor(nn.Module):
    """Pictures [B, 3, s, s] in [0, 1] -> scores of the data set's classes [B, classes]."""

    def __init__(self, shape: SmrcShape) -> None:
        super().__init__()
        first, second, hidden = EXTRACTOR_WIDTHS
        self.colours = shape.colours
        self.body = nn.Sequential(
            nn.Conv2d(shape.colours, first, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * (shape.side // SHRINK) ** 2, hidden),
            nn.ReLU(),
            nn.Linear(hidden, shape.classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.body(2 * images[:, : self.colours] - 1)
        return scores


class SmrcTransmitter(nn.Module):
    """What the access point holds: the trunk and the heads of `blocks`, all of them unless said otherwise."""

    def __init__(self, shape: SmrcShape, blocks: Iterable[int] | None = None) -> None:
        super().__init__()
        self.grey = shape.colours == 1
        self.encoder = Encoder(shape, range(len(shape.heads)) if blocks is None else blocks)

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """images [B, 3, s, s] in [0, 1] -> each sub-block [B, 2 n_l], from one pass through the trunk; pairs of its
        numbers are complex symbols of average power 1."""
        seen = images.mean(dim=1, keepdim=True) if self.grey else images
        features = self.encoder.trunk(2 * seen - 1)
        return {int(block): normalised(head(features)) for block, head in self.encoder.heads.items()}


class SmrcReceiver(nn.Module):
    """What a receiver holds: a decoder and an extractor for each head of `blocks`, and of no other."""

    def __init__(self, shape: SmrcShape, blocks: Iterable[int] | None = None) -> None:
        super().__init__()
        held = list(range(len(shape.heads)) if blocks is None else blocks)
        self.shape = shape
        numbers = {block: [2 * shape.heads[one].symbols for one in shape.needed(block)] for block in held}
        self.decoder = nn.ModuleDict({str(block): Decoder(shape, numbers[block]) for block in held})
        self.extractor = nn.ModuleDict({str(block): Extractor(shape) for block in held})

    def reconstruct(self, block: int, received: dict[int, Tensor]) -> Tensor:
        """Sub-blocks as received, each [B, 2 n_l], those that this head needs among them -> pictures [B, 3, s, s], not
        clamped."""
        needed = [received[one] for one in self.shape.needed(block)]
        return torch.as_tensor(self.decoder[str(block)](needed)).expand(-1, 3, -1, -1)

    def log_probabilities(self, block: int, images: Tensor) -> Tensor:
        """Pictures [B, 3, s, s] as this head's decoder makes them -> [B, |C_lk|], by the head's extractor."""
        of_classes = torch.log_softmax(self.extractor[str(block)](images), dim=1)
        return pooled(of_classes, self.shape.heads[block].groups)


def normalised(block: Tensor) -> Tensor:
    """Numbers [B, 2n] -> the same with mean square 1/2, so that a pair has average power 1.

    Every sub-block by itself: so a picture's symbols have average power 1 whichever layers are sent, and each
    sub-block, a packet of its own, meets the link's SNR.
    """
    return block * (2 * block.square().mean(dim=1, keepdim=True)).clamp_min(1e-12).rsqrt()


def reliability(received: Tensor) -> Tensor:
    """A sub-block as received, noise and all [B, 2n] -> 1 / (1 + N0) [B, 1], by which it is to be multiplied for the
    linear estimate of what was sent that errs least: that has power 1, so the power received tells 1 + N0. A deep fade
    then weighs nothing."""
    return (2 * received.square().mean(dim=1, keepdim=True)).clamp_min(1).reciprocal()


def pooled(log_probabilities: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Of the data set's classes [B, classes] -> of groups of them [B, groups]."""
    apart = torch.full((len(groups), log_probabilities.shape[1]), -math.inf)
    for place, group in enumerate(groups):
        apart[place, list(group)] = 0
    return torch.logsumexp(log_probabilities[:, None] + apart, dim=2)


def to_symbols(block: Tensor) -> Tensor:
    """Numbers [..., 2n] -> complex [..., n]."""
    return torch.view_as_complex(block.reshape(*block.shape[:-1], -1, 2).contiguous())


def to_numbers(symbols: Tensor) -> Tensor:
    """Complex [..., n] -> numbers [..., 2n]."""
    return torch.view_as_real(symbols).flatten(-2)
