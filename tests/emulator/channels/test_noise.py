from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from emulator.channels.noise import (
    BLOCK,
    Lane,
    NoiseKey,
    SegmentNoise,
    block_slices,
    generator,
    packet_uniforms,
)

GOLDEN_KEY = ["61d39874e43d5b9b", "5f98103063c801b7"]
GOLDEN_WORDS = ["72865eb727f74c19", "60228ff892a28c7d", "1cf62791cb1b0181"]

KEY = NoiseKey(seed=7, link="radio", receiver="rx0", session="test", purpose="payload")


def test_bits_are_the_ones_this_release_promised() -> None:
    # Replays of old runs depend on these: a change here is a change of every published number.
    assert [f"{word:016x}" for word in KEY.philox_key] == GOLDEN_KEY
    assert [f"{word:016x}" for word in SegmentNoise(KEY, 3, 1, 2).words(Lane.POSITIONS, 5, 3)] == GOLDEN_WORDS


@pytest.mark.parametrize("field", [field.name for field in fields(NoiseKey)])
def test_every_field_of_the_key_matters(field: str) -> None:
    values = {f.name: getattr(KEY, f.name) for f in fields(NoiseKey)}
    values[field] = 8 if field == "seed" else "other"
    assert NoiseKey(**values).philox_key != KEY.philox_key


def test_key_fields_do_not_run_into_each_other() -> None:
    assert NoiseKey(1, "ab", "c", "s", "p").philox_key != NoiseKey(1, "a", "bc", "s", "p").philox_key


def test_for_purpose_changes_only_the_purpose() -> None:
    assert KEY.for_purpose("jitter") == NoiseKey(7, "radio", "rx0", "test", "jitter")


@settings(deadline=None)
@given(offset=st.integers(0, 3 * BLOCK), count=st.integers(0, 3 * BLOCK), block_size=st.sampled_from([7, 1024, BLOCK]))
def test_block_slices_cover_the_run_once_and_in_order(offset: int, count: int, block_size: int) -> None:
    elements = [
        part.block * block_size + inside
        for part in block_slices(offset, count, block_size)
        for inside in range(block_size)[part.inside]
    ]
    assert elements == list(range(offset, offset + count))
    assert [place for part in block_slices(offset, count, block_size) for place in range(count)[part.run]] == list(
        range(count)
    )


@settings(deadline=None)
@given(first=st.integers(0, 500), count=st.integers(0, 100))
def test_words_are_addressed_by_position(first: int, count: int) -> None:
    draw = SegmentNoise(KEY, 3, 1)
    assert np.array_equal(draw.words(Lane.MASK, first, count), draw.words(Lane.MASK, 0, 600)[first : first + count])


@settings(deadline=None)
@given(first=st.integers(0, 3000), count=st.integers(0, 100))
def test_packet_uniforms_are_keyed_by_packet_index(first: int, count: int) -> None:
    everything = packet_uniforms(KEY, 3, 1, 0, 3100, attempt=1)
    assert np.array_equal(packet_uniforms(KEY, 3, 1, first, count, attempt=1), everything[first : first + count])


def test_generator_of_a_block_does_not_depend_on_what_was_drawn_before() -> None:
    draw = SegmentNoise(KEY, 3, 1, 2)
    expected = generator(KEY, 3, 1, block=4, attempt=2).standard_normal(9)
    draw.generator(9).integers(0, 2, dtype=np.uint32)  # leaves half a word in NumPy's buffer
    assert np.array_equal(draw.generator(4).standard_normal(9), expected)
    assert np.array_equal(draw.generator(4).standard_normal(9), expected)


def test_remembered_normals_are_the_generators_and_cannot_be_written() -> None:
    draw = SegmentNoise(KEY, 3, 1)
    for block in (0, 1, 1, 0):
        expected = generator(KEY, 3, 1, block).standard_normal(2 * BLOCK, dtype=np.float32)
        assert np.array_equal(draw.normals(block), expected)
    with pytest.raises(ValueError, match="read-only"):
        draw.normals(0)[0] = 0.0


def test_threads_do_not_change_the_bits() -> None:
    def draw_block(block: int) -> list[float]:
        return generator(KEY, 3, 1, block).random(1000).tolist()

    expected = [draw_block(block) for block in range(32)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(draw_block, range(32))) == expected


def test_streams_with_other_names_are_uncorrelated_and_uniform() -> None:
    # 100 000 uniforms each; correlation of independent streams has sigma 1 / sqrt(n): 4.5 sigma, as there are 55 pairs.
    # Uniformity: KS, p > 1e-4.
    n = 100_000
    streams = {
        "reference": SegmentNoise(KEY, 3, 1).uniforms(Lane.VALUES, 0, n),
        "lane": SegmentNoise(KEY, 3, 1).uniforms(Lane.MASK, 0, n),
        "attempt": SegmentNoise(KEY, 3, 1, 1).uniforms(Lane.VALUES, 0, n),
        "segment": SegmentNoise(KEY, 3, 2).uniforms(Lane.VALUES, 0, n),
        "message": SegmentNoise(KEY, 4, 1).uniforms(Lane.VALUES, 0, n),
        "whole message": SegmentNoise(KEY, 3, 1).message_uniforms(Lane.VALUES, n),
        "receiver": SegmentNoise(NoiseKey(7, "radio", "rx1", "test", "payload"), 3, 1).uniforms(Lane.VALUES, 0, n),
        "purpose": SegmentNoise(KEY.for_purpose("jitter"), 3, 1).uniforms(Lane.VALUES, 0, n),
        "seed": SegmentNoise(NoiseKey(8, "radio", "rx0", "test", "payload"), 3, 1).uniforms(Lane.VALUES, 0, n),
        "generator": generator(KEY, 3, 1, 0).random(n),
        "next block": generator(KEY, 3, 1, 1).random(n),
    }
    for name, stream in streams.items():
        assert stats.kstest(stream, "uniform").pvalue > 1e-4, name
    for (name_a, a), (name_b, b) in combinations(streams.items(), 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(n), (name_a, name_b)


def test_message_draws_ignore_segment_and_attempt() -> None:
    one, other = SegmentNoise(KEY, 3, 1), SegmentNoise(KEY, 3, 5, 2)
    assert np.array_equal(one.message_uniforms(Lane.GAIN, 4), other.message_uniforms(Lane.GAIN, 4))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("message", (-1, 0, 0)),
        ("message", (2**64, 0, 0)),
        ("segment", (0, 2**64 - 1, 0)),
        ("attempt", (0, 0, 2**16)),
    ],
)
def test_places_outside_the_counter_are_refused(field: str, arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be an integer in"):
        SegmentNoise(KEY, *arguments)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True])
def test_seed_must_be_a_64_bit_integer(seed: object) -> None:
    with pytest.raises(ValueError, match=r"^seed: must be an integer in"):
        NoiseKey(seed, "l", "r", "s", "p")  # type: ignore[arg-type]
