"""What the results say of each claim of the paper's sections I and IV and of our own goals: prints a table in Markdown.

python -m tools.smrc.claims RESULTS
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.figures.claims import Claim, Judge, of_files, printing, said
from tools.figures.results import Row
from tools.figures.results import verdict_over as held
from tools.smrc.fig7 import USES
from tools.smrc.setting import TITLES

Curve = Mapping[float, float]  # by SNR in dB
LEAST_GAIN_DB, MOST_LOSS_DB = 1.5, 0.5
STRATEGIES = ("each_tier", "best_to_all", "layered")
BETAS = ("beta_1", "beta_2", "beta_3")
ONE, TWO, THREE = ((beta, 2) for beta in BETAS)  # what layer 2 has
FIRST = tuple((beta, 1) for beta in BETAS)  # what layer 1 of the same models has
STATEMENTS = (  # words, measure, and which must have more of it than which
    ("beta_1 improves recall most", "recall", ((ONE, FIRST[0]), (ONE, TWO), (ONE, THREE))),
    ("at the cost of precision", "precision", ((FIRST[0], ONE),)),
    ("beta_2 restores precision", "precision", ((TWO, ONE),)),
    ("and improves recall, less than beta_1", "recall", ((TWO, FIRST[1]), (ONE, TWO))),
    ("beta_3 has the best precision", "precision", ((THREE, ONE), (THREE, TWO))),
    ("at lower recall than beta_1 and beta_2", "recall", ((ONE, THREE), (TWO, THREE))),
    ("layer 2 improves on layer 1", "recall", tuple(zip((ONE, TWO, THREE), FIRST, strict=True))),
    ("of beta_2 and beta_3 in precision, too", "precision", ((TWO, FIRST[1]), (THREE, FIRST[2]))),
)


def curve(rows: Sequence[Row], name: str, model: str, scheme: str = "", column: str = "psnr_db") -> Curve:
    """Of the rows of a set and model whose scheme begins so; the best, where there are several at an SNR."""
    found: dict[float, float] = {}
    for row in rows:
        if (row["set"], row["model"]) == (name, model) and str(row["scheme"]).startswith(scheme):
            snr_db = float(row["snr_db"])
            found[snr_db] = max(found.get(snr_db, -float("inf")), float(row[column]))
    return dict(sorted(found.items()))


def differences(better: Curve, worse: Curve) -> list[float]:
    return [better[snr_db] - worse[snr_db] for snr_db in better if snr_db in worse]


def of_fig7(rows: Sequence[Row]) -> Iterator[Claim]:
    for name, title in TITLES.items():
        for trained, words in (("", title), ("-snr", f"{title}, models for each SNR")):
            one, two = (curve(rows, name, f"smrc{trained}", f"decoder {layer}") for layer in (1, 2))
            yield from _resolutions(words, one, two, curve(rows, name, f"bound{trained}"))
        yield from _against_digital(rows, name, title)
    yield from _three_layers(rows)


def _resolutions(title: str, one: Curve, two: Curve, bound: Curve) -> Iterator[Claim]:
    gains, losses = differences(two, one), differences(bound, two)
    at = "at " + " / ".join(f"{snr_db:g}" for snr_db in two) + " dB"
    if gains:
        words = f"{title}: decoder 2 beats decoder 1 (the paper, MNIST: by about 2 dB)"
        found = f"{said(list(two.values()))} against {said(list(one.values()))} dB {at}"
        yield Claim("Fig. 7", words, found, held([gain > 0 for gain in gains]), "fig7")
        words = f"{title}: by {LEAST_GAIN_DB:g} dB or more"
        yield Claim("goal", words, f"by {said(gains, 2)} dB", held([gain >= LEAST_GAIN_DB for gain in gains]), "fig7")
    if losses:
        words = f"{title}: decoder 2 stays within {MOST_LOSS_DB:g} dB of the single-head bound"
        found = f"{said(losses, 2)} dB below it"
        yield Claim("Fig. 7, goal", words, found, held([loss <= MOST_LOSS_DB for loss in losses]), "fig7")


def _against_digital(rows: Sequence[Row], name: str, title: str) -> Iterator[Claim]:
    """Over the same few pictures, the best digital codec at each SNR."""
    for uses in USES:
        of_size = [row for row in rows if row["symbols"] == uses]
        baseline = curve(of_size, name, "digital", column="psnr_same_db")
        for layer in (1, 2):
            decoder = curve(rows, name, "smrc", f"decoder {layer}", "psnr_same_db")
            ahead = differences(decoder, baseline)
            if ahead:
                words = f"{title}: decoder {layer} ({20 * layer} channel uses) beats SSCC with {uses}"
                found = f"by {said(ahead)} dB; the baseline has {said(list(baseline.values()))} dB"
                source = "Fig. 7, goal" if uses == USES[0] else "ours"
                yield Claim(source, words, found, held([lead > 0 for lead in ahead]), "fig7")


def _three_layers(rows: Sequence[Row]) -> Iterator[Claim]:
    decoders = [curve(rows, "mnist", "l3", f"L = 3: decoder {layer}") for layer in (1, 2, 3)]
    if all(decoders):
        gains = [differences(decoders[layer], decoders[layer - 1]) for layer in (1, 2)]
        found = f"decoder 2 by {said(gains[0])}, decoder 3 by {said(gains[1])} dB more, one model"
        better = held([gain > 0 for each in gains for gain in each])
        yield Claim("ours", "MNIST, L = 3: every layer improves on the one before", found, better, "fig7")


def of_fig8(rows: Sequence[Row]) -> Iterator[Claim]:
    """Section IV-D's statements, each judged seed by seed."""
    values = {(row["weighting"], row["layer"], row["seed"]): row for row in rows}
    every = [(beta, layer) for beta in BETAS for layer in (1, 2)]
    seeds = [seed for seed in sorted({key[2] for key in values}) if all((*one, seed) in values for one in every)]
    for words, measure, pairs in STATEMENTS if seeds else ():
        used = dict.fromkeys(one for pair in pairs for one in pair)
        each = {one: [100 * float(values[(*one, seed)][measure]) for seed in seeds] for one in used}
        true = [all(each[more][place] > each[less][place] for more, less in pairs) for place in range(len(seeds))]
        told = (f"{beta}{'' if layer == 2 else ', layer 1,'} {said(each[beta, layer])}" for beta, layer in used)
        yield Claim("Fig. 8", words, f"{measure}, %: " + "; ".join(told), held(true), "fig8")


