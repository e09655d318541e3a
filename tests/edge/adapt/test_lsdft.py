from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson
from edge.adapt.lsdft import LatentSpaceFineTuning
from edge.adapt.settings import AdaptSettings
from edge.adapt.tuner import tuner_for
from edge.codecs.contract import Codec
from edge.codecs.vqvae2 import VQVAE2
from edge.images import Picture

Opened = Callable[..., VQVAE2]
Lessons = Callable[..., list[Lesson]]
SETTINGS = AdaptSettings(method="lsdft", steps=30, batch=4, crop=32, learning_rate=3e-3, equivariance=0.0)


def eq_7(codec: VQVAE2, lessons: list[Lesson]) -> float:
    """From the definition, on whole pictures."""
    with torch.no_grad():
        errors = [
            float((codec.features(codec.reconstruct(sent))[1] - sent[1]).pow(2).mean())
            for sent in (codec.inputs_from_segments(lesson.segments) for lesson in lessons)
        ]
    return float(np.mean(errors))


def test_the_loss_is_eq_7_on_the_bottom_map(opened: Opened, pictures: list[Picture], lessons_of: Lessons) -> None:
    codec = opened()
    lessons = lessons_of(codec, [pictures[0]] * 4, originals=False)  # whichever is drawn, it is this one
    loss = LatentSpaceFineTuning(codec, lessons, SETTINGS, None).loss(torch.Generator().manual_seed(0))
    assert float(loss) == pytest.approx(eq_7(codec, lessons), rel=1e-4)


def test_fine_tuning_lowers_eq_7_and_needs_no_originals(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    lessons = lessons_of(opened(), pictures, originals=False)
    codec = opened()
    before = eq_7(codec, lessons)
    tuner = tuner_for(codec, lessons, SETTINGS, {})
    while not tuner.finished:
        tuner.advance(10)
    assert eq_7(codec, lessons) < 0.8 * before


def test_equivariance_adds_the_pull_towards_the_deployed_decoder(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    lessons = lessons_of(opened(), pictures, originals=False)

    def loss(equivariance: float) -> float:
        settings = AdaptSettings(method="lsdft", batch=4, crop=32, equivariance=equivariance)
        method = LatentSpaceFineTuning(opened(), lessons, settings, None)
        return float(method.loss(torch.Generator().manual_seed(1)))

    plain, one, three = loss(0.0), loss(1.0), loss(3.0)
    assert one > plain
    assert three - plain == pytest.approx(3 * (one - plain), rel=1e-3)


def test_the_judgement_is_the_objective_on_the_latents_held_out(
    opened: Opened, pictures: list[Picture], lessons_of: Lessons
) -> None:
    codec = opened()
    lessons = lessons_of(codec, [pictures[0]] * 4, originals=False)  # whichever is held out, it is this one
    assert LatentSpaceFineTuning(codec, lessons, SETTINGS, None).before == pytest.approx(eq_7(codec, lessons), rel=1e-4)
    tuner = tuner_for(opened(), lessons_of(codec, pictures, originals=False), SETTINGS, {})
    while not tuner.finished:
        progress = tuner.advance(10)
    verdict = tuner.verdict()
    assert (verdict.unit, verdict.better) == ("loss", True)
    assert verdict.after < progress.validation_before == verdict.before


def test_encoder_and_codebooks_stay(opened: Opened, pictures: list[Picture], lessons_of: Lessons) -> None:
    codec = opened()
    before = codec.parameters()
    tuner = tuner_for(codec, lessons_of(codec, pictures, originals=False), SETTINGS, {})
    tuner.advance(3)
    changed = {name for name, value in codec.parameters().items() if not np.array_equal(value, before[name])}
    assert changed
    assert all(name.startswith("decoder_") for name in changed)


def test_a_continuous_codec_is_tuned_on_the_latent_that_was_sent(
    continuous: Callable[[], Codec], pictures: list[Picture], lessons_of: Lessons
) -> None:
    lessons = lessons_of(continuous(), pictures, originals=False)
    settings = AdaptSettings(method="lsdft", steps=60, batch=4, crop=16, learning_rate=3e-2, equivariance=0.0)
    tuner = tuner_for(continuous(), lessons, settings, {})
    first = tuner.advance(1).loss
    while not tuner.finished:
        last = tuner.advance(5).loss
    assert last < 0.3 * first


def test_what_lsdft_cannot_do_is_refused(opened: Opened, pictures: list[Picture], lessons_of: Lessons) -> None:
    codec = opened()
    lessons = lessons_of(codec, pictures, originals=False)
    books = {name: book.numpy() for name, book in codec.codebook_tensors().items()}
    with pytest.raises(AdaptError, match=r"^adapt.rounds: lsdft freezes the codebooks, but new ones were given"):
        tuner_for(codec, lessons, SETTINGS, {}, books)
    with pytest.raises(AdaptError, match=r"^images: fine-tuning needs at least 4 .* got 2"):
        tuner_for(codec, lessons[:2], SETTINGS, {})
    with pytest.raises(AdaptError, match=r"^adapt.denoise: no denoiser for vqvae2"):
        tuner_for(codec, lessons, AdaptSettings(method="lsdft", denoise=True), {})
    small = lessons_of(codec, [one[:16, :16] for one in pictures], originals=False)
    with pytest.raises(AdaptError, match=r"^lessons\[7\]: is of another size than lessons\[0\]"):
        tuner_for(codec, [*lessons[:7], small[7]], SETTINGS, {})
