"""The documented, versioned schema of report.json: what a run was, what was planned, what crossed the links, how well.

Data only: nothing here scores, draws or writes files. Every field states its meaning and unit, and whether it depends
on the machine (`volatile`: wall times, memory, paths). docs/report.md is generated from this file. There is no NaN and
no infinity in a report: a figure that does not exist is null.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

SCHEMA_VERSION: Literal[1] = 1

Status = Literal["complete", "partial", "failed", "pending"]
Role = Literal["tx", "rx", "relay"]
Verdict = Literal["adopted", "kept", "pending"]
NOT_SENT = "not sent"  # scheme of a level that a bearer left out


class ReportError(ValueError):
    """A report that cannot be read or written; the message names the file or field and the fix."""


def about(text: str, *, unit: str | None = None, volatile: bool = False) -> FieldInfo:
    """Documents a field: meaning, unit (None where there is none to state), and whether it depends on the machine."""
    info = Field(description=text, json_schema_extra={"unit": unit, "volatile": volatile})
    assert isinstance(info, FieldInfo)
    return info


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts or "\\" in path:
        raise ValueError(f"must be a path inside the report's folder, got {path!r}")
    return path


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
RelativePath = Annotated[str, AfterValidator(_inside)]


class Section(BaseModel):
    """A part of the report: unknown fields are refused, and so are NaN and infinities, also when assigned later."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, validate_assignment=True)


class ScenarioReport(Section):
    """The scenario that was run."""

    name: Annotated[str, about("Name of the scenario.")]
    description: Annotated[str, about("What its author says of it.")] = ""
    digest: Annotated[str, about("SHA-256 of the scenario file, in hex; tells two versions of one name apart.")] = ""


class NodeReport(Section):
    """One node of the topology."""

    name: Annotated[str, about("Name in the topology.")]
    role: Annotated[Role, about("tx transmits, rx receives, relay only joins links and has no process.")]
    codec: Annotated[str, about("The codec it ran, in words; empty for a relay.")] = ""
    resident_bytes: Annotated[
        int | None, about("Resident memory of its process; null for a relay.", unit="B", volatile=True)
    ] = None
    restarts: Annotated[int, about("Times the controller started its process anew.", volatile=True)] = 0
    process: Annotated[
        str, about("The first node of its process, which several receivers may share; empty for a relay.")
    ] = ""
    pictures_encoded: Annotated[
        int, about("Pictures that its process encoded, each once for all receivers.", volatile=True)
    ] = 0
    messages_decoded: Annotated[int, about("Messages that its process decoded, refinements too.", volatile=True)] = 0
    parts: Annotated[
        list[str], about("Networks of a layered codec's heads that it held at the end, as it said itself.")
    ] = []


class PlanReceiver(Section):
    """What the plan gives one receiver, and what it expects of it."""

    name: Annotated[str, about("The receiver.")]
    distance_m: Annotated[float | None, about("Distance from the source; null when only a gain was given.", unit="m")]
    gain: Annotated[float, about("Channel power gain, linear.", unit="1")]
    bandwidth_hz: Annotated[float, about("Bandwidth that it gets.", unit="Hz")]
    power_w: Annotated[float, about("Transmit power that it gets.", unit="W")]
    snr_db: Annotated[float, about("Signal-to-noise ratio in its band (Es/N0).", unit="dB")]
    rate_bps: Annotated[float, about("Shannon rate of its link.", unit="bit/s")]
    rho: Annotated[float, about("Compression rate: bits sent over bits of the source picture.", unit="1")]
    scale: Annotated[int | None, about("Bottom scaling rate of the codec; null when rho is continuous.")]
    transmit_s: Annotated[float, about("Expected time on the air of one picture.", unit="s")]
    compute_s: Annotated[float, about("Expected compute time of one picture, by the declared model.", unit="s")]
    quality_db: Annotated[float, about("Expected PSNR, by the declared quality curve.", unit="dB")]


class PlanReport(Section):
    """The optimizer's answer."""

    solver: Annotated[str, about("Which solver made it.")]
    status: Annotated[str, about("How the solver ended.")]
    utility: Annotated[float, about("Objective reached: weighted quality, delay and energy.", unit="1")]
    upper_bound: Annotated[float | None, about("No plan can exceed it; null when no bound was made.", unit="1")] = None
    gap: Annotated[float | None, about("upper_bound - utility.", unit="1")] = None
    delay_s: Annotated[float, about("Largest delay of any receiver.", unit="s")]
    energy_j: Annotated[float, about("Energy of all receivers together.", unit="J")]
    warnings: Annotated[list[str], about("What the optimizer wants the reader to know.")] = []
    receivers: Annotated[list[PlanReceiver], about("One entry a receiver.")] = []


class LevelReport(Section):
    """What one reliability level of a link carried towards one destination."""

    level: Annotated[int, about("Number of the level, as packets carry it.")]
    ber_configured: Annotated[
        float | None,
        about("Bit error rate that the level was given; null when something else decides the bits' errors.", unit="1"),
    ] = None
    packets: Annotated[int, about("Packets served, tries beyond the first not counted.")]
    packets_lost: Annotated[int, about("Packets lost: erased, dropped, or out of tries.")] = 0
    packets_filled: Annotated[
        int, about("Packets that had not come when the link mapped their message to symbols, and that it filled in.")
    ] = 0
    retransmissions: Annotated[int, about("Tries beyond the first.")] = 0
    size_bits: Annotated[int, about("Bits served, tries beyond the first not counted.", unit="bit")] = 0
    channel_uses: Annotated[int, about("Complex symbols served, tries beyond the first not counted.")] = 0
    bit_errors: Annotated[int, about("Bit errors in delivered packets.")] = 0
    index_errors: Annotated[int, about("Index errors in delivered packets.")] = 0
    ber_measured: Annotated[
        float | None, about("bit_errors over the bits that met noise; null when there were none.", unit="1")
    ] = None
    index_error_rate_measured: Annotated[
        float | None, about("index_errors over the indices that met noise; null when there were none.", unit="1")
    ] = None


