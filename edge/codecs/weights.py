"""Weight files: safetensors with a description of where they come from. Reading one never runs code from it.

A file's metadata (all strings, as the format wants) holds `architecture` and `shape` (JSON), which a codec needs to
build its network, and what the trainer knew: data set, split, seed, code version, metrics. The shipped files are in
`edge/weights`. Torch is imported only to read tensors, so that files can be listed without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from edge.codecs.contract import CodecError

if TYPE_CHECKING:
    from torch import Tensor


def shipped_folder() -> Path:
    """Where the weights that come with the package lie."""
    return Path(str(files("edge"))) / "weights"


def shipped() -> list[Path]:
    """The weight files that come with the package, by name."""
    return sorted(shipped_folder().glob("*.safetensors"))


def _unusable(path: Path, why: str) -> CodecError:
    return CodecError(
        f"codec.options.weights: {path.name}: {why}; give a whole .safetensors file written by `edge-codec train`"
    )


def read_metadata(path: Path) -> dict[str, str]:
    """The file's metadata. Raises CodecError when it is missing, cut short, or without `architecture`."""
    try:
        with safe_open(path, framework="numpy") as archive:
            metadata = archive.metadata() or {}
    except FileNotFoundError as error:
        raise _unusable(path, "no such file") from error
    except (SafetensorError, OSError) as error:
        raise _unusable(path, f"not a readable safetensors file ({error})") from error
    if "architecture" not in metadata:
        raise _unusable(path, "its metadata names no architecture")
    return dict(metadata)


def described(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Metadata with the values that are JSON objects or lists decoded, for people and for `--json`."""
    result: dict[str, Any] = {}
    for key, value in sorted(metadata.items()):
        result[key] = json.loads(value) if value.startswith(("{", "[")) else value
    return result


def read_tensors(path: Path, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    """The tensors whose names start with one of `prefixes`; the others are not read from the disk."""
    try:
        with safe_open(path, framework="pt") as archive:
            return {name: archive.get_tensor(name) for name in archive.keys() if name.startswith(prefixes)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unusable(path, f"not a readable safetensors file ({error})") from error


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a whole file or none: a killed writer leaves what was there before."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(save(dict(tensors), dict(metadata)))
    part.replace(path)
