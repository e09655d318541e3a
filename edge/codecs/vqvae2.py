"""VQ-VAE-2 as a transceiver (FTSC, section III): a picture becomes two maps of codebook indices.

The network is in vqvae2_network.py, its training in edge.train.vqvae2. Here: opening half of it from a weight file,
and what happens when indices were changed or lost on the way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.codecs import weights
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.tensors import TensorError, Tensors, check_fit
from edge.codecs.vqvae2_network import SCALES, ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.images import Picture
from edge.segment import Kind, Segment

ARCHITECTURE = "vqvae2"
CODEBOOKS = ("codebook_b.", "codebook_t.")
TRANSMITTER = ("encoder_b.", "encoder_t.", *CODEBOOKS)
RECEIVER = ("decoder_b.", "decoder_t.", *CODEBOOKS)
MEMORY_FORMAT = torch.channels_last  # 1.1 to 1.5 times as fast on a CPU at all four scales, one thread

Network = TypeVar("Network", bound=nn.Module)


def shape_metadata(shape: VQVAE2Shape) -> dict[str, str]:
    """What a weight file must say for `VQVAE2.open` to rebuild the network."""
    return {"architecture": ARCHITECTURE, "shape": json.dumps(asdict(shape))}


class VQVAE2(Codec):
    """Top map (level 0), then bottom map (level 1), both INDICES.

    A picture [H, W, 3] gives [H/2s, W/2s] and [H/s, W/s] indices of 9 bits (512 codebook entries), so that
    rho = bits / (8 * 3 * H * W) is exactly that of FTSC, eq. (10) and (14).
    """

    name = "vqvae2"
    options = MappingProxyType(
        {
            "scale": f"side of the picture over side of the bottom map: {', '.join(map(str, SCALES))} (default 4)",
            "weights": "path of a .safetensors file (default: the shipped one for the scale)",
        }
    )

    def __init__(self, shape: VQVAE2Shape, transmitter: TransmitterHalf | None, receiver: ReceiverHalf | None) -> None:
        """Takes networks that are ready to run; `open` loads them. At least one half must be there."""
        if transmitter is None and receiver is None:
            raise CodecError("vqvae2: needs a transmitter, a receiver or both")
        self.shape = shape
        self.transmitter = transmitter
        self.receiver = receiver

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        scale = _scale(options.get("scale", "4"))
        path = Path(options.get("weights") or weights.shipped_folder() / f"vqvae2-s{scale}.safetensors")
        shape = _shape(path)
        if shape.scale != scale:
            raise CodecError(
                f"codec.options.weights: {path.name} was trained at scale {shape.scale}, not {scale}; "
                f"set scale={shape.scale} or give other weights"
            )
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = _load(path, shape, TransmitterHalf, TRANSMITTER)
        if half in (Half.DECODER, Half.BOTH):
            receiver = _load(path, shape, ReceiverHalf, RECEIVER)
        if transmitter is not None and receiver is not None:  # one knowledge base, not two copies
            receiver.codebook_b, receiver.codebook_t = transmitter.codebook_b, transmitter.codebook_t
        return cls(shape, transmitter, receiver)

    def describe(self) -> CodecDescription:
        """Scale, and a digest of both codebooks. Not the networks: a receiver may fine-tune its decoder (DFT)."""
        holder = self.transmitter or self.receiver
        assert holder is not None  # the constructor saw to it
        digest = hashlib.sha256()
        for codebook in (holder.codebook_b, holder.codebook_t):
            vectors = codebook.vectors.detach().contiguous().numpy().astype("<f4", copy=False)
            digest.update(f"{vectors.shape}".encode() + vectors.tobytes())
        return CodecDescription(self.name, {"scale": str(self.shape.scale)}, digest.hexdigest())

    def check_image(self, height: int, width: int) -> None:
        multiple = self.shape.multiple
        if height < 1 or width < 1 or height % multiple or width % multiple:
            fits = f"{width // multiple * multiple}x{height // multiple * multiple}"
            fix = f"crop it to {fits}" if min(height, width) >= multiple else "use a larger picture"
            raise CodecError(
                f"image: {width}x{height} is not a multiple of {multiple} in both sides, which vqvae2 at scale "
                f"{self.shape.scale} needs; {fix} or choose a smaller scale"
            )

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> [top indices [H/2s, W/2s] (level 0), bottom indices [H/s, W/s] (level 1)]."""
        if self.transmitter is None:
            raise CodecError("vqvae2: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        self.check_image(*image.shape[:2])
        pixels = torch.tensor(image).permute(2, 0, 1)[None].float().div_(255.0)
        with torch.inference_mode():
            top, bottom = self.transmitter(pixels.contiguous(memory_format=MEMORY_FORMAT))
        return [
            Segment(Kind.INDICES, indices[0].numpy().astype(np.uint16), level=level, alphabet=self.shape.entries)
            for level, indices in enumerate((top, bottom))
        ]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """Both maps as received -> [H, W, 3]. Missing vectors are filled in from their neighbours (`conceal`)."""
        if self.receiver is None:
            raise CodecError("vqvae2: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        self._check_segments(segments)
        with torch.inference_mode():
            top = _vectors(segments[0], self.receiver.codebook_t.vectors)
            bottom = _vectors(segments[1], self.receiver.codebook_b.vectors)
            pixels = self.receiver.from_vectors(
                top.contiguous(memory_format=MEMORY_FORMAT), bottom.contiguous(memory_format=MEMORY_FORMAT)
            )
            image: Picture = pixels[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()
        return image

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Every tensor of what is open, by name, as float32 copies (see edge.codecs.tensors)."""
        return {name: tensor.detach().contiguous().numpy().copy() for name, tensor in self._state().items()}

    def replace(self, tensors: Tensors) -> None:
        """Puts tensors in force, all or none. Raises CodecError when one does not fit."""
        state = self._state()
        try:
            check_fit(tensors, {name: tensor.numpy() for name, tensor in state.items()})
        except TensorError as error:
            raise CodecError(str(error)) from error
        with torch.no_grad():
            for name, value in tensors.items():
                state[name].copy_(torch.from_numpy(value))

    def _state(self) -> dict[str, Tensor]:
        """The tensors themselves: changing them changes the codec."""
        halves = [half for half in (self.transmitter, self.receiver) if half is not None]
        return {name: tensor for half in halves for name, tensor in half.state_dict().items()}

    def _check_segments(self, segments: Sequence[Segment]) -> None:
        shapes = [segment.values.shape for segment in segments]
        fits = len(shapes) == 2 and len(shapes[0]) == 2 and shapes[1] == tuple(2 * side for side in shapes[0])
        if not fits or 0 in shapes[0]:
            raise CodecError(
                f"vqvae2: expected a top map [h, w] and a bottom map [2h, 2w], got {[list(s) for s in shapes]}; "
                "use the same codec on both ends"
            )
        for segment in segments:
            if segment.kind is not Kind.INDICES or segment.alphabet != self.shape.entries:
                raise CodecError(
                    f"vqvae2: expected indices of an alphabet of {self.shape.entries}, got {segment.kind.value} of "
                    f"{segment.alphabet}; use the same codec and weights on both ends"
                )


def _scale(text: str) -> int:
    if text not in {str(scale) for scale in SCALES}:
        raise CodecError(f"codec.options.scale: must be one of {', '.join(map(str, SCALES))}, got '{text}'")
    return int(text)


def _shape(path: Path) -> VQVAE2Shape:
    metadata = weights.read_metadata(path)
    if metadata["architecture"] != ARCHITECTURE:
        raise CodecError(
            f"codec.options.weights: {path.name} holds a {metadata['architecture']}, not a {ARCHITECTURE}; "
            "give the weights of this codec"
        )
    try:
        fields = json.loads(metadata["shape"])
        if not all(isinstance(value, int) and 0 < value <= 4096 for value in fields.values()):
            raise ValueError("every size must be an integer in [1, 4096]")
        return VQVAE2Shape(**fields)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CodecError(
            f"codec.options.weights: {path.name}: its metadata gives no usable network shape ({error}); train it again"
        ) from error


def _load(path: Path, shape: VQVAE2Shape, half: type[Network], prefixes: tuple[str, ...]) -> Network:
    """Half the network with its tensors from the file, ready to run."""
    # Initial values are thrown away, and must not draw from the caller's generator. (The meta device would spare them,
    # but the first draw on it imports torch's compiler, which takes longer than everything else here.)
    with torch.random.fork_rng(devices=[]):
        network = half(shape)
    try:
        network.load_state_dict(weights.read_tensors(path, prefixes), assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CodecError(
            f"codec.options.weights: {path.name}: its tensors do not fit the network it describes ({reason}); "
            "train it again"
        ) from error
    network.float().eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=MEMORY_FORMAT)
    return network


def _vectors(segment: Segment, codebook: Tensor) -> Tensor:
    """Received indices [h, w] -> vectors [1, D, h, w], complete. An index outside the codebook counts as missing."""
    indices = torch.from_numpy(segment.values.astype(np.int64))
    present = indices < codebook.shape[0]
    if segment.present is not None:
        present &= torch.from_numpy(segment.present.reshape(indices.shape))
    vectors = codebook[indices.where(present, 0)].permute(2, 0, 1)[None]
    return vectors if bool(present.all()) else conceal(vectors, present, codebook.mean(0))


def conceal(vectors: Tensor, present: Tensor, otherwise: Tensor) -> Tensor:
    """Fills holes from the edge inwards: a missing vector becomes the mean of its known neighbours (3x3), again and
    again until none is left; `otherwise` [D] where nothing is known at all.

    Chosen by measurement (Kodak, scales 2 and 4, single, packet-sized and row losses of 5 to 50 %): 0.0 to 1.5 dB
    better than copying the nearest known vector, up to 6 dB better than the mean of the codebook.

    vectors [1, D, h, w], present [h, w] (bool); returns [1, D, h, w].
    """
    known = present[None, None].to(vectors.dtype)
    if not bool(present.any()):
        return otherwise[None, :, None, None].expand_as(vectors)
    filled = vectors * known
    ones = torch.ones(1, 1, 3, 3, dtype=vectors.dtype)
    while not bool(known.all()):
        count = nn.functional.conv2d(known, ones, padding=1)
        total = nn.functional.avg_pool2d(filled, 3, stride=1, padding=1) * 9
        filled = torch.where(known > 0, filled, total / count.clamp_min(1))
        known = (count > 0).to(vectors.dtype)
    return filled
