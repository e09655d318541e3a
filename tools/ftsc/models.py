"""Pretrained weights in a folder, found by name and opened as codecs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from edge.codecs import registry, weights
from edge.codecs.contract import Codec, Half

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Model:
    """One weight file and the codec options that go with it. digest: of the file, so that a file trained again is not
    taken for the old one."""

    name: str
    codec: str
    options: Mapping[str, str]
    digest: str
    metadata: Mapping[str, str] = field(repr=False)

    def open(self, more: Mapping[str, str] = NOTHING, half: Half = Half.BOTH) -> Codec:
        """more: further options of the codec, such as {"carry": "features"}."""
        return registry.load(self.codec).open({**self.options, **more}, half)

    @property
    def knows_whole_sets(self) -> bool:
        """Whether pretraining kept no pictures back (no --hold-out in the command that the file remembers)."""
        return "--hold-out" not in self.metadata.get("command", "")


def find(folder: Path, name: str) -> Model | None:
    """The model `name`.safetensors, or None where there is no such file. Raises CodecError for a damaged one."""
    path = folder / f"{name}.safetensors"
    return _read(path, path.stat().st_mtime_ns) if path.exists() else None


@cache
def _read(path: Path, _written_ns: int) -> Model:
    metadata = weights.read_metadata(path)
    codec = metadata["architecture"]
    shape = json.loads(metadata.get("shape", "{}"))
    kind = registry.load(codec)
    options = {"weights": str(path)}
    for option in ("scale", "top_scale", "channels"):
        if option in kind.options and option in shape:
            options[option] = str(shape[option])
    if "snr_db" in kind.options and "snr_db" in metadata:
        options["snr_db"] = metadata["snr_db"]
    return Model(path.stem, codec, options, _digest(path), metadata)


@dataclass(frozen=True)
class Prior:
    """The weight file of the entropy coder for VQ-VAE-2 at one scale."""

    path: Path
    digest: str

    def options(self) -> dict[str, str]:
        """The codec's options that switch the entropy coder on."""
        return {"entropy": "prior", "prior": str(self.path)}


def find_prior(folder: Path, scale: int) -> Prior | None:
    """vqvae2-sSCALE-prior.safetensors, or None where there is no such file."""
    path = folder / f"vqvae2-s{scale}-prior.safetensors"
    return Prior(path, _digest(path)) if path.exists() else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
