"""Single-level VQ-VAE as a transceiver (FTSC, Table I): a picture becomes one map of codebook vectors.

The network is in vqvae_network.py, its training in edge.train.vqvae, everything else in vq_codec.py. The size of the
codebook and of the network come with the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.codecs import vq_codec
from edge.codecs.contract import CodecError
from edge.codecs.vq_codec import COMMON_OPTIONS, VQCodec
from edge.codecs.vqvae_network import ReceiverHalf, TransmitterHalf, VQVAEShape

ARCHITECTURE = "vqvae"


def shape_metadata(shape: VQVAEShape) -> dict[str, str]:
    """What a weight file must say for `VQVAE.open` to rebuild the network."""
    return vq_codec.shape_metadata(ARCHITECTURE, shape)


class VQVAE(VQCodec):
    """One map (level 0): [H/s, W/s] indices of ceil(log2 K) bits, or D/2 complex symbols a position."""

    name = ARCHITECTURE
    options = COMMON_OPTIONS
    shape_type = VQVAEShape

    @classmethod
    def build_transmitter(cls, shape: VQVAEShape) -> TransmitterHalf:
        return TransmitterHalf(shape)

    @classmethod
    def build_receiver(cls, shape: VQVAEShape) -> ReceiverHalf:
        return ReceiverHalf(shape)

    def _check_sizes(self, sizes: Sequence[tuple[int, ...]]) -> None:
        if len(sizes) != 1 or len(sizes[0]) != 2 or 0 in sizes[0]:
            raise CodecError(
                f"{self.name}: expected one map [h, w], got {[list(size) for size in sizes]}; "
                "use the same codec on both ends"
            )
