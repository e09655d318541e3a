"""A decoder is improved at its base station: over the receiver's noise, by a teacher, from the last stages of one."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.adapt.distilling import Decoders, Distilling, DistillSettings
from edge.adapt.errors import AdaptError
from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.raw import Raw
from edge.codecs.swin import Swin
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.images import Picture

SHAPE = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=2, widening=1)
FAST = DistillSettings(steps=60, batch=2, crop=32, learning_rate=3e-3, alpha=0.1, judge_steps=20)
SNR_DB = 5.0


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, one) for one in VARIANTS)]
    tensors = {name: tensor for half in halves for name, tensor in half.state_dict().items()}
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.write(path, tensors, metadata | {"decoders": json.dumps(list(VARIANTS)), "snrs_db": "[1, 7]"})
    return path


def flags(count: int, side: int = 32) -> list[Picture]:
    """Pictures of two colours, which a network learns at once."""
    rng = np.random.default_rng(3)
    pairs = rng.integers(0, 256, (count, 2, 1, 3), dtype=np.uint8)
    return [np.repeat(np.repeat(pair, side // 2, axis=0), side, axis=1) for pair in pairs]


def opened(file: Path, decoder: str) -> Swin:
    return Swin.open({"weights": str(file), "decoder": decoder, "snr_db": f"{SNR_DB:g}"}, Half.DECODER)


def decoders(file: Path, student: str = "low", teacher: str = "high") -> Decoders:
    sender = Swin.open({"weights": str(file), "snr_db": "1"}, Half.ENCODER)
    return Decoders(sender, opened(file, student), opened(file, teacher), student, teacher)


def distilled(taught: Decoders, settings: DistillSettings = FAST) -> Distilling:
    work = Distilling(taught, flags(6), settings, SNR_DB)
    while not work.finished:
        work.advance(7)
    return work


def test_it_improves_pictures_that_it_has_not_seen_and_leaves_the_others_alone(file: Path) -> None:
    taught = decoders(file)
    before = taught.student.parameters()  # type: ignore[attr-defined]
    work = distilled(taught)
    verdict = work.verdict()
    assert verdict.better
    assert verdict.unit == "dB"
    assert verdict.after > verdict.before + 0.1
    result = work.tensors()
    assert set(result) == set(before) == set(opened(file, "low").parameters())
    receiver, fresh = opened(file, "low"), opened(file, "low")
    receiver.replace(result)
    unseen = flags(12)[6:]
    sent = [taught.sender.encode(one) for one in unseen]
    quality = [
        np.mean([metrics.psnr(one, codec.decode(code)) for one, code in zip(unseen, sent, strict=True)])
        for codec in (fresh, receiver)
    ]
    assert quality[1] > quality[0] + 0.1
    untouched = opened(file, "high").parameters()
    assert all(np.array_equal(value, untouched[name]) for name, value in taught.teacher.parameters().items())  # type: ignore[attr-defined]


def test_the_same_seed_gives_the_same_decoder(file: Path) -> None:
    first, again = (distilled(decoders(file)).tensors() for _ in range(2))
    start = opened(file, "low").parameters()
    assert any(not np.array_equal(value, start[name]) for name, value in first.items())
    assert all(np.array_equal(value, again[name]) for name, value in first.items())
    other = distilled(decoders(file), replace(FAST, seed=1)).tensors()
    assert any(not np.array_equal(value, other[name]) for name, value in first.items())


def test_the_teacher_counts(file: Path) -> None:
    alone, taught = (distilled(decoders(file), replace(FAST, alpha=alpha)).tensors() for alpha in (0.0, 0.2))
    assert any(not np.array_equal(value, taught[name]) for name, value in alone.items())


def test_it_may_begin_with_the_last_stages_of_its_teacher(file: Path) -> None:
    taught = decoders(file)
    teacher = taught.teacher.parameters()  # type: ignore[attr-defined]
    Distilling(taught, flags(6), replace(FAST, transfer=True), SNR_DB)
    now = taught.student.parameters()  # type: ignore[attr-defined]
    for stage, same in ((1, False), (2, True), (3, True)):
        names = [name for name in now if name.startswith(f"decoder.low.stages.{stage}.blocks.0.mlp")]
        assert names
        assert same is all(np.array_equal(now[n], teacher[n.replace(".low.", ".high.")]) for n in names)


def test_decoders_whose_stages_differ_are_refused_naming_the_tensors(file: Path) -> None:
    with pytest.raises(
        AdaptError,
        match=r"transfer: decoders 'high' and 'lowest' differ in decoder\.high\.stages\.2\.blocks\.1\..*distil$",
    ):
        Distilling(decoders(file, "lowest"), flags(6), replace(FAST, transfer=True), SNR_DB)


def test_less_noise_is_judged_better(file: Path) -> None:
    low, high = (Distilling(decoders(file), flags(6), FAST, snr_db) for snr_db in (-20.0, 40.0))
    assert low.verdict().before != high.verdict().before
    assert math.isfinite(low.teacher_db)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"steps": 0}, r"distill\.steps: must be in \[1, 100000\], got 0"),
        ({"learning_rate": math.nan}, r"distill\.learning_rate: must be in \[1e-08, 1\], got nan"),
        ({"alpha": -0.5}, r"distill\.alpha: must be in \[0, 1e\+06\], got -0\.5"),
        ({"validation": 1.0}, r"distill\.validation: must be in \[0\.01, 0\.9\], got 1"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(AdaptError, match=sentence):
        DistillSettings(**settings)  # type: ignore[arg-type]


def test_what_cannot_be_distilled_is_said(file: Path) -> None:
    taught = decoders(file)
    with pytest.raises(AdaptError, match="images: fine-tuning needs at least 4"):
        Distilling(taught, flags(3), FAST, SNR_DB)
    with pytest.raises(AdaptError, match=r"images\[5\]: is 64x64, but images\[0\] is 32x32; scale all"):
        Distilling(taught, [*flags(5), flags(1, 64)[0]], FAST, SNR_DB)
    with pytest.raises(AdaptError, match="40x40 is not a multiple of 16 in both sides"):
        Distilling(taught, flags(5, 40), FAST, SNR_DB)
    with pytest.raises(AdaptError, match=r"distill\.snr_db: must be a number of dB, got inf"):
        Distilling(taught, flags(5), FAST, math.inf)
    with pytest.raises(AdaptError, match="codec raw: cannot be fine-tuned"):
        Distilling(replace(taught, student=Raw.open({}, Half.DECODER)), flags(5), FAST, SNR_DB)
