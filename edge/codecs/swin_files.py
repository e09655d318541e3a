"""Where `swin`'s decoders lie: in the weight file itself, or each in a file of its own beside it, so that a receiver
that runs a weak one need not carry the strong ones.

`swin.safetensors` may hold the encoder alone, with `swin-low.safetensors` and others beside it. All say to which
encoder they belong; one that belongs to another is not taken for ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edge.codecs import weights
from edge.codecs.contract import CodecError
from edge.codecs.swin_network import VARIANTS
from edge.codecs.symbol_codec import PAIRING

DECODERS = "decoders"  # metadata: JSON list of the decoders in this file


def beside(path: Path, decoder: str) -> Path:
    """The file of one decoder of the weights at `path`."""
    return path.with_name(f"{path.stem}-{decoder}{path.suffix}")


def decoders(path: Path, metadata: Mapping[str, str]) -> dict[str, Path]:
    """In which file each decoder lies, strongest first. metadata: of the file at `path`.

    Raises ValueError when there is none, or when a file beside it belongs to another encoder.
    """
    named, found = _named(metadata), {}
    for variant in VARIANTS:
        if variant in named:
            found[variant] = path
        elif (own := beside(path, variant)).exists():
            if _pairing(own) != metadata.get(PAIRING):
                raise ValueError(f"{own.name} beside it belongs to another encoder; put the two of one training there")
            found[variant] = own
    if not found:
        raise ValueError(
            f"its decoders are {named}, not among {', '.join(VARIANTS)}, and {beside(path, 'high').name} and the like "
            "are not beside it; train it again"
        )
    return found


def split(path: Path, folder: Path) -> list[Path]:
    """Writes the encoder of a weight file and each of its decoders into files of their own in `folder`, in half
    precision as they are. Raises CodecError and ValueError."""
    metadata = weights.read_metadata(path)
    parts: dict[Path, tuple[str, list[str]]] = {folder / path.name: ("encoder.", [])}
    parts |= {beside(folder / path.name, one): (f"decoder.{one}.", [one]) for one in decoders_in(metadata)}
    for target, (prefix, held) in parts.items():
        weights.write(target, weights.read_tensors(path, (prefix,)), metadata | {DECODERS: json.dumps(held)})
    return list(parts)


def decoders_in(metadata: Mapping[str, str]) -> list[str]:
    """Decoders in the file itself, strongest first."""
    named = _named(metadata)
    return [variant for variant in VARIANTS if variant in named]


def _named(metadata: Mapping[str, str]) -> list[str]:
    named = json.loads(metadata.get(DECODERS, "[]"))
    if not isinstance(named, list):
        raise ValueError(f"its decoders are {named}, not a list; train it again")
    return named


def _pairing(path: Path) -> str:
    try:
        return weights.read_metadata(path).get(PAIRING, "")
    except CodecError as error:
        raise ValueError(str(error)) from error
