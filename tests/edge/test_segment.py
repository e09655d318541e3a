from __future__ import annotations

import numpy as np
import pytest

from edge.segment import DTYPES, Kind, Segment


@pytest.mark.parametrize(
    ("alphabet", "bits"), [(2, 1), (3, 2), (4, 2), (256, 8), (257, 9), (512, 9), (513, 10), (65536, 16)]
)
def test_an_index_costs_the_bits_its_alphabet_needs(alphabet: int, bits: int) -> None:
    segment = Segment(Kind.INDICES, np.zeros((3, 5), np.uint16), alphabet=alphabet)
    assert segment.bits_per_element == bits
    assert segment.size_bits == 15 * bits
    assert segment.channel_uses == 0


def test_what_the_other_kinds_cost() -> None:
    assert Segment(Kind.BITS, np.zeros(7, np.uint8)).size_bits == 7
    assert Segment(Kind.OPAQUE, np.zeros(7, np.uint8)).size_bits == 56
    symbols = Segment(Kind.SYMBOLS, np.zeros((2, 7), np.complex64))
    assert (symbols.size_bits, symbols.channel_uses) == (0, 14)


def test_every_kind_has_one_dtype_and_no_other_is_cast() -> None:
    for kind in Kind:
        assert Segment(kind, np.zeros(1, DTYPES[kind])).values.dtype == DTYPES[kind]
        with pytest.raises(ValueError, match=f"segment of {kind.value}: values must be"):
            Segment(kind, np.zeros(1, np.float32))


@pytest.mark.parametrize("level", [-1, 256])
def test_level_is_one_byte(level: int) -> None:
    with pytest.raises(ValueError, match=rf"segment level: must be in \[0, 255\], got {level}"):
        Segment(Kind.BITS, np.zeros(1, np.uint8), level=level)


@pytest.mark.parametrize("alphabet", [0, 1, 65537])
def test_alphabet_has_at_least_two_letters_and_fits_uint16(alphabet: int) -> None:
    with pytest.raises(ValueError, match=f"segment alphabet: .*got {alphabet}"):
        Segment(Kind.INDICES, np.zeros(1, np.uint16), alphabet=alphabet)