class LinkReport(Section):
    """One link towards one destination; a multicast link has one entry for each of its destinations."""

    name: Annotated[str, about("Name in the topology.")]
    source: Annotated[str, about("Node where it begins.")]
    destination: Annotated[str, about("Node where it ends.")]
    rate_bps: Annotated[float | None, about("Rate in force at the end of the run; null for no limit.", unit="bit/s")]
    symbol_rate_hz: Annotated[
        float | None, about("Complex symbols per second; null when it carried none or knows no limit.", unit="Hz")
    ] = None
    bandwidth_hz: Annotated[float | None, about("Bandwidth of a radio link; null otherwise.", unit="Hz")] = None
    power_w: Annotated[float | None, about("Transmit power of a radio link; null otherwise.", unit="W")] = None
    snr_db: Annotated[float | None, about("Es/N0; null where no noise is modelled by an SNR.", unit="dB")] = None
    delay_s: Annotated[float, about("Propagation delay.", unit="s")] = 0.0
    jitter_s: Annotated[float, about("Largest additional delay, uniform for each packet.", unit="s")] = 0.0
    levels: Annotated[list[LevelReport], about("Counters of each reliability level that was used.")] = []
    busy_s: Annotated[float, about("Model time during which the link was serving.", unit="s")] = 0.0
    theoretical_rate_bps: Annotated[
        float | None, about("Rate by its formula (given, or Shannon's); null for no limit.", unit="bit/s")
    ] = None
    measured_rate_bps: Annotated[
        float | None, about("Bits served, retries included, over busy time; null when it was never busy.", unit="bit/s")
    ] = None
    theoretical_delay_s: Annotated[
        float | None, about("Mean time a message should take on this link: size over rate plus delay.", unit="s")
    ] = None
    measured_delay_s: Annotated[
        float | None, about("Mean time a message took on this link; null when none crossed it.", unit="s")
    ] = None


class MessageReport(Section):
    """One message towards one destination: an image, what it cost, and what became of it. Times are model times."""

    session: Annotated[str, about("Session that it belongs to.")]
    message_id: Annotated[int, about("Its number in the session.")]
    source: Annotated[str, about("Node that sent it.")]
    destination: Annotated[str, about("Node that received it.")]
    image: Annotated[str, about("Name of the picture.")]
    step: Annotated[int | None, about("Position in the workload of the step that sent it; null when unknown.")] = None
    status: Annotated[
        Status,
        about("complete: all packets; partial: decoded from what came; failed: not decoded; pending: no receipt."),
    ]
    reason: Annotated[str, about("Why it was not decoded, or could not be scored; empty otherwise.")] = ""
    size_bits: Annotated[int, about("Bits on the first link; symbols not included.", unit="bit")] = 0
    channel_uses: Annotated[int, about("Complex symbols on the first link.")] = 0
    source_bits: Annotated[int, about("Bits of the raw picture.", unit="bit")] = 0
    rho: Annotated[
        float | None,
        about("size_bits / source_bits, or complex symbols over source values for codecs of symbols.", unit="1"),
    ] = None
    offered_s: Annotated[float | None, about("When it was offered to the network.", unit="s")] = None
    sent_s: Annotated[float | None, about("When the first link began to serve it.", unit="s")] = None
    received_s: Annotated[float | None, about("When its last packet arrived.", unit="s")] = None
    transfer_s: Annotated[float | None, about("received_s - sent_s.", unit="s")] = None
    theoretical_transfer_s: Annotated[
        float | None, about("Time that the links' rates and delays ask for, alone on its path.", unit="s")
    ] = None
    packets: Annotated[int, about("Packets that entered the first link.")] = 0
    packets_lost: Annotated[int, about("Packets that did not arrive.")] = 0
    packets_filled: Annotated[
        int, about("Packets lost or late on the way to a link that maps whole messages, and filled in by it.")
    ] = 0
    element_errors: Annotated[int, about("Bits, indices or bytes (by kind) that were altered on the way.")] = 0
    retransmissions: Annotated[int, about("Tries beyond the first, over all packets and links.")] = 0
    psnr_db: Annotated[
        float | None,
        about("PSNR, peak 255; null when there is no picture, and when it is identical (see there).", unit="dB"),
    ] = None
    ssim: Annotated[
        float | None, about("Structural similarity; null when there is no picture or it is too small.", unit="1")
    ] = None
    mse: Annotated[
        float | None,
        about(
            "Mean squared error over pixels and channels, pixels in [0, 1]; null when there is no picture.", unit="1"
        ),
    ] = None
    label: Annotated[int | None, about("Class of the picture; null when its source tells none.")] = None
    predicted: Annotated[
        int | None, about("Class that the receiver's classifier sees in it; null without a classifier.")
    ] = None
    confidence: Annotated[
        float | None, about("Probability that the classifier gives this class; null where it gives none.", unit="1")
    ] = None
    level: Annotated[
        int | None, about("Level of the sub-block whose decoder made the picture; null without sub-blocks.")
    ] = None
    refined: Annotated[bool, about("Whether it was decoded again with a sub-block that its receiver asked for.")] = (
        False
    )
    first_predicted: Annotated[int | None, about("Class seen before it was refined; null otherwise.")] = None
    first_confidence: Annotated[
        float | None, about("Probability of that class; null where there was none.", unit="1")
    ] = None
    first_psnr_db: Annotated[float | None, about("PSNR before it was refined; null otherwise.", unit="dB")] = None
    decoder: Annotated[
        str, about("Which of its codec's decoders made the picture; empty for a codec that has one only.")
    ] = ""
    epoch: Annotated[
        int, about("Uploads of parameters that were in force at the receiver when it was made.", volatile=True)
    ] = 0
    identical: Annotated[bool, about("True for a perfect copy: its PSNR is infinite, which JSON cannot say.")] = False
    encode_wall_s: Annotated[float | None, about("Wall time that encoding took.", unit="s", volatile=True)] = None
    decode_wall_s: Annotated[float | None, about("Wall time that decoding took.", unit="s", volatile=True)] = None
    picture: Annotated[
        RelativePath | None, about("The received picture, relative to the report's folder.", volatile=True)
    ] = None
    original: Annotated[
        RelativePath | None, about("The picture as it was sent, relative to the report's folder.", volatile=True)
    ] = None

    @property
    def delivered(self) -> bool:
        """Whether the destination decoded it."""
        return self.status in ("complete", "partial")


