"""Split DeepJSCC between real processes: an application and a network that meet only in bits and levels.

With small random networks, made here: what crosses and who holds what, not how well. How well is for tools/split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from processes import Outcome, Yard, wait_until
from safetensors.torch import save_file

from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, Split, digest
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from edge.images import Picture
from edge.segment import Kind, Segment
from emulator.bearers import shipped_mappers
from emulator.bearers.mapper_network import LearnedMapper, MapperPair, MapperShape
from emulator.channels.awgn import AWGN
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.report.schema import Report

BERS = [0.4 / 400 ** (i / 9) for i in range(10)]
SPLIT = SplitShape(bits=20, channels=8, fine_channels=4, blocks=1)
MAPPER = MapperShape(bits=20, symbols=64, channels=8, blocks=1)
SEED = 3
PATIENCE_S = 500.0
SESSION = "server->device"
PICTURES = 3


@dataclass(frozen=True)
class Weights:
    """Files of a codec and of two mappers that were made for it."""

    codec: Path
    mapper: Path
    other: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("weights")
    halves = SplitTransmitter(SPLIT).state_dict() | SplitReceiver(SPLIT).state_dict()
    tensors = {name: value.half() for name, value in halves.items()}
    known = {PAIRING: digest(tensors, "encoder"), DEMAPPER: digest(tensors, "decoder"), LEVEL_BERS: json.dumps(BERS)}
    codec = folder / "small.safetensors"
    weights.write(codec, tensors, {"architecture": "split", "shape": json.dumps(asdict(SPLIT)), **known})
    mappers = []
    for name, snr_db in (("mapper", "10"), ("other", "0")):
        mappers.append(folder / f"{name}.safetensors")
        described = {"architecture": "channel-mapper", "shape": json.dumps(asdict(MAPPER)), "snr_db": snr_db}
        save_file(MapperPair(MAPPER).half().state_dict(), mappers[-1], described | {"demapper": known[DEMAPPER]})
    return Weights(codec, *mappers)


def learned(path: Path, snr_db: float, **more: object) -> dict[str, Any]:
    return {"bits": {"learned": {"weights": str(path), "snr_db": snr_db, **more}}}


def scenario(
    yard: Yard, made: Weights, bearers: Mapping[str, object], *then: object, last: Sequence[object] = (), **keys: object
) -> Path:
    """server -> wire -> base -> radio -> device. then: what the radio's bearers are swapped to, one picture step
    each; last: steps after these."""
    changes = [each for bearer in then for each in (change(bearer), TRANSMIT)]
    radio = {"name": "radio", "from": "base", "to": "device", "symbol_rate_hz": 100_000, "delay_s": 0.001}
    wire = {"name": "wire", "from": "server", "to": "base", "rate_bps": 1_000_000, "delay_s": 0.01}
    return yard.scenario(
        nodes={
            "server": {"role": "tx"},
            "base": {"role": "relay"},
            "device": {"role": "rx", "codec": {"name": "split", "weights": str(made.codec)}},
        },
        links=[{**wire, **keys.pop("wire", {})}, {**radio, "bearers": bearers}],  # type: ignore[dict-item]
        workload=[TRANSMIT, *changes, *last],
        **keys,
    )


TRANSMIT = {"transmit": {"crop": None}}


def change(bearers: object) -> dict[str, object]:
    return {"set_link": {"link": "radio", "bearers": bearers}}


def run(yard: Yard, scenario: object, *arguments: object, out: str = "out") -> Outcome:
    """A run with more patience than others need: three processes load torch, and the machine may be busy."""
    process, folder = yard.begin_run(scenario, *arguments, out=out)
    process.wait(PATIENCE_S)
    return yard.end_run(process, folder)


def finished(outcome: Outcome) -> Report:
    assert outcome.status == 0, outcome.stderr
    assert outcome.report.complete
    return outcome.report


# --- the same in one process ------------------------------------------------------------------------------------------


def pictures_in(folder: Path) -> list[Picture]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))]


def received(outcome: Outcome, number: int) -> Picture:
    message = next(m for m in outcome.report.messages if m.message_id == number)
    assert message.picture is not None
    return np.asarray(Image.open(outcome.out / message.picture))


def noise(message_id: int) -> SegmentNoise:
    return SegmentNoise(NoiseKey(SEED, "radio", "device", SESSION, "payload"), message_id, 0)


def over_the_air(mapper: LearnedMapper, bits: NDArray[np.uint8], snr_db: float, message_id: int) -> NDArray[np.uint8]:
    """Bits [M] -> bits [M], as the base station and the radio make them."""
    symbols = mapper.map(bits[None])[0]
    return mapper.demap(AWGN(snr_db)(symbols, 0, noise(message_id))[None])[0]


def decoded(codec: Split, segments: Sequence[Segment], bits: NDArray[np.uint8]) -> Picture:
    groups = np.split(bits, len(segments))
    return codec.decode(
        [
            Segment(Kind.BITS, group.reshape(segment.values.shape), level=segment.level)
            for segment, group in zip(segments, groups, strict=True)
        ]
    )


LEARNED = [("mapper", 10.0), ("mapper", -3.0), ("other", 10.0)]  # (file, SNR in dB)
OTHERS: list[dict[str, object]] = [
    {"bits": {"unequal": {"symbols": 64, "snr_db": 10}}},
    {"bits": {"qam": {"order": 4, "snr_db": 10}}},
    {"bits": {"ldpc": {"order": 4, "code_rate": 0.5, "snr_db": 10}}},
    {"bits": "levels"},
]
LATE_S = 0.035


@pytest.fixture(scope="module")
def every_bearer(shared_yard: Yard, made: Weights) -> Outcome:
    """One launch, a transmit step each: the learned bearer three ways, every other one, and the learned one again
    behind a wire that is too slow for its deadline: ten groups of 128 bits, one every 10 ms."""
    first, *then = [learned(getattr(made, name), snr_db) for name, snr_db in LEARNED]
    slow = {"set_link": {"link": "wire", "rate_bps": 12_800}}
    late = [slow, change(learned(made.mapper, 10, collect_s=LATE_S)), TRANSMIT]
    path = scenario(shared_yard, made, first, *then, *OTHERS, last=late)
    return run(shared_yard, path, "--images", shared_yard.pictures(PICTURES, side=32), out="every-bearer")


def test_over_sockets_it_is_what_it_is_in_one_process_also_when_the_snr_changes(
    every_bearer: Outcome, shared_yard: Yard, made: Weights
) -> None:
    report = finished(every_bearer)
    codec = Split.open({"weights": str(made.codec)}, Half.BOTH)
    number = 0
    for (name, snr_db), row in zip(LEARNED, report.bearers, strict=False):
        path = getattr(made, name)
        errors = np.zeros(10, np.int64)
        for picture in pictures_in(shared_yard.folder / "pictures"):
            segments = codec.encode(picture)
            sent = np.concatenate([segment.values.reshape(-1) for segment in segments])
            arrived = over_the_air(LearnedMapper.load(path), sent, snr_db, number)
            np.testing.assert_array_equal(received(every_bearer, number), decoded(codec, segments, arrived))
            errors += (sent != arrived).reshape(10, -1).sum(axis=1)
            number += 1
        assert (row.bearer, row.detail, row.snr_db) == ("learned", path.name, snr_db)
        assert (row.symbols, row.channel_uses, row.pictures) == (64, 64.0, PICTURES)
        assert [use.bit_errors for use in row.levels] == errors.tolist()
        assert [use.size_bits for use in row.levels] == [128 * PICTURES] * 10
        assert [use.ber_asked for use in row.levels] == pytest.approx(BERS)
    assert [row.trained_snr_db for row in report.bearers if row.bearer == "learned"] == [10, 10, 0, 10]


def test_one_f_and_one_g_serve_every_bearer_and_nobody_has_what_is_not_his(
    every_bearer: Outcome, made: Weights
) -> None:
    report = finished(every_bearer)
    steps = len(LEARNED) + len(OTHERS) + 1
    check_separation(report, made, steps, [f"{name}.safetensors" for name, _ in LEARNED] + ["mapper.safetensors"])


def check_separation(report: Report, made: Weights, steps: int, mappers: list[str]) -> None:
    """One f and one g served every bearer, the nodes had none of these, and the emulator no codec."""
    found = report.separation
    assert found is not None
    assert found.codecs_constant
    assert found.nodes_without_bearers
    assert found.emulator_without_codecs
    assert found.bearers_fit
    known = weights.read_metadata(made.codec)
    held = {(each.holder, each.part): each for each in found.holdings}
    assert held["server", "encoder"].digest == known[PAIRING]
    assert held["device", "decoder"].digest == known[DEMAPPER]
    for name in ("server", "device"):
        rows = [each for each in found.holdings if each.holder == name]
        assert len(rows) == steps
        assert {tuple(each.networks) for each in rows} == {("edge.codecs.conv_stages", "edge.codecs.split_network")}
    told = [each for each in found.holdings if each.part == "bearer"]
    assert len(told) == steps
    assert all(each.networks == ["emulator.bearers.mapper_network"] for each in told)
    bearers = [each for each in told if each.place]  # the others are of steps without a learned one
    assert [each.name for each in bearers] == mappers
    assert {each.trained_for for each in bearers} == {known[DEMAPPER]}
    assert len({each.digest for each in bearers}) == len(set(mappers))


def test_one_report_compares_every_bearer(every_bearer: Outcome) -> None:
    report = finished(every_bearer)
    radio = [row for row in report.bearers if row.link == "radio"]
    names = ["learned", "learned", "learned", "unequal", "qam", "ldpc", "ideal", "learned"]
    assert [row.bearer for row in radio] == names
    assert all(row.pictures == PICTURES and row.mean_psnr_db is not None for row in radio)
    mapped, _, _, unequal, qam, ldpc, ideal, _ = radio
    assert unequal.channel_uses is not None
    assert unequal.channel_uses <= 64
    assert (mapped.channel_uses, qam.channel_uses, ideal.channel_uses) == (64, 640, None)
    assert ldpc.channel_uses is not None
    assert ldpc.channel_uses > 1280
    assert any(use.scheme == "not sent" for use in unequal.levels)
    assert {use.scheme for row in (mapped, qam, ldpc, ideal) for use in row.levels} == {""}
    assert [use.ber_measured for use in ideal.levels] == [0.0] * 10


def test_a_message_whose_groups_come_late_is_mapped_without_them(every_bearer: Outcome) -> None:
    late = finished(every_bearer).messages[-PICTURES:]
    assert [message.packets_filled for message in late] == [6] * PICTURES  # within 35 ms of the first come three more
    for message in late:
        assert message.sent_s is not None
        assert message.received_s is not None
        # the first group came after 10 ms of wire and 10 ms of delay; then the deadline, 64 symbols, and the radio's
        expected = 0.020 + LATE_S + 64 / 100_000 + 0.001
        assert message.received_s - message.sent_s == pytest.approx(expected, abs=1e-6)


def test_groups_that_a_wire_loses_are_filled_and_told(yard: Yard, made: Weights) -> None:
    path = scenario(yard, made, learned(made.mapper, 10), wire={"loss": {"independent": 0.25}})
    outcome = run(yard, path, "--images", yard.pictures(12, side=32))
    report = finished(outcome)
    filled = [message.packets_filled for message in report.messages]
    assert 10 <= sum(filled) <= 50  # 120 packets, each lost with probability 1/4: 30, four standard deviations of 4.7
    assert all((message.status, message.packets_lost) == ("complete", 0) for message in report.messages)
    wire, radio = report.bearers
    assert (wire.link, radio.link) == ("wire", "radio")
    assert sum(use.packets_filled for use in radio.levels) == sum(filled)
    assert sum(use.packets_lost for use in wire.levels) == sum(filled)
    assert "packets filled" in (outcome.out / "report.html").read_text()


def test_a_run_goes_on_when_the_base_station_is_killed(yard: Yard, made: Weights) -> None:
    count = 8
    folder = yard.pictures(count, side=32)
    slow = {"rate_bps": 6400, "queue_bytes": 1024}  # 0.2 s a picture
    bearers = [learned(made.mapper, snr_db, collect_s=1.0) for snr_db in (10, 0)]
    path = scenario(yard, made, *bearers, clock="real", wire=slow)
    process, out = yard.begin_run(path, "--images", folder)

    def in_the_middle() -> bool:
        assert process.popen.poll() is None, process.stderr.read_text()
        return len(list(out.glob("state-*/device/*.delivery"))) >= 2

    wait_until(in_the_middle, "the device has two pictures", PATIENCE_S)
    yard.kill_child("emulator serve")
    process.wait(PATIENCE_S)
    outcome = yard.end_run(process, out)
    report = finished(outcome)
    assert report.restarts == {"emulator": 1}
    assert [message.status for message in report.messages] == ["complete"] * 2 * count
    codec, mapper = Split.open({"weights": str(made.codec)}, Half.BOTH), LearnedMapper.load(made.mapper)
    for number, picture in enumerate(pictures_in(folder) * 2):
        segments = codec.encode(picture)
        sent = np.concatenate([segment.values.reshape(-1) for segment in segments])
        arrived = over_the_air(mapper, sent, 10.0 if number < count else 0.0, number)
        np.testing.assert_array_equal(received(outcome, number), decoded(codec, segments, arrived))


def test_a_bearer_for_other_messages_ends_the_run_in_one_sentence(yard: Yard, made: Weights, tmp_path: Path) -> None:
    """Known only when the first message comes; what is known before is for tests/emulator/test_collection.py."""
    shape = MapperShape(bits=40, symbols=64, channels=8, blocks=1)
    file = tmp_path / "foreign.safetensors"
    described = {"architecture": "channel-mapper", "shape": json.dumps(asdict(shape)), "snr_db": "10", "demapper": "x"}
    save_file(MapperPair(shape).half().state_dict(), file, described)
    outcome = run(yard, scenario(yard, made, learned(file, 10)), "--images", yard.pictures(1, side=32))
    assert outcome.status == 2
    assert "the learned mapper foreign.safetensors takes bits [h, w, 4] of each level 0 to 9, got" in outcome.stderr


SHIPPED = pytest.mark.skipif(
    not {"mapper-k128-snr10"} <= set(shipped_mappers.names())
    or not (weights.shipped_folder() / "split-m2560.safetensors").is_file(),
    reason="the weights of this scenario are not in the tree",
)


@SHIPPED
def test_the_packaged_scenario_compares_bearers_with_the_shipped_weights(yard: Yard) -> None:
    report = finished(run(yard, "split-wireline", "--limit", 4))
    assert report.separation is not None
    assert report.separation.codecs_constant
    assert report.separation.nodes_without_bearers
    assert report.separation.emulator_without_codecs
    assert report.separation.bearers_fit
    radio = [row for row in report.bearers if row.link == "radio"]
    assert {row.bearer for row in radio} == {"learned", "unequal", "levels", "qam"}
    by_snr = {row.snr_db: row.mean_psnr_db for row in radio if row.bearer == "learned"}
    known = [by_snr[snr_db] for snr_db in sorted(by_snr, key=lambda snr_db: snr_db or 0)]
    assert None not in known
    assert known == sorted(known)  # the better the radio, the better the picture
    assert all(row.channel_uses == 128 for row in radio if row.bearer == "learned")
