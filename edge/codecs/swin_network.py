"""Networks of `swin`: one encoder at the base station, decoders of different computing power at the receivers (Nguyen
et al.: "Optimizing Multi-User Semantic Communication via Transfer Learning and Knowledge Distillation", fig. 1), narrow
enough for a CPU.

Four stages a side, at 1/2, 1/4, 1/8 and 1/8 of the picture's sides: 16x16, 8x8, 4x4 and 4x4 tokens for a picture of
32x32. Where `shrink` is 16 the last stage is at 1/16, and its window there 2x2 whatever `window` says; that learned
slower (docs/multiuser.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor, nn

from edge.codecs.swin_blocks import Block, Division, Merging
from edge.codecs.swin_channel import MIDDLE_DB, ChannelCoder
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter, normalised

COLOURS = 3
STAGES = 4
ENCODER = (2, 2, 6, 2)  # blocks a stage
VARIANTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"high": (2, 6, 2, 2), "low": (2, 2, 2, 2), "lowest": (1, 1, 1, 1)}
)  # of decoders: blocks a stage, from the code to the picture


@dataclass(frozen=True)
class SwinShape:
    """Size of the networks.

    shrink: side of the picture over side of the code, 4, 8 or 16; numbers: of a position of the code, so that k/n is
    numbers / (6 shrink^2); width: of a token in the encoder's first stage, and growth: how much wider it is in each
    further one (the decoders mirror it); head: numbers of a token that one head attends by; window: tokens a side of an
    attention window; widening: of a block's MLP.
    """

    shrink: int = 8
    numbers: int = 24
    width: int = 32
    growth: int = 32
    head: int = 16
    window: int = 4
    widening: int = 2

    def __post_init__(self) -> None:
        if self.shrink not in (4, 8, 16):
            raise ValueError(f"shrink: must be 4, 8 or 16, got {self.shrink}")
        if self.numbers % 2:
            raise ValueError(f"numbers: must be even, got {self.numbers}; two make a symbol")
        if self.window < 2:
            raise ValueError(f"window: must be at least 2, got {self.window}; a token alone attends to nothing")
        if self.width % self.head or self.growth % self.head:
            raise ValueError(
                f"head: must divide width {self.width} and growth {self.growth}, got {self.head}; "
                "a stage has whole heads"
            )

    @property
    def multiple(self) -> int:
        """Image sides that are no multiple of this are padded to one."""
        return self.shrink

    @property
    def widths(self) -> tuple[int, ...]:
        """Of a token in each of the encoder's stages."""
        return tuple(self.width + stage * self.growth for stage in range(STAGES))

    @property
    def factors(self) -> tuple[int, ...]:
        """By how much each of the encoder's stages shrinks the sides first."""
        halvings = self.shrink.bit_length() - 1
        return tuple(2 if stage < halvings else 1 for stage in range(STAGES))


def shifts(blocks: Sequence[int]) -> list[list[bool]]:
    """Of each stage's blocks, which ones are shifted: every second one of a half, counted through its stages. With one
    block a stage (`lowest`) windows would otherwise stand in the same places throughout, and their borders show."""
    places = iter(range(sum(blocks)))
    return [[next(places) % 2 == 1 for _ in range(count)] for count in blocks]


def _blocks(shape: SwinShape, width: int, shifted: Sequence[bool]) -> list[Block]:
    return [Block(width, width // shape.head, shape.window, shape.widening, one) for one in shifted]


class EncoderStage(nn.Module):
    """[B, f h, f w, C] -> [B, h, w, C']. before: 3 where tokens are pixels."""

    def __init__(self, shape: SwinShape, before: int, after: int, factor: int, shifted: Sequence[bool]) -> None:
        super().__init__()
        self.merging = Merging(before, after, factor, normed=before > COLOURS)
        self.blocks = nn.Sequential(*_blocks(shape, after, shifted))

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.merging(tokens))
        return out


class DecoderStage(nn.Module):
    """[B, h, w, C] -> [B, f h, f w, C']."""

    def __init__(self, shape: SwinShape, before: int, after: int, factor: int, shifted: Sequence[bool]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*_blocks(shape, before, shifted))
        self.division = Division(before, after, factor)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.division(self.blocks(tokens))
        return out


class Encoder(nn.Module):
    """Images [B, 3, H, W] in [0, 1], sides multiples of shrink -> code [B, c, H/s, W/s], not normalised."""

    def __init__(self, shape: SwinShape, blocks: Sequence[int] = ENCODER) -> None:
        super().__init__()
        before = (COLOURS, *shape.widths)
        sizes = zip(before, shape.widths, shape.factors, shifts(blocks), strict=False)  # before: one more
        self.stages = nn.Sequential(*(EncoderStage(shape, *size) for size in sizes))
        self.channel = ChannelCoder(shape.widths[-1])
        self.to_code = nn.Linear(shape.widths[-1], shape.numbers)

    def forward(self, images: Tensor, snr_db: float) -> Tensor:
        tokens = self.stages(4 * (images.permute(0, 2, 3, 1) - 0.5))
        code: Tensor = self.to_code(self.channel(tokens, snr_db))
        return code.permute(0, 3, 1, 2)


class Decoder(nn.Module):
    """Code as received [B, c, h, w] -> images [B, 3, sh, sw], not clamped. blocks: one of VARIANTS, or others."""

    def __init__(self, shape: SwinShape, blocks: Sequence[int]) -> None:
        super().__init__()
        widths = shape.widths[::-1]
        after = (*widths[1:], COLOURS)
        self.from_code = nn.Linear(shape.numbers, widths[0])
        self.channel = ChannelCoder(widths[0])
        sizes = zip(widths, after, shape.factors[::-1], shifts(blocks), strict=True)
        self.stages = nn.Sequential(*(DecoderStage(shape, *size) for size in sizes))

    def forward(self, code: Tensor, snr_db: float) -> Tensor:
        tokens = self.channel(self.from_code(code.permute(0, 2, 3, 1)), snr_db)
        images: Tensor = self.stages(tokens)
        return images.permute(0, 3, 1, 2) / 4 + 0.5


class SwinTransmitter(SymbolTransmitter):
    """What the base station holds. told_db: the SNR that the channel coder is told where a call does not say."""

    def __init__(self, shape: SwinShape, told_db: float = MIDDLE_DB) -> None:
        super().__init__(Encoder(shape))
        self.told_db = told_db

    def forward(self, images: Tensor, snr_db: float | None = None) -> Tensor:
        """images [B, 3, H, W] in [0, 1] -> code [B, c, h, w], two numbers of average power 1 for each picture."""
        return normalised(self.encoder(images, self.told_db if snr_db is None else snr_db))


class SwinReceiver(SymbolReceiver):
    """What a receiver holds: one decoder, whose tensors are named `decoder.<variant>.*`. told_db: as the sender's."""

    def __init__(self, shape: SwinShape, variant: str, told_db: float = MIDDLE_DB) -> None:
        super().__init__(nn.ModuleDict({variant: Decoder(shape, VARIANTS[variant])}))
        self.variant, self.told_db = variant, told_db

    def forward(self, code: Tensor, snr_db: float | None = None) -> Tensor:
        """Code as received [B, c, h, w] -> images [B, 3, H, W], not clamped."""
        assert isinstance(self.decoder, nn.ModuleDict)
        images: Tensor = self.decoder[self.variant](code, self.told_db if snr_db is None else snr_db)
        return images