class ReceiverReport(Section):
    """One receiver's averages over the messages it decoded."""

    name: Annotated[str, about("The receiver.")]
    messages: Annotated[int, about("Messages sent to it.")]
    identical: Annotated[int, about("Of those, perfect copies.")] = 0
    mean_psnr_db: Annotated[
        float | None, about("Mean PSNR of its pictures, perfect copies left out; null when none is left.", unit="dB")
    ] = None
    mean_ssim: Annotated[float | None, about("Mean structural similarity; null when there is none.", unit="1")] = None
    mean_mse: Annotated[
        float | None, about("Mean of the mean squared errors, pixels in [0, 1]; null when there is none.", unit="1")
    ] = None
    mean_rho: Annotated[float | None, about("Mean compression rate.", unit="1")] = None
    mean_transfer_s: Annotated[float | None, about("Mean model time from sent to received.", unit="s")] = None
    delivered_fraction: Annotated[float, about("Share of its messages that it decoded.", unit="1")] = 0.0
    accuracy: Annotated[
        float | None, about("Top-1 accuracy on its pictures; null when the task has no classes.", unit="1")
    ] = None


class Quality(Section):
    """How well some pictures arrived at one receiver: averages over those that were decoded."""

    receiver: Annotated[str, about("The receiver.")]
    pictures: Annotated[int, about("Pictures that it decoded.")]
    mean_mse: Annotated[
        float | None, about("Mean of the mean squared errors, pixels in [0, 1]; null when there is none.", unit="1")
    ] = None
    mean_psnr_db: Annotated[
        float | None, about("Mean PSNR, perfect copies left out; null when none is left.", unit="dB")
    ] = None
    mean_ssim: Annotated[float | None, about("Mean structural similarity; null when there is none.", unit="1")] = None
    accuracy: Annotated[
        float | None,
        about("Top-1 accuracy of the receiver's classifier; null without one, or without labels.", unit="1"),
    ] = None


class CodebookRound(Section):
    """One round of FTSC eq. (5), in which both ends moved their codebooks and compared them."""

    round: Annotated[int, about("Its number, from 1.")]
    digest: Annotated[str, about("SHA-256 of the codebooks after it, in hex, on which both ends agreed.")]
    quantization_loss: Annotated[float, about("Mean squared quantisation error L_q that the sender found.", unit="1")]


class CurvePoint(Section):
    """How far one fine-tuning was when the receiver was listened to."""

    step: Annotated[int, about("Training step.")]
    loss: Annotated[float | None, about("Training loss then; null before the first step.", unit="1")] = None
    validation: Annotated[
        float | None, about("Judgement on the validation slice, in the adaptation's unit.", unit="see unit")
    ] = None


class DistillationReport(Section):
    """What a distill step adds to an adaptation: it runs at the sender, and its result is uploaded."""

    decoder: Annotated[str, about("The decoder that was to get better: the student.")]
    teacher: Annotated[str, about("The decoder that taught it.")] = ""
    teacher_db: Annotated[float | None, about("The teacher on the validation slice.", unit="dB")] = None
    snr_db: Annotated[float, about("Es/N0 at which it was trained and judged.", unit="dB")]
    alpha: Annotated[
        float | None, about("Weight of the distillation loss, eq. (5b); null for the default.", unit="1")
    ] = None
    transfer: Annotated[bool, about("Whether it began with its teacher's last two stages.")] = False
    uploaded_bytes: Annotated[int, about("Bytes of the file that was uploaded; 0 when none was.", unit="B")] = 0
    epoch: Annotated[int, about("Uploads that were in force at the receiver before.")] = 0
    served_old: Annotated[int, about("Pictures sent meanwhile that the old decoder decoded.", volatile=True)] = 0
    served_new: Annotated[int, about("Pictures sent meanwhile that the new decoder decoded.", volatile=True)] = 0
    served_lost: Annotated[int, about("Pictures sent meanwhile that were not decoded.")] = 0