def of_fig9(rows: Sequence[Row]) -> Iterator[Claim]:
    for name, title in TITLES.items():
        own = [row for row in rows if row["set"] == name]
        if own:
            leads = [100 * float(row["lead"]) for row in own]
            worst = min(own, key=lambda row: float(row["lead_low"]))
            where = f"gains {worst['first_db']:g} and {worst['second_db']:g} dB"
            found = f"ahead by {min(leads):.1f} to {max(leads):.1f} points, mean of {own[0]['seeds']} seeds; "
            found += f"least in one seed {100 * float(worst['lead_low']):.1f} ({where})"
            words = f"{title}: accuracy of layer 2 is above layer 1's at every point"
            yield Claim("Fig. 9, goal", words, found, held([lead > 0 for lead in leads]), "fig9")


def of_accounting(document: Mapping[str, Any]) -> Iterator[Claim]:
    at_one, example = document["example_at_eta_1"], document["example"]
    found = f"{at_one['each_tier']:.2f}B, {at_one['best_to_all']:.2f}B, (3 + {at_one['layered'] - 3:.2f} eta)B; "
    found += f"at eta = 1.05 {example['layered']:.2f}B"
    as_said = [abs(at_one["each_tier"] - 21), abs(at_one["best_to_all"] - 18), abs(at_one["layered"] - 10.66)]
    exact = held([all(error < 0.01 for error in as_said)])
    yield Claim("section I", "the example costs 21B, 18B, (3 + 7.66 eta)B", found, exact, "accounting")
    eta, ours = document.get("eta"), document.get("ours")
    if eta and ours:
        found = f"{eta['by_layer'][0]:.2f} ({eta['lowest']:.2f} to {eta['highest']:.2f} over SNR and seeds)"
        near = held([eta["by_layer"][0] <= 1.05])
        yield Claim("section I", "eta is very close to one, say 1.05", found, near, "accounting")
        found = ", ".join(f"({letter}) {ours[name]:.1f}" for letter, name in zip("abc", STRATEGIES, strict=True))
        cheapest = held([ours["layered"] < min(ours["each_tier"], ours["best_to_all"])])
        yield Claim("section I", "layers cost least", f"channel uses a picture: {found}", cheapest, "accounting")


def claims(results: Path) -> list[Claim]:
    """Of whatever results there are."""
    judges: Sequence[Judge] = (
        ("fig7", lambda document: of_fig7(document["rows"])),
        ("fig8", lambda document: of_fig8(document["rows"])),
        ("fig9", lambda document: of_fig9(document["rows"])),
        ("accounting", of_accounting),
    )
    return of_files(results, judges)


main = printing(claims, __doc__ or "")

if __name__ == "__main__":
    main()
