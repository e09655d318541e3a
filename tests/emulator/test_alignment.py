"""The controller's part of an align step, against a sender that is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest

from edge.v1 import align_pb2, align_pb2_grpc
from emulator.alignment import MAX_CURVE_POINTS, MESSAGES, Alignments, own_data, request, settings
from emulator.errors import RunError
from emulator.progress import Silent
from emulator.report.schema import AlignmentReport
from emulator.sessions import Session
from emulator.topology import Align, Scenario, loads
from emulator.topology.schema import OwnData

STEP = "{method: slf, from: tx, to: [rx1, rx2], freeze: 2, data: {sample: mnist_train}}"
GIVEN = (
    "{method: slf, to: rx1, freeze: 0, data: {sample: mnist_train, limit: 9}, steps: 7, batch: 3, learning_rate: 0.5, \
commitment: 0.5, checkpoint_steps: 2, pilots: 99, seed: 4, classifier: true, shared: true}"
)
OFFERED_NS = 1_000_000_000
ASKED, TUNING = align_pb2.ALIGN_PHASE_ASKED, align_pb2.ALIGN_PHASE_TUNING
DOWN, UP = align_pb2.TRANSFER_DIRECTION_DOWN, align_pb2.TRANSFER_DIRECTION_UP


def scenario(step: str = STEP) -> Scenario:
    links = "".join(
        f"  - {{name: {source}-{destination}, from: {source}, to: {destination}, rate_bps: 2e6, "
        "bearers: {indices: {dmc: 1e-3}}}\n"
        for rx in ("rx1", "rx2")
        for source, destination in (("tx", rx), (rx, "tx"))
    )
    return loads(
        "version: 1\nname: s\nnodes:\n  tx: {role: tx}\n  rx1: &rx {role: rx, codec: {name: slf}}\n  rx2: *rx\n"
        f"links:\n{links}workload:\n  - align: {step}\n"
    )


def align(step: str = STEP) -> Align:
    (found,) = scenario(step).workload
    assert isinstance(found, Align)
    return found


def progress(**said: Any) -> align_pb2.AlignResponse:
    return align_pb2.AlignResponse(progress=align_pb2.AlignProgress(**said))


def story(adopted: bool = True, reason: str = "", mse_after: float = 0.02) -> list[align_pb2.AlignResponse]:
    """What a sender says of an alignment that takes 2.5 s of model time."""
    return [
        progress(phase=ASKED, reason="queued: rx1 aligns with tx9 first"),
        align_pb2.AlignResponse(
            crossover=align_pb2.CrossoverEstimate(
                pilots=8000, errors=9, crossover=9 / 8000, low=5e-4, high=2e-3, confidence=0.95
            )
        ),
        align_pb2.AlignResponse(
            transfer=align_pb2.ParameterTransfer(
                direction=DOWN,
                names=["codebook", "decoder.0.weight"],
                size_bits=912_000,
                sent_ns=OFFERED_NS,
                received_ns=OFFERED_NS + 456_000_000,
            )
        ),
        progress(phase=TUNING, step=0, steps=20),
        progress(phase=TUNING, step=10, steps=20, loss=0.5),
        progress(phase=TUNING, step=20, steps=20, loss=float("nan")),
        align_pb2.AlignResponse(
            tuning=align_pb2.FineTuning(
                steps=20, flops=6e12, wall_s=3.0, flops_per_s=2e12, mse_before=0.2, mse_after=mse_after, pictures=320
            )
        ),
        align_pb2.AlignResponse(
            transfer=align_pb2.ParameterTransfer(
                direction=UP,
                names=["codebook"],
                size_bits=176_000,
                sent_ns=OFFERED_NS,
                received_ns=OFFERED_NS + 88_000_000,
            )
        ),
        align_pb2.AlignResponse(
            verdict=align_pb2.AlignVerdict(
                adopted=adopted,
                reason=reason,
                digest_before="aa",
                digest_after="bb" if adopted else "aa",
                recovery_model_s=2.5,
                elapsed_s=4.0,
            )
        ),
    ]


@dataclass
class Sender(align_pb2_grpc.AlignServiceServicer):
    """Says `says` of each alignment. breaks: how the first calls end after their second response; away: how those that
    follow end at once."""

    says: list[align_pb2.AlignResponse] = field(default_factory=story)
    breaks: list[grpc.StatusCode] = field(default_factory=list)
    away: list[grpc.StatusCode] = field(default_factory=list)
    asked: list[align_pb2.AlignRequest] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0

    async def Align(self, request: align_pb2.AlignRequest, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.asked.append(request)
        if self.away and len(self.asked) > 1:
            await context.abort(self.away.pop(0), "away")
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        for number, response in enumerate(self.says):
            if number == 2 and self.breaks:
                self.under_way -= 1
                await context.abort(self.breaks.pop(0), "no more")
            yield response
            await asyncio.sleep(0)
        self.under_way -= 1


@dataclass
class Outcome:
    """What an align step left."""

    sender: Sender
    reports: list[AlignmentReport]
    sessions: list[Session]
    over_ns: int


def aligned(make: Callable[[], Sender] = Sender, step: str = STEP) -> Outcome:
    """The align step of a scenario, as step 1 of its workload. An error carries the reports."""
    told = scenario(step)
    (kind,) = told.workload
    assert isinstance(kind, Align)

    async def run() -> Outcome:
        sender, server = make(), grpc.aio.server()
        align_pb2_grpc.add_AlignServiceServicer_to_server(sender, server)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        member = SimpleNamespace(channel=channel, daemon=SimpleNamespace(log=Path("tx.log")))
        links = SimpleNamespace(all=lambda: list(told.to_proto().links))
        alignments = Alignments(SimpleNamespace(members={"tx": member}), links, Silent())  # type: ignore[arg-type]
        sessions = [Session(f"tx->{rx}", "tx", (rx,), None, next_id=200) for rx in kind.destinations or []]
        try:
            over_ns = await asyncio.wait_for(alignments.carry_out(1, kind, sessions, OFFERED_NS), 30)
        except RunError as error:
            error.reports = alignments.reports  # type: ignore[attr-defined]
            raise
        finally:
            await channel.close()
            await server.stop(None)
        return Outcome(sender, alignments.reports, sessions, over_ns)

    return asyncio.run(run())


def test_what_the_sender_said_is_in_the_report() -> None:
    first = aligned().reports[0]
    assert (first.step, first.session, first.source, first.receiver) == (1, "tx->rx1", "tx", "rx1")
    assert (first.method, first.freeze, first.data, first.compute) == ("slf", 2, "mnist_train", "flops")
    assert first.crossover is not None
    assert (first.crossover.errors, first.crossover.true_down, first.crossover.true_up) == (9, 1e-3, 1e-3)
    assert first.download is not None
    assert first.upload is not None
    assert first.download.theoretical_transfer_s == pytest.approx(first.download.transfer_s) == 0.456
    assert (first.upload.names, first.upload.transfer_s) == (["codebook"], pytest.approx(0.088))
    assert first.tuning is not None
    assert (first.tuning.steps, first.tuning.pictures, first.tuning.operations) == (20, 320, 6e12)
    assert first.recovery_stated is not None
    assert first.recovery_stated.total_s == pytest.approx(0.456 + 0.2 + 0.088)
    assert (first.verdict, first.digest_before, first.digest_after) == ("adopted", "aa", "bb")
    assert (first.recovery_model_s, first.wall_s) == (2.5, 4.0)
    assert first.waited == ["queued: rx1 aligns with tx9 first"]
    assert [(point.step, point.loss) for point in first.curve] == [(10, 0.5), (20, None)]


def test_receivers_are_aligned_one_after_the_other_also_in_model_time() -> None:
    outcome = aligned()
    assert [each.session for each in outcome.sender.asked] == ["tx->rx1", "tx->rx2"]
    assert outcome.sender.most_at_once == 1
    assert [each.first_offered_ns for each in outcome.sender.asked] == [OFFERED_NS, OFFERED_NS + 2_500_000_000]
    assert outcome.over_ns == OFFERED_NS + 5_000_000_000
    assert [each.first_message_id for each in outcome.sender.asked] == [200, 200]
    assert [session.next_id for session in outcome.sessions] == [200 + MESSAGES] * 2


def test_a_sender_that_dies_is_asked_again_for_the_same() -> None:
    died = [grpc.StatusCode.UNAVAILABLE] * 2
    outcome = aligned(lambda: Sender(breaks=died), STEP.replace("[rx1, rx2]", "rx1"))
    first, *others = outcome.sender.asked
    assert others == [first, first]
    (report,) = outcome.reports
    assert (report.verdict, report.asked_again) == ("adopted", 2)
    assert report.waited == ["queued: rx1 aligns with tx9 first"]  # said thrice


def test_a_sender_that_is_away_for_long_and_then_knows_no_session_has_died_once() -> None:
    away = [grpc.StatusCode.UNAVAILABLE] * 3 + [grpc.StatusCode.NOT_FOUND] * 2
    outcome = aligned(lambda: Sender(breaks=[away[0]], away=away[1:]), STEP.replace("[rx1, rx2]", "rx1"))
    assert len(outcome.sender.asked) == 1 + len(away)
    assert (outcome.reports[0].verdict, outcome.reports[0].asked_again) == ("adopted", 1)


def test_what_the_sender_refuses_is_passed_on() -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="no more"):
        aligned(lambda: Sender(breaks=[grpc.StatusCode.INVALID_ARGUMENT]))
    with pytest.raises(grpc.aio.AioRpcError, match="no more"):
        aligned(lambda: Sender(breaks=[grpc.StatusCode.NOT_FOUND]))  # nobody died: the session is not there


def test_a_sender_that_stays_away_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.alignment.SERVING_TIMEOUT_S", -1.0)
    with pytest.raises(RunError, match=r"^tx: said nothing of its alignment for -1 s \(no more\); its log is tx.log$"):
        aligned(lambda: Sender(breaks=[grpc.StatusCode.UNAVAILABLE]))


def test_a_sender_that_stops_without_a_verdict_ends_the_run() -> None:
    with pytest.raises(RunError, match=r"^tx: stopped aligning without a verdict; its log is tx.log$"):
        aligned(lambda: Sender(says=story()[:-1]))


def test_what_was_no_better_is_a_verdict() -> None:
    outcome = aligned(lambda: Sender(says=story(adopted=False, reason="no better", mse_after=0.3)))
    assert [(each.verdict, each.reason) for each in outcome.reports] == [("kept", "no better")] * 2


def test_an_alignment_that_failed_ends_the_run_with_the_reason_and_leaves_what_was_measured() -> None:
    with pytest.raises(RunError) as caught:
        aligned(lambda: Sender(says=story(adopted=False, reason="rx1: digest differs")))
    assert str(caught.value) == "workload[1].align: tx and rx1: rx1: digest differs"
    (report,) = caught.value.reports  # type: ignore[attr-defined]
    assert report.recovery_stated is not None
    assert report.verdict == "kept"


def test_a_curve_that_has_become_too_long_is_thinned() -> None:
    told = [progress(phase=TUNING, step=i, loss=1.0) for i in range(1, MAX_CURVE_POINTS + 2)]
    report = aligned(lambda: Sender(says=[*told, *story()[6:]])).reports[0]
    assert len(report.curve) == MAX_CURVE_POINTS // 2 + 1
    assert report.curve[-1].step == MAX_CURVE_POINTS + 1


def test_settings_that_are_given_are_told_and_others_left_to_the_method() -> None:
    told = settings(align(GIVEN))
    assert (told.freeze, told.steps, told.batch, told.learning_rate, told.commitment) == (0, 7, 3, 0.5, 0.5)
    assert (told.checkpoint_steps, told.pilots, told.seed, told.classifier, told.shared) == (2, 99, 4, True, True)
    left = settings(align())
    keys = ("steps", "batch", "learning_rate", "commitment", "checkpoint_steps", "pilots")
    assert not any(left.HasField(key) for key in keys)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("", 3e13), (", flops_per_s: 1e9", 1e9), (", compute: measured", "measured"), (", compute: none", None)],
)
def test_the_part_of_training_in_model_time_is_told(keys: str, expected: float | str | None) -> None:
    step = align(STEP.replace("freeze: 2", f"freeze: 2{keys}"))
    asked = request(step, Session("tx->rx1", "tx", ("rx1",), None), 0)
    kind = asked.compute.WhichOneof("model") if asked.HasField("compute") else None
    assert (asked.compute.flops_per_s if kind == "flops_per_s" else kind) == expected


def test_own_pictures_are_a_sample_or_an_absolute_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert own_data(OwnData(sample="mnist_train")) == align_pb2.OwnData(source="mnist_train")
    assert own_data(OwnData(path="mine", limit=5)) == align_pb2.OwnData(source=str(tmp_path / "mine"), limit=5)