class AdaptationReport(Section):
    """One fine-tuning of one receiver by an adapt or distill step: what it cost, how it went, what came of it."""

    step: Annotated[int, about("Position of its step in the workload.")]
    session: Annotated[str, about("Session whose codec was fine-tuned.")]
    source: Annotated[str, about("Node that taught.")]
    receiver: Annotated[str, about("Node that learnt, or whose decoder its source trained (distill).")]
    method: Annotated[str, about("dft, lsdft or distill.")]
    images: Annotated[list[str], about("Names of the pictures that were learnt from; no transmit step sends them.")]
    set_size: Annotated[int, about("Pictures in the set that they were drawn from.")]
    original_bits: Annotated[int, about("Bits of originals on the first link.", unit="bit")] = 0
    latent_bits: Annotated[int, about("Bits of latents on the first link; symbols not included.", unit="bit")] = 0
    latent_channel_uses: Annotated[int, about("Complex symbols of latents on the first link.")] = 0
    other_bits: Annotated[int, about("Bits of settings and digests on the first link.", unit="bit")] = 0
    packets_lost: Annotated[int, about("Packets of lessons and rounds that did not arrive.")] = 0
    lessons_lost: Annotated[
        int, about("Pictures that the receiver could not use because something that must be whole was lost.")
    ] = 0
    model_s: Annotated[
        float | None, about("Model time from the first lesson offered until the last arrived.", unit="s")
    ] = None
    rounds: Annotated[list[CodebookRound], about("Codebook rounds; empty when the codebooks stay.")] = []
    steps: Annotated[int, about("Training steps that were made.")] = 0
    unit: Annotated[
        str, about("Unit of the validation figures: dB (PSNR, more is better) or loss (less is better).")
    ] = ""
    validation_before: Annotated[
        float | None, about("The old decoder on the validation slice, in that unit.", unit="see unit")
    ] = None
    validation_after: Annotated[
        float | None,
        about(
            "The new decoder on the validation slice, in that unit: the one adopted, else as it was last judged.",
            unit="see unit",
        ),
    ] = None
    verdict: Annotated[
        Verdict,
        about(
            "adopted: the new decoder is in force; kept: it was not better, and the old one stays; pending: no answer."
        ),
    ] = "pending"
    reason: Annotated[str, about("What the receiver says of its verdict.")] = ""
    state: Annotated[
        str, about("Name under which the receiver keeps the new state; roll_back takes it. Empty when kept.")
    ] = ""
    knowledge_source: Annotated[str, about("Digest of the sender's codebooks at the end of the step.")] = ""
    knowledge_receiver: Annotated[str, about("Digest of the receiver's codebooks at the end of the step.")] = ""
    compute: Annotated[str, about("Part of the training in model time: none, or its wall time (measured).")] = "none"
    curve: Annotated[list[CurvePoint], about("Progress, as often as the receiver told it.", volatile=True)] = []
    resumed_at_steps: Annotated[
        list[int], about("Steps at which a receiver that had died went on.", volatile=True)
    ] = []
    train_wall_s: Annotated[
        float | None, about("Wall time of the training at the receiver.", unit="s", volatile=True)
    ] = None
    served: Annotated[int, about("Pictures sent while it trained; of distill also while the result was uploaded.")] = 0
    served_meanwhile: Annotated[
        int, about("Of those, answered before the verdict, and so decoded as before it.", volatile=True)
    ] = 0
    distillation: Annotated[DistillationReport | None, about("What is a distillation's only; null otherwise.")] = None


class DecoderOffer(Section):
    """One decoder, judged for one receiver."""

    decoder: Annotated[str, about("The decoder.")]
    flops: Annotated[int, about("Floating-point operations for one picture.", unit="FLOP")]
    memory_bytes: Annotated[int, about("Memory that its parameters take.", unit="B")]
    latency_s: Annotated[
        float, about("Time for one picture, predicted: operations over the receiver's speed.", unit="s")
    ]
    fits: Annotated[bool, about("Whether the receiver can hold it and is fast enough.")]


class DecoderChoice(Section):
    """The decoder that a sender chose for one receiver in an equip step."""

    step: Annotated[int, about("Position of its step in the workload.")]
    session: Annotated[str, about("Session whose pictures it decodes.")]
    source: Annotated[str, about("Node that chose.")]
    receiver: Annotated[str, about("Node that it was chosen for.")]
    speed: Annotated[float, about("Speed that the receiver says it has.", unit="FLOP/s")]
    measured: Annotated[bool, about("Whether the receiver measured it when it was started; else it was declared.")]
    memory_bytes: Annotated[int, about("Memory that the receiver says it has.", unit="B")]
    limit_s: Annotated[float, about("Longest time that decoding one picture may take.", unit="s")]
    side: Annotated[int, about("Side of that picture, a square.", unit="pixel")]
    decoder: Annotated[str, about("The decoder that was chosen.")]
    before: Annotated[str, about("The decoder that the receiver had.")]
    uploaded_bytes: Annotated[
        int, about("Bytes of the file that was uploaded; 0 when it had that decoder.", unit="B")
    ] = 0
    offers: Annotated[list[DecoderOffer], about("What there was to choose from, strongest first.")] = []
    decode_wall_s: Annotated[
        float | None,
        about(
            "Mean wall time of a picture with this decoder, on the machine of the run, at whatever size it was sent.",
            unit="s",
            volatile=True,
        ),
    ] = None

    @property
    def chosen(self) -> DecoderOffer:
        """The entry of `offers` that was chosen."""
        return next(offer for offer in self.offers if offer.decoder == self.decoder)


