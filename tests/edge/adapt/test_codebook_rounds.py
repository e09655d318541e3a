from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from edge.adapt import codebook_rounds
from edge.adapt.codebook_rounds import CodebookRounds, nearest, place_idle
from edge.adapt.errors import AdaptError
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Half
from edge.codecs.vqvae2 import VQVAE2
from edge.images import Picture

Opened = Callable[..., VQVAE2]


def test_sender_and_receiver_agree_to_the_bit_and_on_the_codecs_own_digest(
    opened: Opened, pictures: list[Picture]
) -> None:
    settings = AdaptSettings(rounds=5)
    sender = CodebookRounds(opened(Half.ENCODER), pictures, settings)
    torch.set_num_threads(2)  # a machine that computes in another order
    try:
        receiver_codec = opened(Half.BOTH)
        receiver = CodebookRounds(receiver_codec, pictures, settings)
    finally:
        torch.set_num_threads(1)
    for _ in range(5):
        assert sender.run_round() == receiver.run_round()
    for name, vectors in sender.codebooks().items():
        np.testing.assert_array_equal(vectors, receiver.codebooks()[name])
    result = sender.run_round()
    receiver_codec.replace(sender.codebooks())
    assert receiver_codec.describe().knowledge == result.digest


def test_other_images_give_another_digest(opened: Opened, pictures: list[Picture]) -> None:
    changed = [pictures[0] ^ 1, *pictures[1:]]
    one, other = (CodebookRounds(opened(), images, AdaptSettings()) for images in (pictures, changed))
    assert one.run_round().digest != other.run_round().digest


def test_without_revival_a_round_never_raises_the_loss(
    opened: Opened, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebook_rounds, "place_idle", lambda *_: None)
    rounds = CodebookRounds(opened(), pictures, AdaptSettings(rounds=6))
    losses = [rounds.quantization_loss(), *(rounds.run_round().quantization_loss for _ in range(6))]
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(losses))
    assert losses[-1] < 0.9 * losses[0]


def test_revival_lowers_the_loss_further(
    opened: Opened, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_ten() -> float:
        rounds = CodebookRounds(opened(), pictures, AdaptSettings(rounds=10))
        return [rounds.run_round() for _ in range(10)][-1].quantization_loss

    revived = after_ten()
    monkeypatch.setattr(codebook_rounds, "place_idle", lambda *_: None)
    assert revived < 0.9 * after_ten()


def test_a_round_moves_used_vectors_to_the_mean_of_their_features(opened: Opened, pictures: list[Picture]) -> None:
    codec = opened()
    name = "codebook_b.vectors"
    old = codec.parameters()[name]
    features = codebook_rounds.flat_features(codec, pictures)[1]
    chosen, _ = nearest(features, old)
    for rate in (1.0, 0.25):
        rounds = CodebookRounds(opened(), pictures, AdaptSettings(rounds=1, codebook_rate=rate))
        rounds.run_round()
        new = rounds.codebooks()[name]
        for k in range(len(old)):
            mean = features[chosen == k].astype(np.float64).mean(0) if (chosen == k).any() else old[k]
            np.testing.assert_allclose(new[k], old[k] + rate * (mean - old[k]), atol=1e-6)


def test_nearest_is_exhaustive_search() -> None:
    rng = np.random.default_rng(0)
    features, vectors = (rng.normal(size=(n, 5)).astype(np.float32) for n in (50_000, 9))
    chosen, distances = nearest(features, vectors)
    table = ((features[:200, None].astype(np.float64) - vectors[None]) ** 2).sum(2)
    np.testing.assert_array_equal(chosen[:200], table.argmin(1))
    np.testing.assert_allclose(distances[:200], table.min(1))
    assert distances.min() >= 0
    assert len(chosen) == 50_000


def test_idle_vectors_go_beside_the_busiest_and_others_stay() -> None:
    features = np.concatenate([np.linspace(0, 1, 40), np.full(40, 5.0)]).astype(np.float32)[:, None]
    vectors = np.array([[0.5], [5.0], [99.0], [98.0]])
    chosen, distances = nearest(features, vectors.astype(np.float32))
    place_idle(vectors, features, chosen, distances)
    assert vectors[0, 0] == 0.5
    assert vectors[1, 0] == 5.0
    assert vectors[2, 0] in (0.25, 0.75)  # beside the vector with the greater share of the loss, towards its farthest
    assert vectors[3, 0] == 5.0


def test_the_codec_is_not_changed(opened: Opened, pictures: list[Picture]) -> None:
    codec = opened()
    before = codec.describe().knowledge
    CodebookRounds(codec, pictures, AdaptSettings()).run_round()
    assert codec.describe().knowledge == before


def test_bad_input_is_one_sentence(opened: Opened, pictures: list[Picture], continuous: Callable[[], VQVAE2]) -> None:
    settings = AdaptSettings()
    with pytest.raises(AdaptError, match=r"^images: fine-tuning needs at least 4 .*, got 0; send more$"):
        CodebookRounds(opened(), [], settings)
    with pytest.raises(AdaptError, match=r"^images\[4\]: is 30x32, but images\[0\] is 32x32; .*$"):
        CodebookRounds(opened(), [*pictures[:4], pictures[4][:, :30]], settings)
    with pytest.raises(AdaptError, match=r"^images\[0\]: image: 30x32 is not a multiple"):
        CodebookRounds(opened(), [one[:, :30] for one in pictures], settings)
    with pytest.raises(AdaptError, match=r"^adapt.rounds: codec continuous has no codebooks .* set rounds to 0$"):
        CodebookRounds(continuous(), pictures, settings)
    with pytest.raises(AdaptError, match=r"^adapt: needs the frozen encoder at this end too"):
        CodebookRounds(opened(Half.DECODER), pictures, settings)
