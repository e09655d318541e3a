from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edge.codecs import weights
from edge.codecs.contract import CodecError


def test_what_is_written_is_read_and_only_what_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "w.safetensors"
    tensors = {"a.x": torch.arange(3.0), "a.y": torch.ones(2, 2), "b.x": torch.zeros(1)}
    weights.write(path, tensors, {"architecture": "none", "shape": '{"scale": 2}'})
    assert weights.read_metadata(path) == {"architecture": "none", "shape": '{"scale": 2}'}
    found = weights.read_tensors(path, ("a.",))
    assert sorted(found) == ["a.x", "a.y"]
    assert torch.equal(found["a.x"], tensors["a.x"])
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_described_decodes_what_is_json() -> None:
    metadata = {"shape": '{"scale": 2}', "seed": "7", "data_sets": '[{"name": "a"}]'}
    assert weights.described(metadata) == {"shape": {"scale": 2}, "seed": "7", "data_sets": [{"name": "a"}]}


def test_a_missing_file_and_garbage_are_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"gone\.safetensors: no such file"):
        weights.read_metadata(tmp_path / "gone.safetensors")
    (tmp_path / "garbage.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(CodecError, match=r"garbage\.safetensors: not a readable safetensors file"):
        weights.read_metadata(tmp_path / "garbage.safetensors")


def test_every_shipped_file_says_where_it_comes_from_and_names_no_machine() -> None:
    paths = weights.shipped()
    assert {p.name for p in paths} >= {f"vqvae2-s{scale}.safetensors" for scale in (2, 4, 8, 16)}
    for path in paths:
        metadata = weights.read_metadata(path)
        wanted = {"architecture", "shape", "data_sets", "seed", "code_version", "metrics", "command"}
        assert wanted <= set(metadata), path.name
        assert "/" not in metadata["command"], path.name
