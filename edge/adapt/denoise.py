"""Pretrained DnCNNs on noisy latents, for LSDFT over a noisy channel (FTSC, section IV-B-2).

They come after soft requantisation (requantize.py), which alone does nearly all that can be done. A DnCNN on the noisy
map itself leaves most of the noise (80 to 84 % of its power after 300 steps of training, where requantisation leaves
0.3 to 7 % at 0 to 20 dB; `python -m tools.ftsc.ablations`), because what is clean is a list of 512 vectors, which a
small net does not know by heart. Behind requantisation a DnCNN helps at 0 dB and does harm at 20 dB (docs/ftsc.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from edge.adapt.dncnn import Denoisers, DnCNNShape
from edge.adapt.errors import AdaptError
from edge.codecs import weights
from edge.codecs.contract import CodecDescription, CodecError

ARCHITECTURE = "dncnn"


def shipped_path(codec: CodecDescription) -> Path:
    """Where the denoisers for a codec come with the package: dncnn-s4.safetensors for scale 4."""
    return weights.shipped_folder() / f"dncnn-s{codec.options.get('scale', '')}.safetensors"


def load(path: Path, codec: CodecDescription) -> Denoisers:
    """The denoisers of a weight file, ready to run. Raises AdaptError when it is missing, damaged or another codec's.

    Codebooks may have moved since (DFT), so their digest is not compared.
    """
    try:
        metadata = weights.read_metadata(path)
        if metadata["architecture"] != ARCHITECTURE:
            raise AdaptError(f"adapt.denoise: {path.name} holds a {metadata['architecture']}, not a {ARCHITECTURE}")
        made_for = json.loads(metadata["codec"])
        same = made_for["name"] == codec.name and made_for["options"].get("scale") == codec.options.get("scale")
        if not same:
            raise AdaptError(
                f"adapt.denoise: {path.name} was trained for {made_for['name']} at scale "
                f"{made_for['options'].get('scale')}, not for {codec}; train one with `edge-codec train dncnn`"
            )
        denoisers = Denoisers(DnCNNShape(**json.loads(metadata["shape"])))
        denoisers.load_state_dict(weights.read_tensors(path, ("of_map.",)))
    except CodecError as error:
        raise AdaptError(f"adapt.denoise: no denoiser for {codec} ({error}); leave denoise out or train one") from error
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        if isinstance(error, AdaptError):
            raise
        raise AdaptError(f"adapt.denoise: {path.name} is not usable ({error}); train it again") from error
    return denoisers.eval().requires_grad_(False)


@torch.no_grad()
def denoised(denoisers: Denoisers, maps: Sequence[Tensor], at_once: int = 8) -> list[Tensor]:
    """Decoder inputs as received, each [N, D, h, w] -> cleaned. Raises AdaptError when the maps do not fit."""
    expected = (denoisers.shape.maps, denoisers.shape.dimension)
    if (len(maps), maps[0].shape[1]) != expected:
        raise AdaptError(
            f"adapt.denoise: the denoiser is for {expected[0]} maps of {expected[1]} channels, got {len(maps)} of "
            f"{maps[0].shape[1]}; train one for this codec"
        )
    parts = [denoisers([one[at : at + at_once] for one in maps]) for at in range(0, len(maps[0]), at_once)]
    return [torch.cat(of_map) for of_map in zip(*parts, strict=True)]
