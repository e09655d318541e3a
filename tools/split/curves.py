"""Codecs over links: PSNR and bit error rates of pictures that are sent once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from edge import metrics
from edge.codecs import registry, weights
from edge.codecs.contract import Codec, Half
from edge.images import Picture
from edge.segment import Segment
from tools.figures.results import Row, psnr_columns
from tools.split import links
from tools.split.links import Asked, Link
from tools.split.setting import SNRS_DB, SYMBOLS, TRAINED_DB, Setting

SOURCE = "split-m2560"


@dataclass(frozen=True)
class Source:
    """Pictures and what a codec makes of them, both halves open."""

    codec: Codec
    pictures: Sequence[Picture]
    sent: Sequence[list[Segment]]
    file: Path

    @classmethod
    def of(cls, name: str, file: Path, options: Mapping[str, str], pictures: Sequence[Picture]) -> Source:
        codec = registry.load(name).open({**options, "weights": str(file)}, Half.BOTH)
        return cls(codec, pictures, [codec.encode(picture) for picture in pictures], file)

    @property
    def asked(self) -> Asked:
        """The bit error rates that `split` announces."""
        return links.asked_by(self.codec.level_bers)  # type: ignore[attr-defined]

    def passage(self, link: Link, seed: int) -> dict[str, Any]:
        """PSNR in dB of each picture after the link, and the share of wrong bits of each level, where there are."""
        psnr, wrong = [], []
        for message, (picture, sent) in enumerate(zip(self.pictures, self.sent, strict=True)):
            received = link(sent, seed, message)
            psnr.append(round(metrics.psnr(picture, self.codec.decode(received)), 4))
            wrong.append([_wrong(a, b) for a, b in zip(sent, received, strict=True)])
        return {"psnr_db": psnr, "bers": np.mean(wrong, axis=0).round(6).tolist()}


def _wrong(sent: Segment, received: Segment) -> float:
    """A bit that did not arrive is as likely wrong as right."""
    wrong = (sent.values != received.values).astype(np.float64)
    if received.present is not None:
        wrong[~received.present] = 0.5
    return float(wrong.mean())


def split_source(setting: Setting, pictures: Sequence[Picture]) -> Source:
    return Source.of("split", setting.edge / f"{SOURCE}.safetensors", {}, pictures)


def sent_over(
    setting: Setting, source: Source, what: str, files: Sequence[Path], make: Link | None, seed: int, **key: object
) -> dict[str, Any]:
    """A kept passage. files: weights that decide it, besides the source's; make: the link."""
    named = {
        "what": what,
        "seed": seed,
        "weights": [weights.read_metadata(file).get("code_version", "") + file.name for file in (source.file, *files)],
        "tensors": [_digest(file) for file in (source.file, *files)],
        "pictures": len(source.pictures),
        "side": source.pictures[0].shape[0],
        **key,
    }
    found: dict[str, Any] = setting.cells.get(named, lambda: source.passage(make or links.perfect, seed))
    return found


def _digest(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def row(scheme: str, symbols: int, snr_db: float, passages: Sequence[Mapping[str, Any]], **more: object) -> Row:
    """passages: one a seed."""
    spread = [float(np.percentile(np.concatenate([one["psnr_db"] for one in passages]), q)) for q in (10, 90)]
    return {
        "scheme": scheme,
        "symbols": symbols,
        "snr_db": snr_db,
        **psnr_columns([fmean(one["psnr_db"]) for one in passages]),
        "pictures_p10_db": round(spread[0], 2),
        "pictures_p90_db": round(spread[1], 2),
        "seeds": len(passages),
        **more,
    }


def split_learned(
    setting: Setting, source: Source, symbols: Sequence[int] = SYMBOLS, trained: Sequence[int] = TRAINED_DB
) -> list[Row]:
    """Split DeepJSCC over learned mappers, every SNR; BER of each level in columns."""
    rows = []
    for k in symbols:
        for trained_db in trained:
            file = setting.mapper(k, trained_db)
            for snr_db in SNRS_DB if file else ():
                assert file is not None
                made = [
                    sent_over(setting, source, "learned", [file], links.learned(file, snr_db), seed, snr_db=snr_db)
                    for seed in range(setting.seeds)
                ]
                bers = np.mean([one["bers"] for one in made], axis=0)
                columns = {f"ber_{level}": round(float(ber), 5) for level, ber in enumerate(bers)}
                rows.append(row("split", k, snr_db, made, trained_db=trained_db, **columns))
    return rows


def split_unequal(setting: Setting, source: Source, symbols: Sequence[int] = SYMBOLS) -> list[Row]:
    """The same f and g over LDPC and QAM, chosen for each level from the announced error rates. symbols: K at the
    pictures' size."""
    rows = []
    for k in symbols:
        for snr_db in SNRS_DB:
            link = links.unequal(k, snr_db, source.asked)
            made = [
                sent_over(setting, source, "unequal", [], link, seed, snr_db=snr_db, symbols=k)
                for seed in range(setting.seeds)
            ]
            rows.append(row("split, unequal protection", k, snr_db, made))
    return rows


def split_medium(setting: Setting, source: Source) -> Row:
    """Split over the medium it was trained for: what a network that keeps all promises would give."""
    link = links.medium(source.asked)
    made = [sent_over(setting, source, "medium", [], link, seed) for seed in range(setting.seeds)]
    return row("split, its medium", 0, float("inf"), made)


def deepjscc(setting: Setting, pictures: Sequence[Picture], symbols: Sequence[int] = SYMBOLS) -> list[Row]:
    """DeepJSCC with the architecture of f and g, each SNR_train over every SNR. symbols: K at 32x32."""
    rows = []
    for k in symbols:
        for trained_db in TRAINED_DB:
            file = setting.deepjscc(k, trained_db)
            if file is None:
                continue
            source = Source.of("deepjscc", file, {"channels": str(k // 32), "snr_db": str(trained_db)}, pictures)
            for snr_db in SNRS_DB:
                made = [
                    sent_over(setting, source, "deepjscc", [], links.analog(snr_db), seed, snr_db=snr_db)
                    for seed in range(setting.seeds)
                ]
                rows.append(row("deepjscc", k, snr_db, made, trained_db=trained_db))
    return rows
