"""A plain continuous-latent autoencoder as a transceiver: what DFT and LSDFT are shown on beyond VQ-VAE-2.

The network is in autoencoder_network.py, its training in edge.train.autoencoder, everything else in symbol_codec.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from edge.codecs import autoencoder_network, network_codec, weights
from edge.codecs.autoencoder_network import AutoencoderShape
from edge.codecs.conv_stages import SCALES
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter
from edge.codecs.symbol_codec import SymbolCodec, SymbolShape

ARCHITECTURE = "autoencoder"


class Autoencoder(SymbolCodec):
    """H/s * W/s * D/2 complex symbols a picture, D numbers a position: k/n = D / (6 s^2)."""

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            "scale": f"side of the picture over side of the latent map: {', '.join(map(str, SCALES))} (default 4)",
            "weights": "path of a .safetensors file (default: the shipped one for the scale)",
        }
    )

    @classmethod
    def find(cls, options: Mapping[str, str]) -> tuple[Path, SymbolShape, dict[str, str]]:
        scale = network_codec.choice(options, "scale", [str(scale) for scale in SCALES], "4")
        path = Path(options.get("weights") or weights.shipped_folder() / f"{cls.name}-s{scale}.safetensors")
        shape = network_codec.read_shape(path, cls.name, AutoencoderShape)
        network_codec.check_shape(path, shape, {"scale": int(scale)})
        return path, shape, {"scale": scale}

    @classmethod
    def build_transmitter(cls, shape: SymbolShape) -> SymbolTransmitter:
        assert isinstance(shape, AutoencoderShape)
        return autoencoder_network.transmitter(shape)

    @classmethod
    def build_receiver(cls, shape: SymbolShape) -> SymbolReceiver:
        assert isinstance(shape, AutoencoderShape)
        return autoencoder_network.receiver(shape)
