"""What an alignment's nodes say, put into the report beside what the links are given. Pure bookkeeping, no RPC."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.segment import Kind
from edge.v1 import align_pb2
from edge.wire.packets import FROM_PROTO
from emulator.link_config import LinkConfig
from emulator.report.schema import (
    AlignmentReport,
    CrossoverReport,
    FineTuningReport,
    ParameterTransferReport,
    RecoveryTime,
)
from emulator.route import shortest_path
from emulator.v1 import control_pb2

NS = 1e-9


def way(links: Sequence[control_pb2.Link], source: str, destination: str) -> list[LinkConfig]:
    """The links that traffic takes from source to destination, in order."""
    by_name = {link.name: LinkConfig.from_proto(link) for link in links}
    return [by_name[name] for name, _ in shortest_path(by_name.values(), source, destination)]


def crossover(said: align_pb2.CrossoverEstimate, down: list[LinkConfig], up: list[LinkConfig]) -> CrossoverReport:
    """The estimate beside the truth. down: the pilots' way; up: the pictures'."""
    return CrossoverReport(
        pilots=said.pilots,
        errors=said.errors,
        estimate=said.crossover,
        low=said.low,
        high=said.high,
        confidence=said.confidence,
        true_down=true_crossover(down),
        true_up=true_crossover(up),
    )


def true_crossover(links: Sequence[LinkConfig]) -> float | None:
    """The crossover probability that indices meet on a way; None where it is not one number (see CrossoverReport)."""
    noisy = [p for p in map(_crossover_of, links) if p != 0]
    if not noisy:
        return 0.0
    return noisy[0] if len(noisy) == 1 else None


def _crossover_of(link: LinkConfig) -> float | None:
    """Of one link; later bearers of a kind replace earlier ones. None when something else carries the indices."""
    found: float | None = 0.0
    for bearer in link.proto.bearers:
        chosen = bearer.WhichOneof("bearer")
        if chosen == "index_channel":
            found = bearer.index_channel.crossover_probability
        elif chosen in ("leveled_bits", "uncoded_qam") or _codes(link, Kind.INDICES):
            found = None
    return found


def _codes(link: LinkConfig, kind: Kind) -> bool:
    """Whether a code and a modulation carry this kind on the link."""
    coded = (each.ldpc_qam for each in link.proto.bearers if each.WhichOneof("bearer") == "ldpc_qam")
    return any(kind in (FROM_PROTO.get(listed) for listed in each.kinds) for each in coded)


def transfer(said: align_pb2.ParameterTransfer, links: Sequence[LinkConfig]) -> ParameterTransferReport:
    """One transfer beside what its links' rates and delays ask for."""
    return ParameterTransferReport(
        direction="down" if said.direction == align_pb2.TRANSFER_DIRECTION_DOWN else "up",
        names=list(said.names),
        tensor_bytes=said.tensor_bytes,
        file_bytes=said.file_bytes,
        size_bits=said.size_bits,
        sent_s=said.sent_ns * NS,
        received_s=said.received_ns * NS,
        transfer_s=(said.received_ns - said.sent_ns) * NS,
        theoretical_transfer_s=theoretical_transfer_s(said.size_bits, links),
        digest=said.digest,
        resumed_at_bytes=list(said.resumed_at_bytes),
        wall_s=said.wall_s,
    )


def theoretical_transfer_s(size_bits: int, links: Sequence[LinkConfig]) -> float | None:
    """Size over the slowest rate, and all delays; None without any limit, or where bytes take the time of symbols."""
    rate_bps = min(link.rate.bits_per_s for link in links)
    if math.isinf(rate_bps) or any(_codes(link, Kind.OPAQUE) for link in links):
        return None
    return size_bits / rate_bps + math.fsum(link.delay_s for link in links)


def tuning(said: align_pb2.FineTuning) -> FineTuningReport:
    """What training cost and gained."""
    return FineTuningReport(
        steps=said.steps,
        pictures=said.pictures,
        operations=said.flops,
        mse_before=said.mse_before,
        mse_after=said.mse_after,
        model_s=said.model_s,
        wall_s=said.wall_s,
        speed=said.flops_per_s or None,
        resumed_at_step=said.resumed_at_step if said.HasField("resumed_at_step") else None,
    )


def note_recovery(report: AlignmentReport, stated_speed: float) -> None:
    """Fills in the recovery times, when all three parts are known. stated_speed: operations a second of the step."""
    down, trained, up = report.download, report.tuning, report.upload
    if down is None or trained is None:
        return
    model = (down.transfer_s, 0.0 if up is None else up.transfer_s)
    report.recovery_stated = _recovery(*model, trained.operations / stated_speed, stated_speed)
    if trained.speed is not None:
        report.recovery_measured = _recovery(*model, trained.operations / trained.speed, trained.speed)
    report.recovery_wall = _recovery(down.wall_s, 0.0 if up is None else up.wall_s, trained.wall_s, None)


def _recovery(download_s: float, upload_s: float, tuning_s: float, speed: float | None) -> RecoveryTime:
    total_s = download_s + tuning_s + upload_s
    return RecoveryTime(download_s=download_s, tuning_s=tuning_s, upload_s=upload_s, total_s=total_s, speed=speed)