class CrossoverReport(Section):
    """The crossover probability of the channel, as the sender of an alignment measured it with pilots."""

    pilots: Annotated[int, about("Pilots that arrived.")]
    errors: Annotated[int, about("Of those, arrived as another index.")]
    estimate: Annotated[float, about("The estimate, with which the sender trained.", unit="1")]
    low: Annotated[float, about("Lower end of its interval.", unit="1")]
    high: Annotated[float, about("Upper end of its interval.", unit="1")]
    confidence: Annotated[float, about("Confidence of the interval.", unit="1")]
    true_down: Annotated[
        float | None,
        about(
            "What the links that the pilots take are given; no node is told. Null when it is not one number: several "
            "noisy links, or a modulation or levels carry the indices.",
            unit="1",
        ),
    ] = None
    true_up: Annotated[
        float | None,
        about("The same of the links that pictures take; equal where the channel is reciprocal.", unit="1"),
    ] = None


class ParameterTransferReport(Section):
    """Parameters that crossed the network, one way."""

    direction: Annotated[Literal["down", "up"], about("down: from the receiver to the sender; up: what had changed.")]
    names: Annotated[list[str], about("Tensors, in the order of the file.")]
    tensor_bytes: Annotated[int, about("Bytes of their values alone.", unit="B")]
    file_bytes: Annotated[int, about("Bytes of the file: values, names and shapes.", unit="B")]
    size_bits: Annotated[
        int, about("Bits on the first link, with what opened and closed the transfer; no pilots.", unit="bit")
    ]
    sent_s: Annotated[float, about("When the first link began to serve it.", unit="s")]
    received_s: Annotated[float, about("When its last packet had arrived.", unit="s")]
    transfer_s: Annotated[float, about("received_s - sent_s.", unit="s")]
    theoretical_transfer_s: Annotated[
        float | None,
        about("size_bits over the rate of the slowest link, and the links' delays; null for no limit.", unit="s"),
    ] = None
    digest: Annotated[str, about("SHA-256 of the file, in hex.")] = ""
    resumed_at_bytes: Annotated[
        list[int], about("Where it went on after a cut or a restart.", unit="B", volatile=True)
    ] = []
    wall_s: Annotated[float, about("Wall time that it took.", unit="s", volatile=True)] = 0.0


class FineTuningReport(Section):
    """What training of an alignment cost and gained, at the sender."""

    steps: Annotated[int, about("Training steps.")]
    pictures: Annotated[int, about("Pictures trained with; none of them left the sender.")]
    operations: Annotated[
        float, about("Floating-point operations of all steps, forward and backward, two a multiply-add.", unit="FLOP")
    ]
    mse_before: Annotated[
        float, about("Mean squared error on pictures that the sender kept back, before, through the noise.", unit="1")
    ]
    mse_after: Annotated[float, about("The same, after.", unit="1")]
    model_s: Annotated[float, about("Time that it takes in model time.", unit="s")] = 0.0
    wall_s: Annotated[float, about("Wall time that it took.", unit="s", volatile=True)] = 0.0
    speed: Annotated[
        float | None, about("Operations a second that the machine reached.", unit="FLOP/s", volatile=True)
    ] = None
    resumed_at_step: Annotated[
        int | None, about("Checkpoint at which it went on after the sender had died; else null.", volatile=True)
    ] = None


class RecoveryTime(Section):
    """How long two strangers take until they understand each other (SLF, section IV), counted in one way."""

    download_s: Annotated[float, about("Transfer of the decoder to the sender.", unit="s")]
    tuning_s: Annotated[float, about("Training.", unit="s")]
    upload_s: Annotated[float, about("Transfer of what changed to the receiver.", unit="s")]
    total_s: Annotated[float, about("All three.", unit="s")]
    speed: Annotated[
        float | None, about("Speed at which training was counted; null when it was its wall time.", unit="FLOP/s")
    ] = None


