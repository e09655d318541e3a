from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from emulator.bearers import shipped_mappers
from emulator.bearers.bearer import AskedLevel, Draws, Group, GroupForm
from emulator.bearers.learned_mapper import LearnedBits, open_mapper, tensors_digest
from emulator.bearers.mapper_network import MapperError
from emulator.channels.awgn import AWGN
from emulator.channels.noise import NoiseKey, SegmentNoise

FORMS = [GroupForm(level, level, (4, 4, 4)) for level in range(4)]


def draws(receiver: str = "rx") -> Draws:
    return lambda segment: SegmentNoise(NoiseKey(1, "air", receiver, "s", "payload"), 0, segment)


def groups(forms: list[GroupForm] = FORMS, absent: int | None = None) -> list[Group]:
    """Random bits that depend on the level alone. absent: a level of which nothing came."""
    return [
        Group(
            form,
            np.random.default_rng(form.level).integers(0, 2, form.size_bits, dtype=np.uint8) * (form.level != absent),
            np.full(form.size_bits, form.level != absent),
        )
        for form in forms
    ]


@pytest.fixture
def bearer(mapper_file: Path) -> LearnedBits:
    return LearnedBits(open_mapper(str(mapper_file)), 3.0, 0.1)


def test_bits_cross_h_noise_and_q(bearer: LearnedBits) -> None:
    sent = groups()
    ((*received,),) = bearer.carry(sent, [draws()])
    mapper = bearer.opened.mapper
    symbols = mapper.map(np.concatenate([group.bits for group in sent])[None])
    expected = mapper.demap(AWGN(3.0)(symbols[0], 0, draws()(0))[None])[0]
    np.testing.assert_array_equal(np.concatenate([group.bits for group in received]), expected)
    assert all(group.delivered.all() for group in received)


def test_receivers_of_one_transmission_meet_noise_of_their_own(bearer: LearnedBits) -> None:
    one, other = bearer.carry(groups(), [draws("one"), draws("other")])
    (alone,) = bearer.carry(groups(), [draws("other")])
    assert any((a.bits != b.bits).any() for a, b in zip(one, other, strict=True))
    assert all((a.bits == b.bits).all() for a, b in zip(alone, other, strict=True))


def test_the_order_of_segments_in_a_message_does_not_matter(bearer: LearnedBits) -> None:
    backwards = [GroupForm(3 - level, level, (4, 4, 4)) for level in range(4)][::-1]
    (straight,) = bearer.carry(groups(), [lambda _: draws()(0)])
    (turned,) = bearer.carry(groups(backwards), [lambda _: draws()(0)])
    for level in range(4):
        np.testing.assert_array_equal(straight[level].bits, turned[3 - level].bits)


def test_a_missing_group_is_an_erasure_at_the_input_and_comes_out_as_a_guess(bearer: LearnedBits) -> None:
    sent = groups(absent=2)
    (received,) = bearer.carry(sent, [draws()])
    mapper = bearer.opened.mapper
    bits = np.concatenate([group.bits for group in sent])[None]
    symbols = mapper.map(bits, present=np.concatenate([group.present for group in sent])[None])
    expected = mapper.demap(AWGN(3.0)(symbols[0], 0, draws()(0))[None])[0]
    np.testing.assert_array_equal(np.concatenate([group.bits for group in received]), expected)
    assert received[2].delivered.all()


