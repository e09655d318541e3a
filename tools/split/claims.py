"""What the results say of each claim of the paper's section IV and of our own goals: prints a table in Markdown.

python -m tools.split.claims RESULTS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from tools.figures.claims import Claim, Judge, of_files, printing, said
from tools.figures.results import Row
from tools.figures.results import verdict_over as held
from tools.split.setting import SNRS_DB, SYMBOLS, TRAINED_DB

Curve = Mapping[float, float]  # PSNR in dB by SNR in dB
PAPERS_TRAINED_DB = 20
STEEPEST_DB = 3.0  # PSNR that 5 dB of SNR may cost
LEAST_OVER_MEDIUM_DB, LEAST_RANK = 24.0, 0.9


def curve(rows: Sequence[Row], k: int, scheme: str, trained_db: int | None = None) -> Curve:
    """Of the rows whose scheme ends so."""
    return {
        float(row["snr_db"]): float(row["psnr_db"])
        for row in rows
        if row["symbols"] == k and str(row["scheme"]).endswith(scheme) and row.get("trained_db") == trained_db
    }


def steps(of: Curve) -> list[float]:
    """What each 5 dB of SNR bring."""
    return [of[b] - of[a] for a, b in pairwise(sorted(of))]


def of_fig7(rows: Sequence[Row]) -> Iterator[Claim]:
    ahead: dict[int, list[float]] = {}
    for k in SYMBOLS:
        own = curve(rows, k, "split", PAPERS_TRAINED_DB)
        baseline = curve(rows, k, "-ldpc")
        if not own or not baseline:
            continue
        ahead[k] = [own[snr_db] - baseline[snr_db] for snr_db in SNRS_DB]
        found = f"{said(list(own.values()))} dB against {said(list(baseline.values()))} dB at 0 / 5 / 10 / 15 / 20 dB"
        verdict = held([margin > 0 for margin in ahead[k]])
        yield Claim("Fig. 7", f"K = {k}: Split, trained at 20 dB, beats the digital baseline", found, verdict, "fig7")
        needed = [margin for snr_db, margin in zip(SNRS_DB, ahead[k], strict=True) if k < 128 or snr_db <= 10]
        where = "at every SNR up to 10 dB" if k == 128 else "at every SNR from 0 to 20 dB"
        met = held([all(margin > 0 for margin in needed)])
        yield Claim("goal", f"K = {k}: and does so {where}", f"ahead by {said(needed, 2)} dB", met, "fig7")
        yield from _cliffs(rows, k, baseline)
    if len(ahead) == len(SYMBOLS):
        means = [fmean(ahead[k]) for k in (64, 128)]
        found = f"ahead by {means[0]:.1f} dB at K = 64, by {means[1]:.1f} dB at K = 128, mean over SNR"
        yield Claim("Fig. 7", "the narrower, the larger the lead", found, held([means[0] > means[1]]), "fig7")


def _cliffs(rows: Sequence[Row], k: int, baseline: Curve) -> Iterator[Claim]:
    """The steepest fall of each mapper, and of the best mapper at each SNR: the operator may change it at any time."""
    trained = {f"trained at {db} dB": curve(rows, k, "split", db) for db in TRAINED_DB}
    there = {words: own for words, own in trained.items() if own}
    if len(there) > 1:
        there["the best at each SNR"] = {snr_db: max(own[snr_db] for own in there.values()) for snr_db in SNRS_DB}
    falls = {words: max(steps(own)) for words, own in there.items()}
    found = ", ".join(f"{words}: {fall:.2f}" for words, fall in falls.items())
    graceful = held([fall < STEEPEST_DB for fall in falls.values()])
    words = f"at most, in dB: {found}; the baseline {max(steps(baseline)):.2f}"
    yield Claim("Fig. 7, goal", f"K = {k}: PSNR falls by less than 3 dB per 5 dB of SNR", words, graceful, "fig7")


def of_kodak(document: Mapping[str, Any]) -> Iterator[Claim]:
    """Photographs with the same symbols a pixel: the best mapper at each SNR."""
    for k in SYMBOLS:
        grown = k * (document["side"] // 32) ** 2
        baseline = curve(document["rows"], grown, "-ldpc")
        trained = [curve(document["rows"], grown, "split", db) for db in TRAINED_DB]
        if not baseline or not all(trained):
            continue
        ahead = [max(own[snr_db] for own in trained) - baseline[snr_db] for snr_db in SNRS_DB]
        words = f"photographs of {document['side']}, rho = 1/{3072 // k}: Split beats the digital baseline"
        found = f"ahead by {said(ahead)} dB at 0 / 5 / 10 / 15 / 20 dB, best mapper of each"
        yield Claim("ours", words, found, held([margin > 0 for margin in ahead]), "kodak")


def of_trainings(rows: Sequence[Row]) -> Iterator[Claim]:
    """Which SNR_train is best where."""
    for k in SYMBOLS:
        curves = {trained: curve(rows, k, "split", trained) for trained in TRAINED_DB}
        if not all(curves.values()):
            continue
        best = {snr_db: max(curves, key=lambda trained: curves[trained][snr_db]) for snr_db in SNRS_DB}
        found = ", ".join(f"{snr_db:g} dB: trained at {trained}" for snr_db, trained in best.items())
        verdict = held([trained == max(TRAINED_DB) for trained in best.values()])
        yield Claim("Fig. 7", f"K = {k}: trained at a higher SNR is better everywhere", found, verdict, "fig7")


def of_levels(rows: Sequence[Row]) -> Iterator[Claim]:
    """Fig. 9, each mapper at the SNR that it was trained for."""
    own = [row for row in rows if row["snr_db"] == row["trained_db"]]
    if own:
        ranks = [float(row["rank_correlation"]) for row in own]
        found = f"rank correlation {min(ranks):.2f} to {max(ranks):.2f} over {len(own)} mappers, each at its own SNR"
        yield Claim(
            "Fig. 9", "BERs follow the interface's pattern", found, held([r >= LEAST_RANK for r in ranks]), "fig9"
        )
        falling = [bool(row["not_increasing"]) for row in own]
        found = f"{sum(falling)} of {len(falling)} mappers"
        yield Claim("goal", "BERs do not increase from the first level to the last", found, held(falling), "fig9")
    paper = [row for row in own if row["trained_db"] == PAPERS_TRAINED_DB and row["symbols"] == 128]
    for row in paper:
        bers = [float(row[f"ber_{level}"]) for level in range(10)]
        found = f"{said(bers, 2)} at K = 128, 20 dB"
        differ = held([max(bers) / max(min(bers), 1e-9) < 400 and bers[-1] > 0.001])
        yield Claim("Fig. 9", "BERs are far from those of training, yet pictures are fine", found, differ, "fig9")


def of_fig8(document: Mapping[str, Any]) -> Iterator[Claim]:
    for k, found in document["best_of_the_trainings"].items():
        lost = list(found["price_of_the_interface_db"].values())
        if len(lost) == len(SNRS_DB):
            words = f"{said(lost)} dB at 0 / 5 / 10 / 15 / 20 dB, best training of each"
            yield Claim(
                "Fig. 8", f"{k}: DeepJSCC, designed jointly, is better", words, held([v > 0 for v in lost]), "fig8"
            )


def of_medium(document: Mapping[str, Any]) -> Iterator[Claim]:
    quality_db = float(document["over_the_medium"]["psnr_db"])
    over = f"{quality_db:.2f} dB over it, {float(document['over_a_perfect_link']['psnr_db']):.2f} dB without errors"
    yield Claim("goal", "24 dB over its own medium", over, held([quality_db >= LEAST_OVER_MEDIUM_DB]), "fig6")
    lost = [float(row["loss_db"]) for row in document["rows"]]
    ordered = held([lost == sorted(lost)])
    yield Claim(
        "section I",
        "f puts more into the more reliable levels",
        f"{said(lost)} dB lost without level 0 .. 9",
        ordered,
        "fig6",
    )


def of_unequal(rows: Sequence[Row]) -> Iterator[Claim]:
    for k in SYMBOLS:
        own = curve(rows, k, "split", PAPERS_TRAINED_DB)
        codes = curve(rows, k, "unequal protection")
        if own and codes:
            gain = [own[snr_db] - codes[snr_db] for snr_db in SNRS_DB]
            claim = f"K = {k}: a learned mapper beats codes chosen for the announced BERs"
            yield Claim("ours", claim, f"by {said(gain)} dB", held([g > 0 for g in gain]), "fig7")


def claims(results: Path) -> list[Claim]:
    """Of whatever results there are."""
    judges: Sequence[Judge] = (
        ("fig6", of_medium),
        ("fig7", lambda document: of_fig7(document["rows"])),
        ("fig7", lambda document: of_trainings(document["rows"])),
        ("fig8", of_fig8),
        ("fig9", lambda document: of_levels(document["rows"])),
        ("fig7", lambda document: of_unequal(document["rows"])),
        ("kodak", of_kodak),
    )
    return of_files(results, judges)


main = printing(claims, __doc__ or "")


if __name__ == "__main__":
    main()
