from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.contract import CodecError
from edge.codecs.split import DEMAPPER, PAIRING, digest
from edge.codecs.split_network import SplitShape
from edge.images import Named
from edge.train import channel_mapper
from edge.train.channel_mapper import ChannelMapperLearner
from edge.train.crops import RandomCrops
from edge.train.export import export
from edge.train.loop import Schedule, Trainer
from edge.train.split import GradientSettings, SplitLearner
from emulator.bearers.mapper_network import LearnedMapper, MapperShape

SHAPE = MapperShape(bits=20, symbols=64, channels=8, blocks=1)


def ramps() -> list[Named]:
    y, x = np.mgrid[0:48, 0:48]
    return [Named(f"r{i}", np.stack([x * 5, y * 5, (x + y) * i], axis=2).astype(np.uint8)) for i in range(3)]


def images() -> torch.Tensor:
    return torch.stack([torch.from_numpy(r.pixels[:16, :16].copy()).permute(2, 0, 1).float() / 255 for r in ramps()])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """f and g that know ramps a little: an untrained g has no gradient worth following."""
    path = tmp_path_factory.mktemp("weights") / "split.safetensors"
    learner = SplitLearner(SplitShape(bits=20, channels=8, fine_channels=8, blocks=1), 0)
    run = Trainer(learner, Schedule(steps=80, batch=4, crop=16, learning_rate=0.01), RandomCrops([ramps()], 16, 0))
    run.run(None, lambda step, mse: None)
    export(run, path, "", [], None, [])
    return path


def trainer(learner: ChannelMapperLearner, steps: int) -> Trainer:
    return Trainer(learner, Schedule(steps=steps, batch=4, crop=16, learning_rate=0.01), RandomCrops([ramps()], 16, 0))


@pytest.mark.parametrize("estimator", ["straight-through", "vimco"])
def test_learning_reduces_the_error_and_leaves_f_and_g_alone(source: Path, estimator: str) -> None:
    gradient = GradientSettings("vimco", 8) if estimator == "vimco" else GradientSettings()
    learner = ChannelMapperLearner(source, SHAPE, 10.0, 0, gradient)
    before = {n: t.clone() for half in (learner.f, learner.g) for n, t in half.state_dict().items()}
    errors: list[float] = []
    trainer(learner, 60).run(None, lambda step, mse: errors.append(mse), every=20)
    assert errors[2] < 0.9 * errors[0]
    after = {n: t for half in (learner.f, learner.g) for n, t in half.state_dict().items()}
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_file_names_its_g_and_loads_in_the_network(source: Path, tmp_path: Path) -> None:
    learner = ChannelMapperLearner(source, SHAPE, 10.0, 0)
    run, path = trainer(learner, 1), tmp_path / "mapper.safetensors"
    run.train_step()
    metadata = export(run, path, "", [], None, [])
    assert metadata[DEMAPPER] == digest(weights.read_tensors(source, ("",)), "decoder")
    assert metadata[PAIRING] == weights.read_metadata(source)[PAIRING]
    assert (metadata["symbols"], metadata["snr_db"], metadata["message_bits"]) == ("64", "10", "1280")
    mapper = LearnedMapper.load(path)
    learner.pair.load_state_dict(mapper.pair.state_dict())
    bits = np.random.default_rng(0).integers(0, 2, (2, 1280), dtype=np.uint8)
    with torch.no_grad():
        expected = learner.pair.symbols(torch.from_numpy(bits).float(), 8, 8).numpy()
    assert np.allclose(mapper.map(bits), expected, atol=1e-5)
    assert set(weights.read_tensors(path, ("",))) == set(mapper.pair.state_dict())  # nothing of f and g


def test_scores_count_what_q_gets_wrong_level_by_level(source: Path) -> None:
    learner = ChannelMapperLearner(source, SHAPE, 10.0, 0)
    one = channel_mapper.score(learner, images(), 10.0, seed=0, batch=2)
    again = channel_mapper.score(learner, images(), 10.0, seed=0, batch=2)
    assert one == again
    assert len(one.level_bers) == 10
    assert all(0 <= ber <= 1 for ber in one.level_bers)
    assert channel_mapper.score(learner, images(), -20.0, seed=0, batch=2) != one
    told = json.loads(channel_mapper.metrics([one], {"name": "x"}, 64 / 3072))
    assert told["curve"][0]["level_bers"] == one.level_bers
    assert told["psnr_db"] == pytest.approx(one.psnr_db, abs=1e-3)


def test_a_mapper_for_other_messages_is_refused(source: Path) -> None:
    with pytest.raises(CodecError, match="makes 20 bits a position in 10 levels, the mapper takes 40 in 10"):
        ChannelMapperLearner(source, MapperShape(bits=40, symbols=64), 10.0, 0)