class AlignmentReport(Section):
    """One alignment of a sender with one receiver by an align step: what crossed the network, and what came of it."""

    step: Annotated[int, about("Position of its step in the workload.")]
    session: Annotated[str, about("Session whose ends were aligned.")]
    source: Annotated[str, about("Node that sends, and trained.")]
    receiver: Annotated[str, about("Node that receives, and gave its decoder.")]
    method: Annotated[str, about("slf.")]
    freeze: Annotated[int, about("Layers of the decoder that stayed as they were, counted from the last.")]
    classifier: Annotated[bool, about("Whether the receiver's classifier was downloaded too.")] = False
    shared: Annotated[bool, about("Whether the new decoder is for all of the receiver's sessions of the codec.")] = (
        False
    )
    data: Annotated[str, about("The sender's own pictures: a packaged sample or a path.")] = ""
    compute: Annotated[str, about("Part of training in model time: none, measured (wall time) or flops.")] = "flops"
    crossover: Annotated[CrossoverReport | None, about("What the pilots said; null when it did not come to that.")] = (
        None
    )
    download: Annotated[
        ParameterTransferReport | None, about("The receiver's decoder; null when it did not come to that.")
    ] = None
    tuning: Annotated[FineTuningReport | None, about("The training; null when it did not come to that.")] = None
    upload: Annotated[
        ParameterTransferReport | None,
        about("What changed of the decoder; without tensors where none is trained. Null when it did not come to that."),
    ] = None
    recovery_stated: Annotated[
        RecoveryTime | None, about("Transfers by the link model, training at the speed that the step states.")
    ] = None
    recovery_measured: Annotated[
        RecoveryTime | None,
        about("Transfers by the link model, training at the speed that this machine reached.", volatile=True),
    ] = None
    recovery_wall: Annotated[RecoveryTime | None, about("Wall times on this machine.", volatile=True)] = None
    recovery_model_s: Annotated[
        float | None,
        about("Model time from the first message to the end of the upload, questions and pilots included.", unit="s"),
    ] = None
    verdict: Annotated[
        Verdict,
        about(
            "adopted: both ends hold what was trained; kept: it was not better, both hold the old; pending: neither."
        ),
    ] = "pending"
    reason: Annotated[str, about("Why it was not adopted; empty otherwise.")] = ""
    digest_before: Annotated[str, about("SHA-256 of the receiver's decoder before.")] = ""
    digest_after: Annotated[str, about("SHA-256 of the receiver's decoder after.")] = ""
    before: Annotated[
        Quality | None, about("Pictures sent before and after, as they arrived before; null when there are none.")
    ] = None
    after: Annotated[Quality | None, about("The same pictures, as they arrived after.")] = None
    curve: Annotated[list[CurvePoint], about("Training loss, as often as the sender told it.", volatile=True)] = []
    waited: Annotated[
        list[str], about("What the receiver said while the sender had to wait for others.", volatile=True)
    ] = []
    asked_again: Annotated[int, about("Times that it was asked for again, the sender having died.", volatile=True)] = 0
    wall_s: Annotated[float | None, about("Wall time of it all.", unit="s", volatile=True)] = None


class LevelUse(Section):
    """What one reliability level carried in one step, beside what the source asked of it."""

    level: Annotated[int, about("Number of the level, as packets carry it.")]
    ber_asked: Annotated[
        float | None, about("Bit error rate that the source announced; null when its sessions differ.", unit="1")
    ] = None
    ber_measured: Annotated[float | None, about("Bit errors over bits; null when none were delivered.", unit="1")] = (
        None
    )
    scheme: Annotated[str, about("Modulation and code rate, where the bearer has one a level; empty otherwise.")] = ""
    size_bits: Annotated[int, about("Bits served.", unit="bit")] = 0
    bit_errors: Annotated[int, about("Bit errors in delivered packets.")] = 0
    packets: Annotated[int, about("Packets served.")] = 0
    packets_lost: Annotated[int, about("Packets that did not arrive, also those of a level that was not sent.")] = 0
    packets_filled: Annotated[int, about("Packets that the link had to fill in; see LinkReport.levels.")] = 0

    @property
    def sent(self) -> bool:
        """Whether the bearer sent the level at all."""
        return self.scheme != NOT_SENT


class BearerReport(Section):
    """How one link carried the bits of one transmit step, at what cost, and how well the pictures arrived.

    Only of steps whose codec asks for reliability levels, and of links on which bits meet anything in any step.
    """

    step: Annotated[int, about("Position of the transmit step in the workload.")]
    link: Annotated[str, about("The link.")]
    destination: Annotated[str, about("Node where it ends.")]
    receivers: Annotated[list[str], about("Receivers whose pictures crossed it.")]
    bearer: Annotated[str, about("learned, unequal, qam, ldpc, levels, or ideal.")]
    detail: Annotated[str, about("Its constellation, code, or weight file; empty where there is none.")] = ""
    symbols: Annotated[
        int | None, about("Symbols that the bearer has for one 32x32 picture; null when it takes what it needs.")
    ] = None
    snr_db: Annotated[float | None, about("Es/N0; null where the bearer knows none.", unit="dB")] = None
    trained_snr_db: Annotated[float | None, about("Es/N0 that it was trained for; null otherwise.", unit="dB")] = None
    pictures: Annotated[int, about("Pictures that were decoded; computed.")] = 0
    channel_uses: Annotated[
        float | None, about("Complex symbols of a message, in the mean; null when the bearer makes none.", unit="1")
    ] = None
    mean_psnr_db: Annotated[
        float | None, about("Mean PSNR of the pictures, perfect copies left out; computed.", unit="dB")
    ] = None
    low_psnr_db: Annotated[float | None, about("A tenth of them have less; computed.", unit="dB")] = None
    high_psnr_db: Annotated[float | None, about("A tenth of them have more; computed.", unit="dB")] = None
    levels: Annotated[list[LevelUse], about("One entry a level.")] = []


class LayerUse(Section):
    """One sub-block of a multicast in layers, a picture in the mean."""

    level: Annotated[int, about("Its level: its index among the sub-blocks.")]
    head: Annotated[str, about("Name of the head that made it.")] = ""
    receivers: Annotated[list[str], about("Ends of the link that took it.")]
    rate: Annotated[float, about("Rate at which it was sent: that of the weakest of them.", unit="1")]
    symbols: Annotated[float, about("Complex symbols that it has.", unit="1")]
    channel_uses: Annotated[float, about("Channel uses that it took, as the link counted them.", unit="1")]


class TierUse(Section):
    """Receivers that take the same sub-blocks."""

    receivers: Annotated[list[str], about("The receivers.")]
    highest_level: Annotated[int, about("Highest level that they take.")]
    rate: Annotated[float, about("Rate that the weakest of them supports.", unit="1")]
    symbols: Annotated[float, about("Complex symbols of all that they take, a picture.", unit="1")]


