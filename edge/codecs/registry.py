"""Finding a codec by its name: built-in ones, and those that installed packages offer by entry point.

A package adds a codec with one line in its pyproject.toml (docs/adding-a-codec.md). Looking at the list imports
nothing: a codec's module, and with it torch, is imported when that codec is loaded.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from edge.codecs.contract import Codec, CodecError

GROUP = "semedge.codecs"
BUILT_IN = MappingProxyType(
    {
        "autoencoder": "edge.codecs.autoencoder:Autoencoder",
        "deepjscc": "edge.codecs.deepjscc:DeepJSCC",
        "hevc": "edge.codecs.hevc:Hevc",
        "jpeg": "edge.codecs.jpeg:Jpeg",
        "jpeg2000": "edge.codecs.jpeg2000:Jpeg2000",
        "raw": "edge.codecs.raw:Raw",
        "slf": "edge.codecs.slf:Slf",
        "smrc": "edge.codecs.smrc:Smrc",
        "split": "edge.codecs.split:Split",
        "swin": "edge.codecs.swin:Swin",
        "vqvae": "edge.codecs.vqvae:VQVAE",
        "vqvae2": "edge.codecs.vqvae2:VQVAE2",
    }
)


def _known() -> dict[str, EntryPoint]:
    """Every codec by name. The built-in names cannot be taken over, and work in a bare source tree too."""
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    return offered | {name: EntryPoint(name, place, GROUP) for name, place in BUILT_IN.items()}


def names() -> list[str]:
    """The names that `load` knows, sorted."""
    return sorted(_known())


def load(name: str) -> type[Codec]:
    """The codec class of that name. Raises CodecError when there is none, or when what is there is not a codec."""
    known = _known()
    if name not in known:
        raise CodecError(f"codec: no codec named '{name}'; choose one of {', '.join(sorted(known))}")
    try:
        found = known[name].load()
    except (ImportError, AttributeError) as error:
        raise CodecError(
            f"codec: '{name}' cannot be imported from {known[name].value} ({error}); "
            "reinstall or remove the package that offers it"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Codec)):
        raise CodecError(f"codec: '{name}' at {known[name].value} is not a subclass of edge.codecs.contract.Codec")
    if found.name != name:
        raise CodecError(
            f"codec: {known[name].value} is offered as '{name}' but calls itself '{found.name}'; "
            "use one name in the entry point and the class"
        )
    return found
