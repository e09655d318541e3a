"""The scenarios that fine-tune a deployed codec, between real processes: small pictures and few steps, the whole story.

That fine-tuning pays is for tools/ftsc to show; here it is that every part of it happens, and what the report says.
"""

from __future__ import annotations

from pathlib import Path

from processes import Outcome, Process, Yard, wait_until

from emulator.report.schema import AdaptationReport, Report

PATIENCE_S = 500.0
IMAGES, SENT, SIDE = 6, 2, 64
VQVAE2: dict[str, object] = {"name": "vqvae2", "scale": 4}
SMALL = {
    "pictures.resize": SIDE,
    "workload.0.transmit.images": SENT,
    "workload.2.transmit.images": SENT,
    "workload.0.transmit.crop": SIDE,
    "workload.2.transmit.crop": SIDE,
    "workload.1.adapt.cut": SIDE,
    "workload.1.adapt.images": IMAGES,
    "workload.1.adapt.serve": 1,
    "workload.1.adapt.steps": 12,
    "workload.1.adapt.batch": 2,
    "workload.1.adapt.crop": 32,
}


def begin(yard: Yard, scenario: object, out: str = "out", **changes: object) -> tuple[Process, Path]:
    """A run of one of the scenarios, made small. changes: keys of its adapt step."""
    keys = SMALL | {f"workload.1.adapt.{key}": value for key, value in changes.items()}
    settings = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    return yard.begin_run(scenario, *settings, out=out)


def end(yard: Yard, process: Process, folder: Path) -> Outcome:
    process.wait(PATIENCE_S)
    return yard.end_run(process, folder)


def finished(outcome: Outcome) -> tuple[Report, AdaptationReport]:
    assert outcome.status == 0, outcome.stderr
    report = outcome.report
    assert report.complete
    (adaptation,) = report.adaptations
    return report, adaptation


def psnr_db(report: Report, step: int) -> list[float]:
    """Of a step's pictures, in order."""
    return [m.psnr_db for m in report.messages if m.step == step and m.psnr_db is not None]


def check_story(report: Report, adaptation: AdaptationReport) -> None:
    """Pictures before, lessons, pictures meanwhile, pictures after; none of those sent was learnt from."""
    sent = {message.image for message in report.messages}
    assert len(adaptation.images) == IMAGES
    assert sent.isdisjoint(adaptation.images)
    assert [(m.step, m.status) for m in report.messages] == [
        (0, "complete"),
        (0, "complete"),
        (1, "complete"),
        (2, "complete"),
        (2, "complete"),
    ]
    assert [m.image for m in report.messages if m.step == 0] == [m.image for m in report.messages if m.step == 2]
    assert (adaptation.served, adaptation.lessons_lost, adaptation.packets_lost) == (1, 0, 0)
    assert adaptation.latent_bits == IMAGES * 9 * ((SIDE // 4) ** 2 + (SIDE // 8) ** 2)
    assert adaptation.knowledge_source == adaptation.knowledge_receiver != ""
    assert adaptation.steps == 12
    assert adaptation.validation_before is not None
    assert adaptation.validation_after is not None
    served = sum(level.size_bits for link in report.links for level in link.levels)
    of_pictures = sum(m.size_bits for m in report.messages)
    assert served == of_pictures + adaptation.original_bits + adaptation.latent_bits + adaptation.other_bits


def test_ftsc_dft_fine_tunes_decoder_and_codebooks(yard: Yard) -> None:
    process, out = begin(yard, "ftsc-dft", rounds=3)
    report, adaptation = finished(end(yard, process, out))
    check_story(report, adaptation)
    assert adaptation.verdict == "adopted"
    assert [each.round for each in adaptation.rounds] == [1, 2, 3]
    assert adaptation.rounds[-1].digest == adaptation.knowledge_receiver
    losses = [each.quantization_loss for each in adaptation.rounds]
    assert losses == sorted(losses, reverse=True)  # eq. (5) descends
    assert adaptation.original_bits > 0
    gains = [after - before for before, after in zip(psnr_db(report, 0), psnr_db(report, 2), strict=True)]
    assert sum(gains) > 0
    page = (out / "report.html").read_text()
    assert "DFT at edge, taught by camera in step 1" in page
    told = [point for point in adaptation.curve if point.loss is not None]  # a quick training tells little
    assert 'class="curve"' in page or len(told) < 2


def test_ftsc_lsdft_learns_from_latents_alone(yard: Yard) -> None:
    process, out = begin(yard, "ftsc-lsdft")
    report, adaptation = finished(end(yard, process, out))
    check_story(report, adaptation)
    assert (adaptation.original_bits, adaptation.rounds) == (0, [])
    assert adaptation.verdict in ("adopted", "kept")
    changed = psnr_db(report, 0) != psnr_db(report, 2)
    assert changed == (adaptation.verdict == "adopted")


def test_a_receiver_killed_while_it_trains_goes_on_from_its_checkpoint(yard: Yard) -> None:
    process, out = begin(yard, "ftsc-dft", rounds=1, steps=150, checkpoint_steps=5)
    wait_until(lambda: list(out.glob("state-*/edge/**/checkpoint")), "there is a checkpoint", PATIENCE_S)
    yard.kill_child("edge.node", "--name edge")
    report, adaptation = finished(end(yard, process, out))
    assert report.restarts == {"edge": 1}
    assert adaptation.verdict == "adopted"
    assert adaptation.steps == 150
    (resumed,) = adaptation.resumed_at_steps
    assert resumed >= 5
    assert resumed % 5 == 0
    assert adaptation.knowledge_source == adaptation.knowledge_receiver


def test_what_is_worse_is_not_adopted_and_a_roll_back_brings_the_old_codec_back_at_both_ends(yard: Yard) -> None:
    send = {"transmit": {"images": SENT, "crop": SIDE}}
    adapt = {"method": "dft", "cut": SIDE, "batch": 1}
    # a learning rate at which nothing can be learnt, and codebooks left alone
    hopeless = {"adapt": adapt | {"images": 4, "learning_rate": 0.1, "steps": 40, "rounds": 0, "crop": 16}}
    modest = {"adapt": adapt | {"images": IMAGES, "steps": 2, "rounds": 2, "crop": 32}}
    scenario = yard.scenario(
        nodes={"tx": {"role": "tx"}, "rx": {"role": "rx", "codec": VQVAE2}},
        pictures={"sample": "fashion_mnist", "resize": SIDE},
        workload=[send, hopeless, send, modest, send, {"roll_back": {}}, send],
    )
    outcome = end(yard, *yard.begin_run(scenario))
    assert outcome.status == 0, outcome.stderr
    report = outcome.report
    assert report.complete
    worse, adopted = report.adaptations
    assert (worse.verdict, worse.state) == ("kept", "")
    assert "not better" in worse.reason
    assert adopted.verdict == "adopted"
    before, kept, adapted, after = (psnr_db(report, step) for step in (0, 2, 4, 6))
    assert before == kept == after
    assert before != adapted
    assert report.steps[5].summary.startswith("tx and rx back to state ")


def test_an_adaptation_that_cannot_be_ends_the_run(yard: Yard) -> None:
    scenario = yard.scenario(
        pictures={"sample": "fashion_mnist", "resize": SIDE},
        workload=[{"adapt": {"method": "dft", "cut": SIDE, "images": 4}}],
    )
    outcome = end(yard, *yard.begin_run(scenario))
    assert outcome.refusal.startswith("codec raw: has no parameters to change")