class MulticastReport(Section):
    """What one transmit step of a codec with layers took on a link that leads to all its receivers, beside what other
    strategies would have taken (SMRC, section I). Channel uses are a picture's, in the mean."""

    step: Annotated[int, about("Position of the transmit step in the workload.")]
    link: Annotated[str, about("The link.")]
    session: Annotated[str, about("The session.")]
    pictures: Annotated[int, about("Pictures that were sent, each encoded once.")]
    levels: Annotated[list[LayerUse], about("One entry a sub-block.")] = []
    tiers: Annotated[list[TierUse], about("One entry a tier, the worst first.")] = []
    measured: Annotated[float, about("Channel uses as counted on the link.", unit="1")]
    layered: Annotated[
        float, about("Strategy (c) by the formula: each sub-block at the rate of the weakest that takes it.", unit="1")
    ]
    etas: Annotated[
        list[float],
        about(
            "Of each sub-block: its symbols over those by which a single encoding of the same quality grows with it "
            "(for layer 1, over those of one), as the weights say; empty when they do not, and then taken as 1.",
            unit="1",
        ),
    ] = []
    each_tier: Annotated[
        float,
        about(
            "Strategy (a) by the formula: each tier gets an encoding of its own, of its sub-blocks' symbols, each over "
            "its eta, at the rate of its weakest receiver.",
            unit="1",
        ),
    ]
    each_tier_measured: Annotated[
        float | None,
        about("Strategy (a) as counted: steps that sent each tier its sub-blocks alone; null without.", unit="1"),
    ] = None
    each_tier_steps: Annotated[list[int], about("Positions of these steps, one a tier.")] = []
    best_to_all: Annotated[
        float,
        about("Strategy (b) by the formula: the best tier's encoding at the rate of the weakest of all.", unit="1"),
    ]
    best_to_all_measured: Annotated[
        float | None,
        about("Strategy (b) as counted: a step that sent all sub-blocks to everybody; null without.", unit="1"),
    ] = None
    best_to_all_step: Annotated[int | None, about("Position of that step.")] = None


class RefinementReport(Section):
    """What one receiver asked for in one transmit step that had a layer on demand, what that cost, and what it was good
    for."""

    step: Annotated[int, about("Position of the transmit step in the workload.")]
    session: Annotated[str, about("The session.")]
    receiver: Annotated[str, about("The receiver.")]
    rule: Annotated[str, about("When it asks, and for what, in words.")]
    pictures: Annotated[int, about("Pictures that were sent to it.")]
    asked: Annotated[int, about("Pictures that it asked to have refined.")]
    refined: Annotated[int, about("Of those, decoded again with what came.")]
    refused: Annotated[int, about("Of those, refused by the sender.")]
    reason: Annotated[str, about("Why the first of these was refused; empty otherwise.")] = ""
    channel_uses: Annotated[int, about("Channel uses of what was sent at first.")]
    size_bits: Annotated[int, about("Bits of what was sent at first; symbols not included.", unit="bit")]
    refinement_channel_uses: Annotated[int, about("Channel uses of what it asked for.")]
    refinement_bits: Annotated[int, about("Bits of what it asked for.", unit="bit")]
    accuracy_first: Annotated[
        float | None, about("Top-1 accuracy before anything was refined; null without labels.", unit="1")
    ] = None
    accuracy: Annotated[float | None, about("Top-1 accuracy afterwards; null without labels.", unit="1")] = None
    all_step: Annotated[
        int | None, about("Position of a step that sent the same pictures with nothing on demand; null without one.")
    ] = None
    all_channel_uses: Annotated[int | None, about("Channel uses of that step.")] = None
    all_bits: Annotated[int | None, about("Bits of that step.", unit="bit")] = None
    all_accuracy: Annotated[float | None, about("Top-1 accuracy of that step.", unit="1")] = None
    saved: Annotated[
        float | None,
        about("Share of that step's channel uses (bits, where it has none) that this one saved.", unit="1"),
    ] = None


class HoldingReport(Section):
    """What one process held after a transmit step, as it said itself."""

    step: Annotated[int, about("Position of the transmit step in the workload.")]
    holder: Annotated[str, about("The node, or emulator.")]
    part: Annotated[
        Literal["encoder", "decoder", "bearer"], about("Half of a codec, or what carries bits over a link.")
    ]
    place: Annotated[str, about("The session, or the link.")]
    name: Annotated[str, about("The codec's name, or the bearer's weight file.")]
    digest: Annotated[str, about("SHA-256 of its tensors, in hex; empty when it has none.")]
    trained_for: Annotated[
        str, about("Digest of the decoder that a bearer was trained for; empty for halves of a codec.")
    ] = ""
    networks: Annotated[
        list[str],
        about("Modules that define neural networks, and of the emulator also codecs', that its process had loaded."),
    ] = []


class SeparationReport(Section):
    """Who held what: whether application and network knew of each other no more than the interface says."""

    holdings: Annotated[list[HoldingReport], about("One entry a transmit step, process, and session or link.")] = []
    codecs_constant: Annotated[bool, about("Whether every half of a codec had the same digest after every step.")]
    nodes_without_bearers: Annotated[bool, about("Whether no node ever loaded a bearer's network.")]
    emulator_without_codecs: Annotated[bool, about("Whether the emulator never loaded a codec.")]
    bearers_fit: Annotated[
        bool | None, about("Whether learned bearers were trained for the receivers' decoders; null without any.")
    ] = None