@pytest.mark.parametrize(("side", "symbols"), [(4, 32), (8, 128)])
def test_channel_uses_are_those_of_the_message_over_its_groups(bearer: LearnedBits, side: int, symbols: int) -> None:
    uses = bearer.channel_uses([GroupForm(level, level, (side, side, 4)) for level in range(4)])
    assert uses == [symbols // 4] * 4


def test_sessions_that_announce_other_levels_are_refused_with_both(bearer: LearnedBits) -> None:
    assert bearer.objection([]) == ""
    assert bearer.objection([AskedLevel(0.1, 0.25)] * 4) == ""
    three = bearer.objection([AskedLevel(0.1, 1 / 3)] * 3)
    assert three == (
        "3 levels with shares of 0.333 are announced, but the learned mapper tiny.safetensors is for 4 equal ones"
    )
    unequal = bearer.objection([AskedLevel(0.1, 0.4), *[AskedLevel(0.1, 0.2)] * 3])
    assert "4 levels with shares of 0.2 and 0.4 are announced" in unequal


@pytest.mark.parametrize(
    "forms",
    [
        FORMS[:3],
        [*FORMS[:3], GroupForm(3, 2, (4, 4, 4))],
        [*FORMS[:3], GroupForm(3, 4, (4, 4, 4))],
        [*FORMS[:3], GroupForm(3, 3, (4, 4, 8))],
        [*FORMS[:3], GroupForm(3, 3, (64,))],
        [GroupForm(level, level, (4, 4, 5)) for level in range(4)],
    ],
    ids=["a level missing", "one twice", "one too high", "one larger", "no positions", "too many bits a position"],
)
def test_messages_of_another_form_are_refused(bearer: LearnedBits, forms: list[GroupForm]) -> None:
    with pytest.raises(ValueError, match=r"takes bits \[h, w, 4\] of each level 0 to 3, got .*; use the codec that"):
        bearer.check(forms)


def test_a_message_too_small_for_a_symbol_is_refused(bearer: LearnedBits) -> None:
    with pytest.raises(ValueError, match="3x4 positions are not a positive multiple of 2 in both sides"):
        bearer.check([GroupForm(level, level, (3, 4, 4)) for level in range(4)])


def test_it_says_what_it_holds(bearer: LearnedBits) -> None:
    said = bearer.describe()
    assert said.snr_db == 3.0
    mapper = said.learned_mapper
    assert (mapper.weights, mapper.demapper_digest, mapper.trained_snr_db) == ("tiny.safetensors", "feed", 10.0)
    assert (mapper.symbols, mapper.bits) == (32, 256)


def test_the_digest_is_that_of_the_tensors(bearer: LearnedBits, mapper_file: Path, tmp_path: Path) -> None:
    copy = shutil.copy(mapper_file, tmp_path / "other-name.safetensors")
    assert open_mapper(str(copy)).digest == bearer.opened.digest
    assert len(bearer.opened.digest) == 64
    changed = LearnedBits(open_mapper(str(copy)), 3.0, 0.1).opened.mapper
    with torch.no_grad():
        next(changed.pair.parameters()).flatten()[0] += 1
    assert tensors_digest(changed) != bearer.opened.digest


def test_a_file_is_read_once_until_it_changes(mapper_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "mapper.safetensors"
    shutil.copy(mapper_file, path)
    first = open_mapper(str(path))
    assert open_mapper(str(path)) is first
    path.write_bytes(b"no longer a mapper")
    with pytest.raises(MapperError, match=r"mapper.safetensors: not a readable safetensors file"):
        open_mapper(str(path))


def test_shipped_mappers_go_by_name(mapper_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_mappers, "folder", lambda: tmp_path)
    with pytest.raises(MapperError, match=r"mapper-k128-snr10 is not shipped \(none is\)"):
        open_mapper("mapper-k128-snr10")
    shutil.copy(mapper_file, tmp_path / f"{shipped_mappers.name_of(32, 10.0)}.safetensors")
    assert open_mapper("mapper-k32-snr10").name == "mapper-k32-snr10.safetensors"
    with pytest.raises(MapperError, match=r"mapper-k128-snr10 is not shipped \(mapper-k32-snr10\); choose"):
        open_mapper("mapper-k128-snr10")
    with pytest.raises(MapperError, match=r"lost.safetensors: cannot be read \(No such file or directory\)"):
        open_mapper(str(tmp_path / "else" / "lost.safetensors"))
