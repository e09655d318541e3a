"""The digital baseline: a classical picture codec, 5G LDPC, QAM; for each SNR and K the best scheme of the table.

Counted as kindly as can be. A picture has K symbols of m bits at code rate R, so floor(K m R / 8) bytes: no CRC, no
container, no head, and the receiver knows which blocks failed. Codewords are a picture's own (K m bits), or of 512 or
768 bits (the paper's), which pictures share, one after the other: a picture is lost with any block that holds a part
of it. Where a picture does not fit or is lost the receiver shows its mean colour, free of charge, an outage. Of all
schemes the one of the highest mean PSNR is taken after the fact, over the very pictures and noise that are reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge import metrics
from edge.codecs.contract import CodecError, Half
from edge.codecs.hevc import Hevc
from edge.codecs.jpeg2000 import Jpeg2000
from edge.codecs.jpeg_shrink import FACTOR_BYTES, FACTORS, scaled
from edge.codecs.still_picture import StillPicture
from edge.images import Picture
from emulator.channels.ldpc import MAX_BLOCK_BITS, BlockPlan, LdpcQam, Mcs
from emulator.channels.ldpc_code import MIN_K, LdpcCode, max_k
from emulator.channels.mcs import RATES, waterfalls
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.figures.results import Row
from tools.figures.setting import FigureSetting
from tools.split.curves import row
from tools.split.setting import SNRS_DB, SYMBOLS

ORDERS = (4, 16, 64)
LENGTHS = (0, 512, 768)  # coded bits of a block; 0: those of a picture
MOST_SHARING = 512  # symbols of a picture up to which such short blocks are tried
Fitted = Mapping[str, Any]  # see `fitted`
CODECS: Mapping[str, type[StillPicture]] = {"hevc": Hevc, "jpeg2000": Jpeg2000}


@dataclass(frozen=True)
class Scheme:
    """length: coded bits of a block, 0 where each picture has its own."""

    mcs: Mcs
    length: int

    def __str__(self) -> str:
        return f"{self.mcs}, " + (f"blocks of {self.length}" if self.length else "a picture's own block")

    def size_bytes(self, symbols: int) -> int:
        """Payload of a picture."""
        return math.floor(symbols * self.mcs.efficiency / 8 + 1e-9)

    def blocks(self, symbols: int) -> tuple[int, float]:
        """(coded bits of a block, blocks a picture)."""
        coded = symbols * self.mcs.bits_per_symbol
        if self.length:
            return self.length, coded / self.length
        room = min(MAX_BLOCK_BITS, max_k(self.mcs.rate))
        own = math.ceil(coded * self.mcs.rate / room)
        return coded // own // self.mcs.bits_per_symbol * self.mcs.bits_per_symbol, own


def schemes(symbols: int, snr_db: float) -> Iterator[Scheme]:
    """Those of the table that have a chance at this SNR and whose blocks the code allows."""
    for order in ORDERS:
        for rate in RATES:
            for length in LENGTHS if symbols <= MOST_SHARING else (0,):
                scheme = Scheme(Mcs(order, rate), length)
                coded, _ = scheme.blocks(symbols)
                whole = coded % scheme.mcs.bits_per_symbol == 0  # 512 is no multiple of 64-QAM's 6
                if whole and coded * rate >= MIN_K and not _hopeless(scheme.mcs, snr_db):
                    yield scheme


def _hopeless(mcs: Mcs, snr_db: float) -> bool:
    """Whether every measured block of this scheme fails even at a dB more; short blocks fail over a wider range. Where
    the scheme was not measured, capacity decides."""
    capacity_db = 10 * math.log10(2**mcs.efficiency - 1)
    return snr_db + 1.0 < min((one.snr_db[0] for one in waterfalls() if one.mcs == mcs), default=capacity_db + 1.0)


def failed(scheme: Scheme, symbols: int, snr_db: float, pictures: int, seed: int) -> NDArray[np.bool_]:
    """Which pictures are lost [pictures], by simulation of every block."""
    coded, each = scheme.blocks(symbols)
    code = LdpcCode.for_block(math.floor(coded * scheme.mcs.rate + 1e-9), scheme.mcs.rate, scheme.mcs.bits_per_symbol)
    count = math.ceil(pictures * each - 1e-9)
    plan = BlockPlan(code.k * count, count, code.k, code, scheme.mcs)
    draw = SegmentNoise(NoiseKey(seed, "radio", "device", "digital", "payload"), symbols, 0)
    wrong, _ = LdpcQam(snr_db).block_errors(plan, range(count), draw)
    lost = np.asarray(wrong.any(axis=0))
    edges = [(math.floor(p * each + 1e-9), math.ceil((p + 1) * each - 1e-9)) for p in range(pictures)]
    return np.array([lost[first:end].any() for first, end in edges], np.bool_)


@dataclass
class Tried:
    """One picture's coded forms, each made once. mean_db: PSNR of its mean colour."""

    codec: StillPicture
    picture: Picture
    kept: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)

    @property
    def mean_db(self) -> float:
        flat = np.rint(self.picture.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
        return metrics.psnr(self.picture, np.broadcast_to(flat, self.picture.shape))

    def best_db(self, size_bytes: int, factor: int) -> float | None:
        """PSNR of the best form that fits, sent `factor` times smaller; None where none does."""
        if isinstance(self.codec, Jpeg2000):
            data = self.codec.fitting(self._small(factor), size_bytes)
            return None if data is None else self._psnr(data, factor)
        best, low, high = None, 0, len(self.codec.qualities) - 1
        while low <= high:
            middle = (low + high) // 2
            size, psnr_db = self._form(factor, self.codec.qualities[middle])
            if size <= size_bytes:
                best, high = psnr_db, middle - 1
            else:
                low = middle + 1
        return best

    def _form(self, factor: int, quality: int) -> tuple[int, float]:
        if (factor, quality) not in self.kept:
            data = self.codec.code(self._small(factor), quality)
            self.kept[factor, quality] = len(data), self._psnr(data, factor)
        return self.kept[factor, quality]

    def _small(self, factor: int) -> Picture:
        height, width = self.picture.shape[:2]
        return scaled(self.picture, -(-height // factor), -(-width // factor))

    def _psnr(self, data: bytes, factor: int) -> float:
        height, width = self.picture.shape[:2]
        small = self.codec.show(data, -(-height // factor), -(-width // factor))
        return metrics.psnr(self.picture, scaled(small, height, width))


def fitted(setting: FigureSetting, codec: str, pictures: Sequence[Picture], sizes: Sequence[int]) -> list[Fitted]:
    """For each picture {"mean": dB, "SIZE": [PSNR sent as it is, PSNR sent smaller where better]}, None: nothing
    fits. A smaller picture costs a byte that tells the factor."""
    opened = CODECS[codec].open({}, Half.BOTH)
    found = []
    for picture in pictures:
        key = {"what": "fitted", "set": codec, "picture": _digest(picture), "sizes": list(sizes)}
        found.append(setting.cells.get(key, partial(_all_sizes, Tried(opened, picture), sizes)))
    return found


def _all_sizes(tried: Tried, sizes: Sequence[int]) -> dict[str, Any]:
    factors = [factor for factor in FACTORS if min(tried.picture.shape[:2]) // factor >= 8]
    values: dict[str, Any] = {"mean": tried.mean_db}
    for size in sizes:
        each = [tried.best_db(size - FACTOR_BYTES, factor) for factor in factors]
        values[str(size)] = [tried.best_db(size, 1), max((db for db in each if db is not None), default=None)]
    return values


def _digest(picture: Picture) -> str:
    import hashlib

    return hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()[:16]


def codec_here(setting: FigureSetting) -> str:
    """hevc, or jpeg2000 where the package is missing."""
    try:
        Hevc.open({}, Half.BOTH)
    except CodecError:
        setting.skip("pillow-heif is not installed: the baseline is jpeg2000-ldpc")
        return "jpeg2000"
    return "hevc"


def curve(
    setting: FigureSetting,
    pictures: Sequence[Picture],
    codec: str,
    symbols: Sequence[int] = SYMBOLS,
    snrs_db: Sequence[float] = SNRS_DB,
) -> list[Row]:
    """The best scheme at each K and SNR, each over setting.seeds noises. symbols: K at the pictures' size."""
    rows = []
    for k in symbols:
        offered = {snr_db: list(schemes(k, snr_db)) for snr_db in snrs_db}
        sizes = sorted({scheme.size_bytes(k) for own in offered.values() for scheme in own})
        values = fitted(setting, codec, pictures, sizes)
        for snr_db, own in offered.items():
            rows.append(_best(setting, own, k, snr_db, values, codec))
    return rows


def _best(
    setting: FigureSetting, offered: Sequence[Scheme], k: int, snr_db: float, values: Sequence[Fitted], codec: str
) -> Row:
    """Of the schemes, those that promise most first, until what was reached is more than the next one promises."""
    passage = {"psnr_db": [value["mean"] for value in values]}
    found = [passage] * setting.seeds
    best = row(f"{codec}-ldpc", k, snr_db, found, mcs="nothing arrives", size_bytes=0, outages=1.0, block_losses=0.0)
    promised = {scheme: shown(values, scheme.size_bytes(k)) for scheme in offered}
    for scheme in sorted(offered, key=lambda scheme: -float(promised[scheme].psnr_db.mean())):
        if float(promised[scheme].psnr_db.mean()) <= float(best["psnr_db"]):
            break
        made = _sent(setting, scheme, k, snr_db, promised[scheme], codec)
        best = max(best, made, key=lambda one: float(one["psnr_db"]))
    return best


class Shown(NamedTuple):
    """Of each picture: PSNR where its block arrives, PSNR of its mean colour, whether it fits at all."""

    psnr_db: NDArray[np.float64]
    mean_db: NDArray[np.float64]
    fits: NDArray[np.bool_]


def shown(values: Sequence[Fitted], size_bytes: int) -> Shown:
    """All pictures as they are, or all smaller where better, whichever is better on the whole."""
    means = np.array([value["mean"] for value in values])
    ways = []
    for way in (0, 1):
        given = np.array([value[str(size_bytes)][way] for value in values], np.float64)  # None becomes nan
        ways.append(Shown(np.where(np.isnan(given), means, given), means, ~np.isnan(given)))
    return max(ways, key=lambda way: float(way.psnr_db.mean()))


def _sent(setting: FigureSetting, scheme: Scheme, k: int, snr_db: float, promised: Shown, codec: str) -> Row:
    """One scheme with every seed."""
    pictures = len(promised.mean_db)
    about = {"what": "lost", "set": str(scheme), "symbols": k, "snr_db": snr_db, "pictures": pictures}
    lost = []
    for seed in range(setting.seeds):
        made = partial(_failed_json, scheme, k, snr_db, pictures, seed)
        lost.append(np.array(setting.cells.get({**about, "seed": seed}, made), np.bool_))
    passages = [{"psnr_db": np.where(one, promised.mean_db, promised.psnr_db).tolist()} for one in lost]
    return row(
        f"{codec}-ldpc",
        k,
        snr_db,
        passages,
        mcs=str(scheme),
        size_bytes=scheme.size_bytes(k),
        outages=round(fmean(float((one | ~promised.fits).mean()) for one in lost), 4),
        block_losses=round(fmean(float(one.mean()) for one in lost), 4),
    )


def _failed_json(scheme: Scheme, k: int, snr_db: float, pictures: int, seed: int) -> list[bool]:
    return [bool(one) for one in failed(scheme, k, snr_db, pictures, seed)]