class StepReport(Section):
    """One step of the workload."""

    index: Annotated[int, about("Position in the workload, from 0.")]
    kind: Annotated[str, about("What kind of step: transmit, set_link, wait, ...")]
    started_wall_s: Annotated[float, about("Wall time since the run started.", unit="s", volatile=True)] = 0.0
    wall_s: Annotated[float, about("Wall time that it took.", unit="s", volatile=True)] = 0.0
    model_start_s: Annotated[float | None, about("Model time at which it started.", unit="s")] = None
    model_end_s: Annotated[float | None, about("Model time at which it ended.", unit="s")] = None
    summary: Annotated[str, about("What it did, in words.")] = ""
    quality: Annotated[
        list[Quality], about("How well the pictures that it sent arrived, one entry a receiver; computed.")
    ] = []


class Timing(Section):
    """Wall time of the run's phases; null for a phase that was not finished."""

    up_s: Annotated[float | None, about("Until every process was SERVING.", unit="s", volatile=True)] = None
    run_s: Annotated[float | None, about("Planning, opening codecs, and the workload.", unit="s", volatile=True)] = None


class Report(Section):
    """A whole run. The controller fills it; `emulator.report.write` completes it with scores and pictures."""

    schema_version: Annotated[Literal[1], about("Version of this schema.")] = SCHEMA_VERSION
    semedge_version: Annotated[str, about("Version of semedge that made the report.")]
    scenario: Annotated[ScenarioReport, about("What was run.")]
    seed: Annotated[int, about("Seed of all randomness.")]
    clock: Annotated[
        str,
        about("virtual, real or scaled:F. Only how long the run took depends on it.", volatile=True),
    ]
    started_at: Annotated[UtcTime, about("When the run started, ISO 8601 in UTC.", volatile=True)]
    wall_s: Annotated[float, about("Wall time of the whole run.", unit="s", volatile=True)] = 0.0
    complete: Annotated[bool, about("True when every step of the workload was carried out.")] = False
    interrupted: Annotated[str | None, about("Why the run ended early; null when it did not.")] = None
    command: Annotated[list[str], about("The command line.", volatile=True)] = []
    nodes: Annotated[list[NodeReport], about("One entry a node.")] = []
    plan: Annotated[PlanReport | None, about("The optimizer's plan; null when the scenario asks for none.")] = None
    links: Annotated[list[LinkReport], about("One entry a link and destination.")] = []
    messages: Annotated[list[MessageReport], about("One entry a message and destination.")] = []
    receivers: Annotated[list[ReceiverReport], about("One entry a receiver; computed from the messages.")] = []
    adaptations: Annotated[list[AdaptationReport], about("One entry an adapt step and receiver.")] = []
    alignments: Annotated[list[AlignmentReport], about("One entry an align step and receiver.")] = []
    choices: Annotated[list[DecoderChoice], about("One entry an equip step and receiver.")] = []
    bearers: Annotated[
        list[BearerReport], about("One entry a transmit step and link, of codecs that ask for levels.")
    ] = []
    multicasts: Annotated[
        list[MulticastReport],
        about("One entry a transmit step and link that leads to all receivers, of codecs with layers."),
    ] = []
    refinements: Annotated[
        list[RefinementReport], about("One entry a transmit step with a layer on demand, and receiver.")
    ] = []
    separation: Annotated[SeparationReport | None, about("Who held what; null when no codec asks for levels.")] = None
    steps: Annotated[list[StepReport], about("One entry a step that was started.")] = []
    timing: Annotated[Timing, about("Where the wall time went.", volatile=True)] = Timing()
    restarts: Annotated[
        dict[str, int],
        about(
            "Times that the controller started a daemon anew, by name; daemons that lived on are left out.",
            volatile=True,
        ),
    ] = {}

    def deterministic(self) -> dict[str, Any]:
        """What two runs of one scenario with one seed must agree on, under any clock.

        Leaves out the volatile fields (wall times, memory, paths, restarts, start, clock) and puts the messages in
        order of session, number and destination.
        """
        self_copy = self.model_copy(
            update={"messages": sorted(self.messages, key=lambda m: (m.session, m.message_id, m.destination))}
        )
        kept = _stable(self_copy)
        assert isinstance(kept, dict)
        return kept

    def to_json(self) -> str:
        """The text of report.json. Raises ReportError naming the section when a figure is not finite."""
        try:
            return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError as error:
            raise ReportError(
                f"report: cannot be written as JSON ({error}); put null where there is no figure"
            ) from error


def is_volatile(field: FieldInfo) -> bool:
    """Whether a field of the schema depends on the machine rather than on scenario and seed."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra["volatile"])


def _stable(value: object) -> object:
    if isinstance(value, Section):
        fields = type(value).model_fields
        return {name: _stable(getattr(value, name)) for name, field in fields.items() if not is_volatile(field)}
    if isinstance(value, list):
        return [_stable(item) for item in value]
    return value


def parse(text: str | bytes, name: str) -> Report:
    """report.json's text as a Report. `name` is the file's name in errors. Raises ReportError, one sentence."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ReportError(f"{name}: not JSON ({error}); give a folder that `edge-emulator run` wrote") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is None:
        raise ReportError(
            f"{name}: not a semedge report (no schema_version); give a folder that `edge-emulator run` wrote"
        )
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"{name}: schema_version: must be {SCHEMA_VERSION}, got {version!r}; use the semedge version that wrote it"
        )
    try:
        return Report.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise ReportError(f"{name}: {where}: {what}; restore the file or run the scenario again") from error
