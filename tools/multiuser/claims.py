"""What the results say of each claim of the paper's section IV and of our own goals: prints a table in Markdown.

python -m tools.multiuser.claims RESULTS

Schemes are compared by the mean over seeds; the seeds stand beside it. A claim whose figure is not there, or lacks a
scheme, is not measured yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from tools.figures.claims import Claim, printing, said
from tools.figures.results import Row, Verdict
from tools.figures.results import verdict_over as held
from tools.multiuser.fig4 import TRAININGS
from tools.multiuser.setting import ANEW, BY_CONTINUED, CONTINUED, SCHEMES, SNRS_DB

ALIKE_DB, LARGE_DB = 0.2, 0.5  # what "similar" and "by a large margin" are taken for
ALIKE = (("high", "alone"), ("iterative high", "iterative"), (f"{ANEW} high", "proposed"))  # equal epochs, equal start
BEHIND_FROZEN = (*SCHEMES[2:], BY_CONTINUED)  # low decoders for an encoder that stays as it is
LOW_FIRST = ("shipped lowest", "shipped low", "shipped high")

Document = Mapping[str, Any]


def leads(document: Document, better: str, worse: str) -> list[float]:
    """By how much one scheme ended above another, each seed that both have; dB."""
    ours, others = (document["last_by_seed"].get(scheme, {}) for scheme in (better, worse))
    return [ours[seed] - others[seed] for seed in sorted(set(ours) & set(others))]


def above(source: str, words: str, document: Document, better: str, worse: Sequence[str], command: str) -> Claim:
    """One scheme above each of the others at the end, by the mean over seeds; not measured where one is missing."""
    ahead = {other: leads(document, better, other) for other in worse}
    there = {other: db for other, db in ahead.items() if db}
    found = [f"{fmean(db):+.2f} dB over {other} (seeds {said(db, 2)})" for other, db in there.items()]
    if found:
        found[-1] += f", after {document['epochs']} epochs"
    if missing := [scheme for scheme in (better, *worse) if not document["last_by_seed"].get(scheme)]:
        found.append(f"missing: {', '.join(missing)}")
    verdict = Verdict.NOT_MEASURED if missing else held([fmean(db) > 0 for db in there.values()])
    return Claim(source, words, "; ".join(found), verdict, command)


def of_fig2(document: Document) -> Iterator[Claim]:
    others = ("iterative", "alone")
    yield above("Fig. 2, goal 1", "proposed ends above iterative and alone", document, "proposed", others, "fig2")
    means = _means(document)
    if {"proposed", *others} <= set(means):
        least = max(means[other][-1] for other in others)
        first = next((epoch for epoch, db in enumerate(means["proposed"], 1) if db >= least), None)
        found = f"reaches where the better of them ends after {first} of {document['epochs']} epochs"
        if first is None:
            found = "never reaches where the better of them ends"
        sooner = held([first is not None and first < document["epochs"]])
        yield Claim("Fig. 2", "proposed converges faster", found, sooner, "fig2")


def _means(document: Document) -> dict[str, list[float]]:
    """PSNR over epochs, mean over seeds, by scheme."""
    found: dict[str, list[float]] = {}
    for row in document["rows"]:
        found.setdefault(row["scheme"], []).append(float(row["psnr_db"]))
    return found


def of_fig3(document: Document) -> Iterator[Claim]:
    base = ("proposed",)
    yield above("Fig. 3, goal 1", "transfer ends above proposed", document, "transfer", base, "fig3")
    distilled = above("Fig. 3, goal 1", "distillation ends above proposed", document, "distill", base, "fig3")
    yield distilled if distilled.verdict != Verdict.DOES_NOT_HOLD else _explained(distilled, document)
    words = "distillation by a teacher that was continued for as many epochs ends above proposed"
    continued = above("Fig. 3, goal 1", words, document, BY_CONTINUED, base, "fig3")
    yield continued._replace(found=continued.found + _teacher(document, "continued_by_seed"))
    yield above("Fig. 3", "so does transfer with those layers frozen", document, "transfer-frozen", base, "fig3")
    yield above("Fig. 3", "distillation ends below transfer", document, "transfer", ("distill", BY_CONTINUED), "fig3")
    highest = ("transfer-frozen", "distill", BY_CONTINUED, "proposed")
    yield above("Fig. 3", "transfer is the highest", document, "transfer", highest, "fig3")


def _explained(distilled: Claim, document: Document) -> Claim:
    """With how long it was ahead, where the teacher itself ended, and what other alphas gave."""
    found, last, means = distilled.found, document["last_by_seed"], _means(document)
    if {"proposed", "distill"} <= set(means):
        ahead_in = [ours > other for ours, other in zip(means["distill"], means["proposed"], strict=True)]
        found += f"; ahead at the end of {sum(ahead_in)} of {len(ahead_in)} epochs"
    found += _teacher(document, "teacher_by_seed")
    tried = [scheme for scheme in last if scheme.startswith("distill, alpha")]
    if tried:
        others = (f"{scheme} {fmean(leads(document, scheme, 'proposed')):+.2f} dB" for scheme in tried)
        found += f"; tried: {', '.join(others)}"
    return distilled._replace(found=found)


def _teacher(document: Document, key: str) -> str:
    """Where it ended itself, after what is said of its student."""
    taught_by, base = document.get(key, {}), document["last_by_seed"].get("proposed", {})
    ahead = [taught_by[seed] - base[seed] for seed in sorted(set(taught_by) & set(base))]
    return f"; the teacher itself ended {fmean(ahead):+.2f} dB from proposed" if ahead else ""


def of_tried(document: Document) -> Iterator[Claim]:
    for what, last in document["last_by_seed"].items():
        for helped in ("transfer", "distill"):
            if {"proposed", helped} <= set(last):
                seeds = sorted(set(last[helped]) & set(last["proposed"]))
                ahead = [last[helped][seed] - last["proposed"][seed] for seed in seeds]
                found = f"{fmean(ahead):+.2f} dB (seeds {said(ahead, 2)})"
                yield Claim("tried", f"{what}: {helped} ends above proposed", found, held([fmean(ahead) > 0]), "tried")


def by_snr(rows: Sequence[Row], scheme: str) -> dict[float, float]:
    """PSNR in dB by SNR in dB. scheme: with the decoder behind it where the scheme has several."""
    return {float(row["snr_db"]): float(row["psnr_db"]) for row in rows if _name(row) == scheme}


def _name(row: Row) -> str:
    scheme, decoder = str(row["scheme"]), str(row["decoder"])
    return scheme if (scheme, decoder) in TRAININGS else f"{scheme} {decoder}"


def of_fig4(document: Document) -> Iterator[Claim]:
    for name in dict.fromkeys(row["set"] for row in document["rows"]):
        yield from _of_set(name, [row for row in document["rows"] if row["set"] == name])


def _of_set(name: str, rows: Sequence[Row]) -> Iterator[Claim]:
    curves = {scheme: by_snr(rows, scheme) for scheme in dict.fromkeys(_name(row) for row in rows)}
    least = {scheme: min((b - a for a, b in pairwise(curve.values())), default=0.0) for scheme, curve in curves.items()}
    found = "least rise in dB: " + ", ".join(f"{scheme} {db:.2f}" for scheme, db in least.items())
    yield Claim(
        "Fig. 4, goal 2",
        f"{name}: every scheme rises with SNR",
        found,
        held([db > 0 for db in least.values()]),
        "fig4",
    )
    yield from _over_proposed(name, curves)
    yield from _high_over_low(name, curves)
    if {"transfer", "distill"} <= set(curves):
        apart = [curves["transfer"][snr_db] - curves["distill"][snr_db] for snr_db in SNRS_DB]
        words = f"{name}: transfer and distillation are similar (within {ALIKE_DB} dB)"
        found = f"transfer ahead by {said(apart, 2)} dB at 1 / 3 / 5 / 7 dB"
        yield Claim("Fig. 4", words, found, held([abs(db) <= ALIKE_DB for db in apart]), "fig4")
    yield from _large_margin(name, curves)
    if set(LOW_FIRST) <= set(curves):
        quality = [fmean(curves[scheme].values()) for scheme in LOW_FIRST]
        found = f"lowest / low / high, mean over SNR: {said(quality, 2)} dB"
        words = f"{name}: three decoders of one encoder, the stronger the better"
        yield Claim("section V", words, found, held([a < b for a, b in pairwise(quality)]), "fig4")


def _over_proposed(name: str, curves: Mapping[str, Mapping[float, float]]) -> Iterator[Claim]:
    """The order of figures 2 and 3 on this set; the curves of those are scored on small pictures alone."""
    if "proposed" not in curves:
        return
    if others := [scheme for scheme in ("iterative", "alone") if scheme in curves]:
        words = f"{name}: proposed is above iterative and alone"
        yield _by_scheme("goal 1", words, {one: _least_lead(curves, "proposed", one) for one in others})
    if helped := [scheme for scheme in ("transfer", "distill", BY_CONTINUED) if scheme in curves]:
        words = f"{name}: transfer and distillation are above proposed"
        yield _by_scheme("goal 1", words, {one: _least_lead(curves, one, "proposed") for one in helped})


def _least_lead(curves: Mapping[str, Mapping[float, float]], better: str, worse: str) -> float:
    """In dB, over the SNRs."""
    return min(curves[better][snr_db] - curves[worse][snr_db] for snr_db in SNRS_DB)


def _by_scheme(source: str, words: str, least: Mapping[str, float]) -> Claim:
    found = "least lead over SNR in dB: " + ", ".join(f"{scheme} {db:.3f}" for scheme, db in least.items())
    return Claim(source, words, found, held([db > 0 for db in least.values()]), "fig4")


def _high_over_low(name: str, curves: Mapping[str, Mapping[float, float]]) -> Iterator[Claim]:
    """Trained alike; and against low decoders that had as many epochs more, for its frozen encoder."""
    alike = [(high, low) for high, low in ALIKE if {high, low} <= set(curves)]
    if alike:
        by_pair = [[curves[high][snr_db] - curves[low][snr_db] for snr_db in SNRS_DB] for high, low in alike]
        found = "; ".join(f"{low}: {said(ahead, 2)} dB" for (_, low), ahead in zip(alike, by_pair, strict=True))
        words = f"{name}: the high decoder is above the low one trained alike"
        holds = held([db > 0 for ahead in by_pair for db in ahead])
        yield Claim("goal 2", words, f"{found}, at 1 / 3 / 5 / 7 dB", holds, "fig4")
    yield from (
        _over_each(name, curves, high, words)
        for high, words in (
            (f"{CONTINUED} high", "continued for as many epochs as they had"),
            ("high", "as it was when the encoder froze"),
        )
        if high in curves and not set(BEHIND_FROZEN).isdisjoint(curves)
    )


def _over_each(name: str, curves: Mapping[str, Mapping[float, float]], high: str, words: str) -> Claim:
    """The high decoder against every low one for its frozen encoder."""
    least = {scheme: _least_lead(curves, high, scheme) for scheme in BEHIND_FROZEN if scheme in curves}
    words = f"{name}: the high decoder, {words}, is above the low ones for its frozen encoder"
    return _by_scheme("goal 2", words, least)


def _large_margin(name: str, curves: Mapping[str, Mapping[float, float]]) -> Iterator[Claim]:
    helped, others = ("transfer", "distill"), ("proposed", "iterative")
    if set(curves) >= {*helped, *others}:
        margins = [
            min(curves[scheme][snr_db] for scheme in helped) - max(curves[scheme][snr_db] for scheme in others)
            for snr_db in SNRS_DB
        ]
        words = f"{name}: both surpass proposed and iterative by a large margin ({LARGE_DB} dB)"
        found = f"the worse of both ahead of the better of the others by {said(margins, 2)} dB at 1 / 3 / 5 / 7 dB"
        yield Claim("Fig. 4", words, found, held([db >= LARGE_DB for db in margins]), "fig4")


def of_against(document: Document) -> Iterator[Claim]:
    for key, words in (("equal_epochs", "equal epochs"), ("equal_time", "equal CPU time")):
        claim = f"10 dB, CIFAR-10, k/n = 1/16: swin above deepjscc at {words}"
        if key not in document:
            yield Claim("goal 2", claim, "missing: a finished run", Verdict.NOT_MEASURED, "against")
            continue
        ours, other = document["ours"], document[key]
        found = (
            f"{ours['psnr_db']:.2f} dB ({ours['steps']} steps, {ours['cpu_s'] / 60:.0f} CPU-minutes) against "
            f"{other['psnr_db']:.2f} dB ({other['steps']} steps, {other['cpu_s'] / 60:.0f} CPU-minutes)"
        )
        yield Claim("goal 2", claim, found, held([ours["psnr_db"] > other["psnr_db"]]), "against")


JUDGES = {"fig2": of_fig2, "fig3": of_fig3, "tried": of_tried, "fig4": of_fig4, "against": of_against}


def claims(results: Path) -> list[Claim]:
    """Of whatever results there are."""
    found: list[Claim] = []
    for name, judge in JUDGES.items():
        file = results / f"{name}.json"
        found += judge(json.loads(file.read_text())) if file.exists() else [_unmeasured(name)]
    return found


def _unmeasured(name: str) -> Claim:
    return Claim(name, "all of it", f"missing: {name}.json", Verdict.NOT_MEASURED, name)


main = printing(claims, __doc__ or "")


if __name__ == "__main__":
    main()
