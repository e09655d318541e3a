"""DeepJSCC (Bourtsoulatze et al. 2019) as a transceiver: a picture becomes symbols made for noise, k/n = c/96.

The weight file says which network it is for: the five convolutions of the paper (deepjscc_network.py) or the blocks of
Split DeepJSCC (deepjscc_attention.py). The training is in edge.train.deepjscc, everything else in symbol_codec.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from edge.codecs import deepjscc_attention, deepjscc_network, network_codec, weights
from edge.codecs.contract import CodecError
from edge.codecs.deepjscc_attention import AttentionShape
from edge.codecs.deepjscc_network import DeepJSCCShape
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter
from edge.codecs.symbol_codec import PERFECT, SymbolCodec, SymbolShape

ARCHITECTURE = "deepjscc"
NETWORK = "network"  # metadata: which of SHAPES; absent in files older than the second
AnyShape = DeepJSCCShape | AttentionShape
SHAPES: Mapping[str, type[AnyShape]] = MappingProxyType({"convolutions": DeepJSCCShape, "attention": AttentionShape})


class DeepJSCC(SymbolCodec):
    """H/4 * W/4 * c/2 complex symbols a picture; each weight file is for one c and one channel SNR."""

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            "channels": "c, numbers at a position of the code; k/n = c/96 (default 3, which is 1/32)",
            "snr_db": f"Es/N0 in dB that the weights were trained for, or {PERFECT} (default)",
            "weights": "path of a .safetensors file (default: the shipped one for channels and snr_db)",
        }
    )

    @classmethod
    def find(cls, options: Mapping[str, str]) -> tuple[Path, SymbolShape, dict[str, str]]:
        channels = options.get("channels", "3")
        if not (channels.isascii() and channels.isdecimal() and 1 <= int(channels) <= 96):
            raise CodecError(f"codec.options.channels: must be an integer in [1, 96], got '{channels}'")
        snr = _snr(options.get("snr_db", PERFECT))
        path = Path(options.get("weights") or weights.shipped_folder() / f"{cls.name}-c{channels}-{snr}.safetensors")
        shape = _shape(path)
        network_codec.check_shape(path, shape, {"channels": int(channels)})
        trained = weights.read_metadata(path).get("snr_db", PERFECT)
        if trained != snr:
            raise CodecError(
                f"codec.options.weights: {path.name} was trained for snr_db {trained}, not {snr}; "
                f"set snr_db={trained} or give other weights"
            )
        return path, shape, {"channels": channels, "snr_db": snr}

    @classmethod
    def build_transmitter(cls, shape: SymbolShape) -> SymbolTransmitter:
        if isinstance(shape, AttentionShape):
            return deepjscc_attention.transmitter(shape)
        assert isinstance(shape, DeepJSCCShape)
        return deepjscc_network.transmitter(shape)

    @classmethod
    def build_receiver(cls, shape: SymbolShape) -> SymbolReceiver:
        if isinstance(shape, AttentionShape):
            return deepjscc_attention.receiver(shape)
        assert isinstance(shape, DeepJSCCShape)
        return deepjscc_network.receiver(shape)


def _shape(path: Path) -> AnyShape:
    network = weights.read_metadata(path).get(NETWORK, "convolutions")
    if network not in SHAPES:
        raise CodecError(
            f"codec.options.weights: {path.name} is for a network '{network}', not one of {', '.join(SHAPES)}; "
            "give other weights"
        )
    kind: Callable[..., AnyShape] = SHAPES[network]
    return network_codec.read_shape(path, ARCHITECTURE, kind)


def _snr(text: str) -> str:
    """The option in the one form that both ends and the weight file use: `none`, `10`, `-2.5`."""
    if text == PERFECT:
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CodecError(f"codec.options.snr_db: must be a number of dB or {PERFECT}, got '{text}'")
    return f"{value:g}"
