"""Which learned channel mappers come with the package, by name. Opens no file and needs no torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SUFFIX = ".safetensors"


def folder() -> Path:
    """Where the weights that come with the package lie."""
    return Path(str(files("emulator"))) / "weights"


def names() -> list[str]:
    """Of the mappers that are shipped, without the files' ending."""
    return sorted(path.stem for path in folder().glob(f"mapper-*{SUFFIX}"))


def name_of(symbols: int, trained_snr_db: float) -> str:
    """Of the mapper for K symbols a message, trained at an SNR; it need not be shipped."""
    return f"mapper-k{symbols}-snr{trained_snr_db:g}"


def path_of(weights: str) -> Path:
    """The file that is meant by a shipped mapper's name, or by a path."""
    is_name = not weights.endswith(SUFFIX) and Path(weights).name == weights
    return folder() / f"{weights}{SUFFIX}" if is_name else Path(weights)


def unknown(weights: str) -> str:
    """One sentence about a shipped mapper that is not there."""
    shipped = ", ".join(names()) or "none is"
    return f"{weights} is not shipped ({shipped}); choose one of these or give the path of a {SUFFIX} file"
