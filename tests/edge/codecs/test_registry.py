from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from edge.codecs import registry
from edge.codecs.contract import Codec, CodecError
from edge.codecs.raw import Raw

Offer = Callable[[str, str], None]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Makes an installed package's entry point, without installing one."""

    def give(name: str, place: str) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint(name, place, group)])

    return give


def test_built_in_codecs_are_there_without_package_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    assert {"autoencoder", "deepjscc", "raw", "slf", "vqvae", "vqvae2"} <= set(registry.names())
    assert registry.load("raw") is Raw


def test_every_codec_loads_under_its_own_name() -> None:
    for name in registry.names():
        codec = registry.load(name)
        assert issubclass(codec, Codec)
        assert codec.name == name


def test_a_stranger_cannot_take_a_built_in_name(offer: Offer) -> None:
    offer("raw", "os:path")
    assert registry.load("raw") is Raw


def test_unknown_name_lists_what_exists() -> None:
    with pytest.raises(CodecError, match=r"no codec named 'jpeg9'; choose one of .*raw.*vqvae2"):
        registry.load("jpeg9")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_package_here:Codec", "cannot be imported from no_such_package_here:Codec"),
        ("os:no_such_name", "cannot be imported from os:no_such_name"),
        ("os:sep", "is not a subclass"),
        ("edge.codecs.raw:Raw", "is offered as 'odd' but calls itself 'raw'"),
    ],
)
def test_a_broken_offer_is_named(offer: Offer, place: str, message: str) -> None:
    offer("odd", place)
    assert "odd" in registry.names()
    with pytest.raises(CodecError, match=message):
        registry.load("odd")


def test_the_raw_codec_metrics_and_sample_need_no_torch() -> None:
    code = (
        "import sys; from edge.codecs import registry; from edge import metrics, sample;"
        "registry.names(); registry.load('raw'); sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
