"""Splitting a trained file, as one would before shipping it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from click.testing import CliRunner

from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.swin import Swin
from edge.codecs.swin_network import SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from tools.split_swin import main


def test_the_parts_are_named_with_their_sizes_and_open(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = SwinShape(width=8, growth=4, head=4, widening=1)
    tensors = SwinTransmitter(shape).state_dict() | SwinReceiver(shape, "low").state_dict()
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(shape)), PAIRING: pairing(tensors)}
    weights.write(tmp_path / "swin.safetensors", tensors, metadata | {"decoders": '["low"]', "snrs_db": "[3]"})
    result = CliRunner().invoke(main, [str(tmp_path / "swin.safetensors"), str(tmp_path / "parts")])
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == ["swin.safetensors", "swin-low.safetensors"]
    parts = tmp_path / "parts"
    assert f"{(parts / 'swin-low.safetensors').stat().st_size:,} bytes" in result.output
    assert Swin.open({"weights": str(parts / "swin.safetensors")}, Half.BOTH).variant == "low"
