"""What each procedure trains, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.swin import Swin
from edge.codecs.swin_network import SwinShape
from edge.codecs.symbol_codec import PAIRING
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.curve import CurveTrainer
from edge.train.export import export
from edge.train.loop import Schedule
from edge.train.multiuser import configured
from edge.train.swin import SwinLearner, psnr_over_awgn, qualities

SHAPE = SwinShape(shrink=4, numbers=6, width=8, growth=4, head=4, window=2, widening=1)
EPOCH = 2


def ramps() -> list[Named]:
    """Smooth pictures, which a small network learns in a few steps."""
    y, x = np.mgrid[0:48, 0:48]
    return [Named(f"r{i}", np.stack([x * 5, y * 5, (x + y) * i], axis=2).astype(np.uint8)) for i in range(3)]


def copied(learner: SwinLearner) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in learner.state().items()}


def changed(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> set[str]:
    """The parts that differ in any tensor: `encoder`, `decoder.high`, ..."""
    names = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    return {".".join(name.split(".")[: 2 if name.startswith("decoder") else 1]) for name in names}


def trainer(learner: SwinLearner, steps: int, curve: Path | None = None, rate: float = 0.01) -> CurveTrainer:
    schedule = Schedule(steps=steps, batch=2, crop=16, learning_rate=rate)
    crops = RandomCrops([ramps()], 16, 0)
    return CurveTrainer(
        learner, schedule, crops, EPOCH, learner.take_turn, lambda _w, epoch: {"epoch": epoch}, curve, {}
    )


@pytest.fixture(scope="module")
def taught() -> dict[str, Tensor]:
    """An encoder and a high decoder, as a weight file has them."""
    return {name: tensor.half() for name, tensor in SwinLearner(SHAPE, 7, configured("alone", "high")).state().items()}


def learner(procedure: str, taught: Mapping[str, Tensor], decoder: str = "low") -> SwinLearner:
    plan = configured(procedure, decoder)
    return SwinLearner(SHAPE, 0, plan, taught=taught if plan.taught else None)


def test_learning_reduces_the_error() -> None:
    errors: list[float] = []
    run = trainer(SwinLearner(SHAPE, 0, configured("alone")), 60)
    run.run(None, lambda step, mse: errors.append(mse), every=15)
    assert errors[3] < 0.8 * errors[0]


def test_decoders_take_turns_with_the_encoder(taught: dict[str, Tensor]) -> None:
    run = trainer(learner("iterative", taught), 4 * EPOCH)
    assert isinstance(run.learner, SwinLearner)
    for decoder in ("high", "low", "high", "low"):
        before = copied(run.learner)
        for _ in range(EPOCH):
            run.train_step()
        assert changed(before, run.learner.state()) == {"encoder", f"decoder.{decoder}"}


@pytest.mark.parametrize("procedure", ["proposed", "transfer", "transfer-frozen", "distill"])
def test_what_was_taught_stays_to_the_bit(procedure: str, taught: dict[str, Tensor]) -> None:
    run = trainer(learner(procedure, taught), 2 * EPOCH)
    assert isinstance(run.learner, SwinLearner)
    before = copied(run.learner)
    run.run(None, lambda step, mse: None)
    for state in (run.learner.state(), run.weights()):
        assert changed(before, state) == {"decoder.low"}
        assert all(torch.equal(state[name].half(), value) for name, value in taught.items())


@pytest.mark.parametrize("procedure", ["transfer", "transfer-frozen"])
def test_the_last_two_stages_begin_as_the_teachers_and_stay_so_when_frozen(
    procedure: str, taught: dict[str, Tensor]
) -> None:
    run = trainer(learner(procedure, taught), EPOCH)
    last = [name for name in run.learner.state() if name.startswith(("decoder.low.stages.2", "decoder.low.stages.3"))]

    def like_the_teacher() -> list[bool]:
        state = run.learner.state()
        return [torch.equal(state[name], state[name.replace(".low.", ".high.")]) for name in last]

    assert all(like_the_teacher())
    run.run(None, lambda step, mse: None)
    assert all(like_the_teacher()) == (procedure == "transfer-frozen")


def test_a_taught_decoder_goes_on_where_it_was_and_the_others_stay(taught: dict[str, Tensor]) -> None:
    two = learner("proposed", taught).state()
    student = learner("continued", two, "high")
    assert all(torch.equal(tensor, two[name].float()) for name, tensor in student.state().items())
    run = trainer(student, EPOCH)
    run.run(None, lambda step, mse: None)
    assert changed(two, student.state()) == {"decoder.high"}


def test_only_a_taught_decoder_can_go_on(taught: dict[str, Tensor]) -> None:
    assert learner("continued", taught, "high").teacher is None
    with pytest.raises(
        ValueError, match="decoder: there is no 'low' in what was taught, which holds high; choose another"
    ):
        learner("continued", taught, "low")


def test_distillation_without_weight_is_the_proposed_procedure(taught: dict[str, Tensor]) -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    totals = {}
    for alpha in (None, 0.0, 1.0):
        plan = configured("proposed") if alpha is None else configured("distill", alpha=alpha)
        student = SwinLearner(SHAPE, 0, plan, taught=taught)
        with torch.no_grad():
            found = student.losses(images, torch.Generator().manual_seed(1))
        totals[alpha] = found.total.item()
        assert found.mse == pytest.approx(totals[None])
    assert totals[0.0] == totals[None]
    assert totals[1.0] > totals[None]


def test_only_the_decoder_in_training_has_gradients(taught: dict[str, Tensor]) -> None:
    student = learner("distill", taught)
    found = student.losses(torch.rand(1, 3, 16, 16), torch.Generator().manual_seed(1))
    found.total.backward()  # type: ignore[no-untyped-call]
    with_gradient = {name for half in student.halves for name, p in half.named_parameters() if p.grad is not None}
    assert with_gradient == set(student.receivers["low"].state_dict())


def test_a_file_grows_by_one_decoder_a_training_and_its_encoder_stays(
    taught: dict[str, Tensor], tmp_path: Path
) -> None:
    first = trainer(learner("proposed", taught), EPOCH)
    first.train_step()
    export(first, tmp_path / "two.safetensors", "", [], None, [])
    two = weights.read_tensors(tmp_path / "two.safetensors", ("",))
    second = trainer(learner("distill", two, "lowest"), EPOCH)
    second.train_step()
    export(second, tmp_path / "three.safetensors", "", [], None, [])
    three = weights.read_tensors(tmp_path / "three.safetensors", ("",))
    assert all(torch.equal(three[name], value) for name, value in (taught | two).items())
    knowledge = {weights.read_metadata(tmp_path / f"{n}.safetensors")[PAIRING] for n in ("two", "three")}
    assert len(knowledge) == 1
    for variant in ("high", "low", "lowest"):
        codec = Swin.open({"weights": str(tmp_path / "three.safetensors"), "decoder": variant}, Half.DECODER)
        assert codec.variant == variant
        held = codec.parameters()
        assert all(torch.equal(torch.from_numpy(value), three[name].float()) for name, value in held.items())


def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    def begun(curve: str) -> CurveTrainer:
        return trainer(SwinLearner(SHAPE, 0, configured("iterative")), 4 * EPOCH, tmp_path / curve)

    straight, paused = begun("straight.json"), begun("resumed.json")
    straight.run(None, lambda step, mse: None)
    for _ in range(2 * EPOCH + 1):
        paused.train_step()
    paused.save(tmp_path / "run.ckpt")
    paused.train_step()  # a point beyond the checkpoint, which a resumed run makes again
    resumed = begun("resumed.json")
    resumed.run(tmp_path / "run.ckpt", lambda step, mse: None)
    expected, found = straight.weights(), resumed.weights()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert [point["epoch"] for point in resumed.points] == [0, 1, 2, 3]


def test_what_does_not_fit_is_refused(taught: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="taught: this procedure needs trained weights"):
        SwinLearner(SHAPE, 0, configured("proposed"))
    with pytest.raises(ValueError, match="taught: this procedure begins from random weights"):
        SwinLearner(SHAPE, 0, configured("alone"), taught=taught)
    with pytest.raises(ValueError, match="taught: does not fit the network"):
        SwinLearner(SwinShape(4, 6, 12, 4, 4, 2, 1), 0, configured("proposed"), taught=taught)
    with pytest.raises(ValueError, match="taught: holds no decoder but high, which is to be trained"):
        SwinLearner(SHAPE, 0, configured("proposed", "high"), taught=taught)
    with pytest.raises(ValueError, match=r"'high' and 'lowest' differ in decoder\.high\.stages\.2\.blocks\.1"):
        SwinLearner(SHAPE, 0, configured("transfer", "lowest"), taught=taught)
    with pytest.raises(ValueError, match="snrs_db: must be finite numbers of dB"):
        SwinLearner(SHAPE, 0, configured("alone"), ())


def test_scores_are_of_the_noise_and_the_same_for_one_seed() -> None:
    student = SwinLearner(SHAPE, 0, configured("alone"))
    run = trainer(student, 20)
    run.run(None, lambda step, mse: None)
    images = torch.from_numpy(np.stack([one.pixels for one in ramps()])).permute(0, 3, 1, 2).float().div_(255)
    low, high = (psnr_over_awgn(student.tx, student.trained, images, snr, 0) for snr in (-20.0, 40.0))
    assert low < high
    (again,) = qualities(SHAPE, student.state(), ["low"], [-20.0], images, 0)
    assert again == ("low", -20.0, low)
