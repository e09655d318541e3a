"""Synthetic reports of any shape: receivers, images, plan, relays, multicast, interruptions. Seeded, without files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from emulator.report.schema import (
    AdaptationReport,
    AlignmentReport,
    CodebookRound,
    CrossoverReport,
    CurvePoint,
    FineTuningReport,
    LevelReport,
    LinkReport,
    MessageReport,
    NodeReport,
    ParameterTransferReport,
    PlanReceiver,
    PlanReport,
    RecoveryTime,
    Report,
    ScenarioReport,
    StepReport,
    Timing,
)
from emulator.report.scoring import Picture, ReceivedKey

SCALES = (2, 4, 8, 16)
RHO_OF_SCALE = {2: 0.09375 + 0.0234375 / 4, 4: 0.029296875, 8: 0.0073, 16: 0.0018}


@dataclass(frozen=True)
class Run:
    """What a controller would hand to `emulator.report.write`."""

    report: Report
    originals: dict[str, Picture]
    received: dict[ReceivedKey, Picture]


@dataclass(frozen=True)
class Shape:
    """What kind of run to make up."""

    receivers: int = 3
    images: int = 2
    side: int = 32
    plan: bool = True
    chain: tuple[str, ...] = ()
    multicast: bool = False
    interrupted: str | None = None
    seed: int = 7
    name: str = "ftsc-downlink"
    description: str = "One base station sends photographs to receivers at drawn distances."
    receiver_names: tuple[str, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    statuses: Mapping[ReceivedKey, str] = field(default_factory=dict)


def _gradient(rng: np.random.Generator, side: int) -> Picture:
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin(2 * np.pi * (rng.uniform(0.5, 2) * x + rng.uniform(0.5, 2) * y)) for _ in range(3)]
    return np.clip(127 + 90 * np.stack(waves, axis=-1), 0, 255).astype(np.uint8)


def _noisy(rng: np.random.Generator, picture: Picture, deviation: float) -> Picture:
    noise: NDArray[np.float64] = rng.normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def _plan(names: list[str], distances: NDArray[np.float64], scales: list[int]) -> PlanReport:
    share = 5000.0 / len(names)
    return PlanReport(
        solver="price",
        status="optimal",
        utility=11.92,
        upper_bound=11.934,
        gap=0.014,
        delay_s=1.9,
        energy_j=23.5,
        warnings=["delay bound is loose: no receiver comes near deadline_s"],
        receivers=[
            PlanReceiver(
                name=name,
                distance_m=float(distance),
                gain=10 ** (-12.8 - 3.76 * np.log10(distance / 1000)),
                bandwidth_hz=share,
                power_w=50.0 / len(names),
                snr_db=float(75 - 37.6 * np.log10(distance / 100)),
                rate_bps=share * float(np.log2(1 + 10 ** (7.5 - 3.76 * np.log10(distance / 100)))),
                rho=RHO_OF_SCALE[scale],
                scale=scale,
                transmit_s=1.7,
                compute_s=0.2,
                quality_db=30.0 - 3 * SCALES.index(scale),
            )
            for name, distance, scale in zip(names, distances, scales, strict=True)
        ],
    )


def _link(name: str, source: str, destination: str, rate: float, snr: float | None, messages: int) -> LinkReport:
    return LinkReport(
        name=name,
        source=source,
        destination=destination,
        rate_bps=rate,
        bandwidth_hz=1000.0 if snr is not None else None,
        power_w=10.0 if snr is not None else None,
        snr_db=snr,
        delay_s=0.02,
        levels=[
            LevelReport(
                level=0,
                ber_configured=1e-3,
                packets=6 * messages,
                size_bits=46080 * messages,
                bit_errors=46 * messages,
                ber_measured=46 / 46080,
            )
        ],
        busy_s=46080 * messages / rate,
        theoretical_rate_bps=rate,
        measured_rate_bps=rate * 0.998,
        theoretical_delay_s=46080 / rate + 0.02,
        measured_delay_s=46080 / rate + 0.0203,
    )


def _links(shape: Shape, names: list[str], rates: dict[str, float], snrs: dict[str, float | None]) -> list[LinkReport]:
    hops = ["bs", *shape.chain]
    chain = [_link(f"{a}-{b}", a, b, 2e6, None, shape.images * len(names)) for a, b in itertools.pairwise(hops)]
    last = [
        _link("air" if shape.multicast else f"air-{name}", hops[-1], name, rates[name], snrs[name], shape.images)
        for name in names
    ]
    return chain + last


def make(shape: Shape | None = None) -> Run:
    """A run of the given shape; the same shape gives the same run."""
    shape = shape or Shape()
    rng = np.random.default_rng(shape.seed)
    names = list(shape.receiver_names) or [f"rx{i + 1}" for i in range(shape.receivers)]
    distances = rng.uniform(60, 1000, len(names))
    scales = [SCALES[min(int(d // 280), 3)] for d in distances]
    originals = dict(shape.pictures) or {
        f"kodim{i + 1:02d}.png": _gradient(rng, shape.side) for i in range(shape.images)
    }
    plan = _plan(names, distances, scales) if shape.plan else None
    rates = {p.name: p.rate_bps for p in plan.receivers} if plan else dict.fromkeys(names, 200e3)
    snrs: dict[str, float | None] = {p.name: p.snr_db for p in plan.receivers} if plan else dict.fromkeys(names)
    messages: list[MessageReport] = []
    received: dict[ReceivedKey, Picture] = {}
    sent = {name: 0.02 * i for i, name in enumerate(names)}
    for message_id, (image, picture) in enumerate(originals.items()):
        for name, scale in zip(names, scales, strict=True):
            key = (f"s0-{name}", message_id, name)
            last = image == list(originals)[-1]
            status = shape.statuses.get(key, "pending" if shape.interrupted and last else "complete")
            size = round(RHO_OF_SCALE[scale] * picture.size * 8)
            transfer = size / rates[name] + 0.02
            gone = status == "pending"
            messages.append(
                MessageReport(
                    session=key[0],
                    message_id=message_id,
                    source="bs",
                    destination=name,
                    image=image,
                    status=status,
                    reason="decoder: index 513 is outside the codebook" if status == "failed" else "",
                    size_bits=size,
                    source_bits=picture.size * 8,
                    rho=size / (picture.size * 8),
                    offered_s=0.0,
                    sent_s=None if gone else sent[name],
                    received_s=None if gone else sent[name] + transfer,
                    transfer_s=None if gone else transfer,
                    theoretical_transfer_s=transfer * 0.999,
                    packets=-(-size // 8192),
                    packets_lost=1 if status == "partial" else 0,
                    element_errors=17,
                    encode_wall_s=0.031,
                    decode_wall_s=0.044,
                )
            )
            if status in ("complete", "partial"):
                received[key] = _noisy(rng, picture, 6.0 * 1.5 ** SCALES.index(scale))
            sent[name] += transfer
    report = Report(
        semedge_version="0.1.0",
        scenario=ScenarioReport(name=shape.name, description=shape.description, digest="5f" * 32),
        seed=shape.seed,
        clock="virtual",
        started_at=datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC),
        wall_s=17.3,
        complete=shape.interrupted is None,
        interrupted=shape.interrupted,
        command=["edge-emulator", "run", shape.name, "--seed", str(shape.seed)],
        nodes=[
            NodeReport(name="bs", role="tx", codec="vqvae2 scale 4", resident_bytes=310_000_000),
            *(NodeReport(name=relay, role="relay") for relay in shape.chain),
            *(NodeReport(name=n, role="rx", codec="vqvae2 scale 4", resident_bytes=290_000_000) for n in names),
        ],
        plan=plan,
        links=_links(shape, names, rates, snrs),
        messages=messages,
        steps=[
            StepReport(
                index=0,
                kind="transmit",
                started_wall_s=6.1,
                wall_s=9.8,
                model_start_s=0.0,
                model_end_s=max(sent.values()),
                summary=f"{len(originals)} images from bs to {len(names)} receivers",
            )
        ],
        timing=Timing(up_s=5.2, run_s=9.9),
    )
    return Run(report, originals, received)


def adaptation(**changes: object) -> AdaptationReport:
    """A fine-tuning of rx1 in step 1 that was adopted; `changes` replace fields."""
    report = AdaptationReport(
        step=1,
        session="s0-rx1",
        source="bs",
        receiver="rx1",
        method="dft",
        images=["f-1", "f-2", "f-3"],
        set_size=400,
        original_bits=3_000_000,
        latent_bits=138_240,
        other_bits=4_000,
        model_s=0.5,
        rounds=[CodebookRound(round=r, digest=f"{r:02d}" * 32, quantization_loss=0.5 / r) for r in (1, 2)],
        steps=100,
        unit="dB",
        validation_before=20.0,
        validation_after=23.5,
        verdict="adopted",
        knowledge_source="ab" * 32,
        knowledge_receiver="ab" * 32,
        curve=[CurvePoint(step=s, loss=0.1, validation=20 + s / 30) for s in (0, 50, 100)],
        train_wall_s=42.0,
        served=4,
        served_meanwhile=3,
    )
    return AdaptationReport.model_validate(report.model_dump() | changes)


def alignment(**changes: object) -> AlignmentReport:
    """An alignment of bs with rx1 in step 1 that was adopted; `changes` replace fields."""
    report = AlignmentReport(
        step=1,
        session="s0-rx1",
        source="bs",
        receiver="rx1",
        method="slf",
        freeze=2,
        data="mnist_train",
        crossover=CrossoverReport(
            pilots=8000,
            errors=9,
            estimate=9 / 8000,
            low=5.5e-4,
            high=2.1e-3,
            confidence=0.95,
            true_down=1e-3,
            true_up=1e-3,
        ),
        download=_transfer("down", ["codebook", "decoder.0.weight", "decoder.0.bias"], 114_632, 0.4601),
        upload=_transfer("up", ["codebook", "decoder.0.weight"], 20_556, 0.0831),
        tuning=FineTuningReport(
            steps=400,
            pictures=3600,
            operations=6e12,
            mse_before=0.2,
            mse_after=0.02,
            model_s=0.2,
            wall_s=60.0,
            speed=1e11,
        ),
        recovery_stated=_recovery(0.2, 3e13),
        recovery_measured=_recovery(60.0, 1e11),
        recovery_wall=_recovery(61.0, None),
        recovery_model_s=0.7502,
        verdict="adopted",
        digest_before="ab" * 32,
        digest_after="cd" * 32,
        curve=[CurvePoint(step=s, loss=0.5 - s / 1000) for s in (100, 200, 400)],
        wall_s=63.0,
    )
    return AlignmentReport.model_validate(report.model_dump() | changes)


def _transfer(direction: str, names: list[str], tensor_bytes: int, seconds: float) -> ParameterTransferReport:
    file_bytes = tensor_bytes + 400
    return ParameterTransferReport.model_validate(
        {
            "direction": direction,
            "names": names,
            "tensor_bytes": tensor_bytes,
            "file_bytes": file_bytes,
            "size_bits": 8 * file_bytes,
            "sent_s": 0.0,
            "received_s": seconds,
            "transfer_s": seconds,
            "theoretical_transfer_s": 8 * file_bytes / 2e6,
            "digest": "ef" * 32,
        }
    )


def _recovery(tuning_s: float, speed: float | None) -> RecoveryTime:
    return RecoveryTime(download_s=0.4601, tuning_s=tuning_s, upload_s=0.0831, total_s=0.5432 + tuning_s, speed=speed)
