from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge import metrics
from edge.adapt.codebook_rounds import CodebookRounds
from edge.adapt.dft import DecoderFineTuning
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson
from edge.adapt.settings import AdaptSettings
from edge.adapt.tuner import Tuner, tuner_for
from edge.codecs.contract import Codec, Half
from edge.codecs.vqvae2 import VQVAE2
from edge.images import Picture

Opened = Callable[..., VQVAE2]
Lessons = Callable[..., list[Lesson]]
FAST = AdaptSettings(rounds=3, steps=60, batch=4, crop=32, learning_rate=1e-2, checkpoint_steps=10)


def finished(tuner: Tuner) -> Tuner:
    while not tuner.finished:
        tuner.advance(7)
    return tuner


def psnr(codec: Codec, pictures: list[Picture]) -> float:
    return float(np.mean([metrics.psnr(one, codec.decode(codec.encode(one))) for one in pictures]))


def test_dft_improves_pictures_it_has_not_seen_and_both_ends_agree(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    sender, receiver = opened(Half.ENCODER), opened(Half.DECODER)
    taught, unseen = pictures[:6], pictures[6:]
    lessons = lessons_of(sender, taught)
    rounds = CodebookRounds(sender, taught, FAST)
    digest = [rounds.run_round() for _ in range(3)][-1].digest
    tuner = finished(tuner_for(opened(), lessons, FAST, receiver.parameters(), rounds.codebooks()))
    both = opened()
    before = psnr(both, unseen)
    verdict = tuner.verdict()
    assert verdict.better
    assert verdict.after > verdict.before + 1
    receiver.replace(tuner.tensors())
    sender.replace(rounds.codebooks())
    assert receiver.describe() == sender.describe()
    assert receiver.describe().knowledge == digest
    after = np.mean([metrics.psnr(one, receiver.decode(sender.encode(one))) for one in unseen])
    assert after > before + 1


def test_the_tuner_leaves_encoder_and_codebooks_alone(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    codec = opened()
    before = codec.parameters()
    settings = AdaptSettings(rounds=0, steps=5, batch=2, crop=32, learning_rate=5e-3)
    finished(Tuner(codec, lessons_of(codec, pictures), settings, opened(Half.DECODER).parameters()))
    changed = {name for name, value in codec.parameters().items() if not np.array_equal(value, before[name])}
    assert changed
    assert all(name.startswith("decoder_") for name in changed)


def test_judgement_before_is_what_the_codec_itself_gives(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    codec = opened()
    tuner = Tuner(codec, lessons_of(codec, pictures), AdaptSettings(validation=0.75), {})
    of_each = sorted(metrics.psnr(one, opened().decode(opened().encode(one))) for one in pictures)
    assert of_each[0] < tuner.advance(0).validation_before < of_each[-1]
    assert math.isnan(tuner.advance(0).loss)


def test_a_resumed_run_ends_exactly_where_an_unbroken_one_does(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons, tmp_path: Path
) -> None:
    lessons = lessons_of(opened(), pictures)
    start = opened(Half.DECODER).parameters()
    unbroken = finished(Tuner(opened(), lessons, FAST, start))
    killed = Tuner(opened(), lessons, FAST, start)
    killed.advance(17)
    killed.save(tmp_path / "run" / "checkpoint")
    killed.advance(5)  # lost with the process
    resumed = Tuner(opened(), lessons, FAST, start)
    resumed.resume(tmp_path / "run" / "checkpoint")
    assert resumed.step == 17
    finished(resumed)
    assert resumed.verdict() == unbroken.verdict()
    for name, value in unbroken.tensors().items():
        np.testing.assert_array_equal(resumed.tensors()[name], value)


def test_a_checkpoint_that_does_not_belong_is_refused_and_changes_nothing(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons, tmp_path: Path
) -> None:
    lessons = lessons_of(opened(), pictures)
    other = Tuner(opened(), lessons, AdaptSettings(rounds=0, steps=3, seed=9), {})
    other.save(tmp_path / "other")
    (tmp_path / "torn").write_bytes((tmp_path / "other").read_bytes()[:-100])
    (tmp_path / "text").write_text("not a checkpoint")
    tuner = Tuner(opened(), lessons, FAST, {})
    tuner.advance(1)
    for name, why in (("other", "other settings"), ("torn", "not a"), ("text", "not a whole")):
        with pytest.raises(AdaptError, match=rf"^{name}: .*{why}.*start again$"):
            tuner.resume(tmp_path / name)
    assert tuner.step == 1


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_decoder(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = opened(Half.DECODER).parameters()
    tuner = Tuner(opened(), lessons_of(opened(), pictures), FAST, start)
    tuner.advance(20)
    good = tuner.tensors()
    loss = DecoderFineTuning.loss
    monkeypatch.setattr(DecoderFineTuning, "loss", lambda self, generator: loss(self, generator) * math.nan)
    progress = tuner.advance(5)
    assert (progress.step, tuner.finished) == (20, True)
    verdict = tuner.verdict()
    assert not verdict.better
    assert verdict.reason.startswith("step 21: the loss or its gradient is not finite (nan)")
    for name, value in tuner.tensors().items():
        np.testing.assert_array_equal(value, good[name])
        assert np.isfinite(value).all()


def test_a_decoder_that_got_worse_is_not_better_and_the_best_one_is_kept(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    lessons = lessons_of(opened(), pictures)
    trained = finished(Tuner(opened(), lessons, FAST, {})).tensors()
    wild = AdaptSettings(rounds=0, steps=3, batch=2, crop=32, learning_rate=1.0, checkpoint_steps=1)
    tuner = finished(Tuner(opened(), lessons, wild, trained))
    verdict = tuner.verdict()
    assert not verdict.better
    assert "not better" in verdict.reason
    for name, value in tuner.tensors().items():
        np.testing.assert_array_equal(value, trained[name])


def test_a_continuous_codec_learns_by_dft(
    continuous: Callable[[], Codec], pictures: list[Picture], lessons_of: Lessons
) -> None:
    settings = AdaptSettings(rounds=0, steps=80, batch=4, crop=16, learning_rate=5e-2)
    tuner = finished(tuner_for(continuous(), lessons_of(continuous(), pictures), settings, {}))
    assert tuner.verdict().after > tuner.verdict().before + 6
    assert set(tuner.tensors()) == {"weight", "bias"}


def test_noisy_lessons_train_for_the_noise_that_was_measured(
    continuous: Callable[[], Codec], pictures: list[Picture], lessons_of: Lessons
) -> None:
    rng = np.random.default_rng(0)

    def noisy(lesson: Lesson) -> Lesson:
        (segment,) = lesson.segments
        values: NDArray[Any] = segment.values
        noise = 0.3 * (rng.normal(size=values.shape) + 1j * rng.normal(size=values.shape))
        return Lesson([type(segment)(segment.kind, (values + noise).astype(np.complex64))], lesson.original)

    clean = lessons_of(continuous(), pictures)
    settings = AdaptSettings(rounds=0, steps=80, batch=4, crop=16, learning_rate=5e-2)
    decoders = {}
    for name, lessons in (("clean", clean), ("noisy", [noisy(one) for one in clean])):
        tuner = finished(tuner_for(continuous(), lessons, settings, {}))
        decoders[name] = continuous()
        decoders[name].replace(tuner.tensors())  # type: ignore[attr-defined]
    through_noise = [noisy(one) for one in clean]
    scores = {
        name: np.mean(
            [
                metrics.psnr(one, codec.decode(lesson.segments))
                for one, lesson in zip(pictures, through_noise, strict=True)
            ]
        )
        for name, codec in decoders.items()
    }
    assert scores["noisy"] > scores["clean"] + 0.5


def test_bad_lessons_are_one_sentence(opened: Opened, pictures: list[Picture], lessons_of: Lessons) -> None:
    codec = opened()
    lessons = lessons_of(codec, pictures)
    small = lessons_of(codec, [one[:16, :16] for one in pictures])
    with pytest.raises(AdaptError, match=r"^images: fine-tuning needs at least 4 .* got 3; send more$"):
        Tuner(codec, lessons[:3], FAST, {})
    with pytest.raises(AdaptError, match=r"^images\[7\]: is 16x16, but images\[0\] is 32x32"):
        Tuner(codec, [*lessons[:7], small[0]], FAST, {})
    with pytest.raises(AdaptError, match=r"^lessons\[1\]: came without its original, which dft needs"):
        Tuner(codec, [lessons[0], Lesson(lessons[1].segments), *lessons[2:]], FAST, {})
    with pytest.raises(AdaptError, match=r"^lessons\[5\]: vqvae2: expected "):
        Tuner(codec, [*lessons[:5], Lesson(lessons[5].segments[:1], pictures[5]), *lessons[6:]], FAST, {})
    with pytest.raises(AdaptError, match=r"^lessons: the latents are not of the originals' size"):
        Tuner(codec, [Lesson(one.segments, two) for one, two in zip(small, pictures, strict=True)], FAST, {})
    with pytest.raises(AdaptError, match=r"no encoder"):
        Tuner(opened(Half.DECODER), lessons, FAST, {})


def test_a_codec_without_the_interface_is_refused(pictures: list[Picture]) -> None:
    from edge.codecs.raw import Raw

    codec = Raw.open({}, Half.BOTH)
    with pytest.raises(AdaptError, match=r"^codec raw: cannot be fine-tuned"):
        Tuner(codec, [Lesson(codec.encode(one), one) for one in pictures], FAST, {})


def test_torch_state_is_not_touched(opened: Opened, pictures: list[Picture], lessons_of: Lessons) -> None:
    lessons = lessons_of(opened(), pictures)
    state = torch.random.get_rng_state()
    Tuner(opened(), lessons, FAST, {}).advance(2)
    assert torch.equal(state, torch.random.get_rng_state())
