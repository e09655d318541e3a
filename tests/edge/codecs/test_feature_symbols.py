from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edge.codecs.contract import CodecError
from edge.codecs.feature_symbols import check_segments, from_segments, to_segments
from edge.segment import Kind
from emulator.channels.awgn import AWGN
from emulator.channels.noise import NoiseKey, SegmentNoise

MAPS = [torch.randn(1, 6, 3, 4, generator=torch.Generator().manual_seed(i)) * (i + 1) for i in range(2)]


def test_every_map_has_average_power_one_and_comes_back() -> None:
    segments = to_segments(MAPS)
    for segment in segments[:2]:
        assert segment.kind is Kind.SYMBOLS
        assert segment.values.shape == (3, 4, 3)
        assert np.mean(np.abs(segment.values) ** 2) == pytest.approx(1, rel=1e-6)
    for (vectors, present), sent in zip(from_segments(segments, [1.0, 1.0]), MAPS, strict=True):
        assert torch.allclose(vectors, sent, rtol=1e-5, atol=1e-6)
        assert bool(present.all())


def test_the_side_information_is_the_rms_of_each_maps_symbols_and_is_counted() -> None:
    side = to_segments(MAPS)[-1]
    expected = [np.sqrt(2 * float(one.square().mean())) for one in MAPS]  # two numbers a symbol
    assert np.frombuffer(side.values.tobytes(), "<f4") == pytest.approx(expected, rel=1e-6)
    assert side.size_bits == 2 * 32


def test_a_pair_of_neighbouring_dimensions_is_one_symbol() -> None:
    features = torch.zeros(1, 4, 1, 1)
    features[0, :, 0, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    symbols, side = to_segments([features])
    rms = np.frombuffer(side.values.tobytes(), "<f4")[0]
    assert symbols.values[0, 0] * rms == pytest.approx([1 + 2j, 3 + 4j])


def test_a_map_of_zeros_stays_one() -> None:
    segments = to_segments([torch.zeros(1, 2, 2, 2)])
    assert not segments[0].values.any()
    assert not from_segments(segments, [1.0])[0][0].any()


def test_a_position_is_lost_with_any_of_its_symbols() -> None:
    segments = to_segments(MAPS)
    present = np.ones((3, 4, 3), np.bool_)
    present[1, 2, 0] = False
    (_, arrived), (_, other) = from_segments([replace(segments[0], present=present), *segments[1:]], [1.0, 1.0])
    assert torch.nonzero(~arrived).tolist() == [[1, 2]]
    assert bool(other.all())


@pytest.mark.parametrize("bad", ["lost", "nan", "negative"])
def test_without_side_information_the_usual_rms_is_taken(bad: str) -> None:
    *maps, side = to_segments(MAPS)
    scales = np.frombuffer(side.values.tobytes(), "<f4").copy()
    present = None
    if bad == "lost":
        present = np.ones(8, np.bool_)
        present[1] = False
    else:
        scales[0] = np.nan if bad == "nan" else -1
    broken = replace(side, values=np.frombuffer(scales.tobytes(), np.uint8), present=present)
    (first, _), (second, _) = from_segments([*maps, broken], [7.0, 9.0])
    assert torch.allclose(first, MAPS[0] * 7 / np.sqrt(2 * float(MAPS[0].square().mean())), rtol=1e-5)
    assert torch.allclose(second, MAPS[1], rtol=1e-5)


def test_a_known_gain_is_divided_out_and_a_gain_of_zero_is_survived() -> None:
    segments = to_segments(MAPS[:1])
    gain = np.full((3, 4, 3), 0.5 - 2j, np.complex64)
    gain[0, 0, 0] = 0
    faded = replace(segments[0], values=segments[0].values * gain, csi=gain)
    ((vectors, _),) = from_segments([faded, segments[1]], [1.0])
    assert torch.allclose(vectors[0, 2:], MAPS[0][0, 2:], rtol=1e-4, atol=1e-5)
    assert torch.equal(vectors[0, :2, 0, 0], torch.zeros(2))


def test_over_awgn_the_features_have_the_snr_of_the_channel() -> None:
    # 10**5 numbers: the relative standard error of a mean square is sqrt(2 / 10**5) = 0.45 %, 4 sigma 1.8 %
    features = torch.randn(1, 10, 100, 100, generator=torch.Generator().manual_seed(3)) * 5
    segments = to_segments([features])
    noise = SegmentNoise(NoiseKey(1, "radio", "rx", "test", "payload"), message=0, segment=0)
    received = AWGN(10.0)(segments[0].values.reshape(-1), 0, noise).reshape(segments[0].values.shape)
    ((vectors, _),) = from_segments([replace(segments[0], values=received), segments[1]], [1.0])
    error = float((vectors - features).square().mean() / features.square().mean())
    assert error == pytest.approx(0.1, rel=0.018)


def test_segments_that_do_not_fit_are_named() -> None:
    segments = to_segments(MAPS)
    check_segments("net", segments, [6, 6])
    for wrong, dimensions in (
        ([], [6, 6]),
        (segments[:2], [6, 6]),
        (segments, [6, 8]),
        (segments, [6]),
        ([segments[0], segments[1], segments[0]], [6, 6]),
        ([segments[2], segments[1], segments[2]], [6, 6]),
    ):
        with pytest.raises(CodecError, match=r"net: expected \d maps of symbols .*use the same codec"):
            check_segments("net", wrong, dimensions)
