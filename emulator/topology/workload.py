"""The steps of a run. A new kind is a model here, an entry of STEP_KINDS, and what the controller does for it."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, TypeAdapter, model_validator

from emulator.topology.bearers import Bearers
from emulator.topology.fields import Model, Number, fault, shown
from emulator.topology.levels import LinkLevels
from emulator.topology.links import Loss, Radio
from emulator.topology.quantities import (
    Gain,
    Head,
    Metres,
    Name,
    Probability,
    RateBps,
    Seconds,
    SymbolRate,
    one_or_more,
)
from emulator.topology.source import nearest

CastMode = Literal["unicast", "multicast"]
MOST_ROUNDS = 100
FEW_PICTURES = 32
"""As many pictures may always be learnt from, whatever share of the set they are (FTSC sends 5 % of large sets)."""


class Step(Model):
    """One step of the workload; subclasses are the kinds, listed in STEP_KINDS."""

    kind: ClassVar[str]


class Cast(Step):
    """A step between a sender and its receivers; subclasses are the kinds."""

    source: Name | None = Field(default=None, alias="from", description="the node that sends. The only tx without")
    destinations: Annotated[list[Name], BeforeValidator(one_or_more)] | None = Field(
        default=None, alias="to", description="the node that receives, a list of them, or all: every rx"
    )
    mode: CastMode = Field(
        default="unicast", description="the way to several receivers: unicast sends to each, multicast once to all"
    )


class Refine(Model):
    """Layers on demand: the step sends the layers below this one, and a receiver asks for this one's sub-block of a
    picture when it is unsure of its class, or sees a class of interest (SMRC). Of codecs with layers and a classifier.
    """

    layer: Annotated[int, Number("give a layer", at_least=2, at_most=255, whole=True)] | None = Field(
        default=None, description="the layer of the sub-block. That of the head which is named, or 2, without"
    )
    head: Head = Field(default=1, description="the head: its number in its layer, from 1, or its name")
    below_confidence: Probability | None = Field(
        default=None, description="the probability of the likeliest class below which a receiver asks"
    )
    classes: list[Annotated[int, Number("give a class", at_least=0, at_most=2**31, whole=True)]] | None = Field(
        default=None, description="the classes of interest: a receiver that sees one asks"
    )

    @model_validator(mode="after")
    def _has_a_rule(self) -> Self:
        if self.below_confidence is None and not self.classes:
            raise fault("has no rule; give below_confidence, classes or both")
        return self


class Transmit(Cast):
    """Sends pictures and waits for every receipt."""

    kind: ClassVar[str] = "transmit"

    images: Annotated[int, Number("give a number of pictures", at_least=1, at_most=1_000_000, whole=True)] | None = (
        Field(default=None, description="the number of pictures. All that there are without")
    )
    crop: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=256,
        description="the side in pixels of the square cut from the middle of each picture; null sends them whole",
    )
    interval_s: Seconds = Field(
        default=0.0, description="the model time between pictures in s; 0 sends when the link is free"
    )
    deadline_s: Seconds = Field(
        default=0.0, description="the model time in s after which a message is given up; 0 for never"
    )
    heads: list[Head] | None = Field(
        default=None,
        description="the head to send of each layer, from layer 1, by its number or name, of a codec with layers. All "
        "heads of all layers without",
    )
    whole: bool = Field(
        default=False,
        description="whether every receiver is sent all layers of a codec that has some, whatever it takes of them",
    )
    refine: Refine | None = Field(default=None, description="a layer that is sent only when a receiver asks for it")


class SetLink(Step):
    """Changes one link from now on. Only what is given changes."""

    kind: ClassVar[str] = "set_link"

    link: Name = Field(description="the link's name")
    rate_bps: RateBps | None = Field(default=None, description="the new rate in bit/s")
    symbol_rate_hz: SymbolRate | None = Field(default=None, description="the new rate in symbols/s")
    radio: Radio | None = Field(default=None, description="the radio's new numbers; those not given stay")
    delay_s: Seconds | None = Field(default=None, description="the new propagation delay in s")
    loss: Loss | None = Field(default=None, description="the new loss of whole packets")
    levels: LinkLevels | None = Field(default=None, description="the new reliability levels")
    bearers: Bearers | None = Field(default=None, description="the new bearers, of all kinds")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes = self.model_fields_set - {"link"}
        if not changes:
            raise fault("changes nothing; give a new rate_bps, radio, delay_s, loss, levels or bearers")
        if self.radio is not None and (self.rate_bps is not None or self.symbol_rate_hz is not None):
            raise fault("radio is given beside rate_bps or symbol_rate_hz; keep the radio or the rates")
        return self


class Wait(Step):
    """Lets model time pass before the next step."""

    kind: ClassVar[str] = "wait"

    model_s: Annotated[float, Number("give model time in seconds", above=0, at_most=1e9)] = Field(
        description="the model time in s"
    )


class Replan(Step):
    """Receivers move, fade, leave or join; the optimizer plans again, and links and codecs follow."""

    kind: ClassVar[str] = "replan"

    distance_m: dict[Name, Metres] = Field(
        default_factory=dict, description="the receivers that moved, and their new distance in m"
    )
    gain: dict[Name, Gain] = Field(
        default_factory=dict, description="the receivers whose linear channel power gain was measured anew"
    )
    block: Annotated[int, Number("give a block's index", at_least=0, at_most=2**31, whole=True)] | None = Field(
        default=None, description="the index of the coherence block from now on: another one redraws the fading"
    )
    leave: list[Name] = Field(
        default_factory=list, description="the receivers that leave: unplanned, and no longer among `all`"
    )
    join: list[Name] = Field(default_factory=list, description="the receivers that come back")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.distance_m or self.gain or self.leave or self.join) and self.block is None:
            raise fault("changes nothing; give distance_m, gain, block, leave or join")
        for name in self.distance_m:
            if name in self.gain:
                raise fault(f"{name} has both a distance_m and a gain; keep one")
        for name in self.leave:
            if name in self.join:
                raise fault(f"{name} both leaves and joins; keep one")
        return self


class Adapt(Cast):
    """Fine-tunes the receivers' decoders on pictures that the sender has, over the link (FTSC, section III).

    Keys of the method that are left out keep the method's defaults. The pictures to learn from are drawn by the
    scenario's seed and sent by no transmit step.
    """

    kind: ClassVar[str] = "adapt"

    method: Literal["dft", "lsdft"] = Field(
        description="the method: dft sends latents and originals, lsdft latents alone"
    )
    images: Annotated[int, Number("give a number of pictures", at_least=1, at_most=512, whole=True)] = Field(
        default=FEW_PICTURES, description="the number of pictures to learn from"
    )
    share: Annotated[float, Number("give a share", above=0, at_most=1)] = Field(
        default=0.05,
        description="the largest share of all pictures that `images` may be; up to 32 pictures are never too many",
    )
    cut: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=256,
        description="the side in pixels of the square cut from the middle of each picture, as `crop` of transmit; null "
        "sends them whole",
    )
    rounds: Annotated[int, Number("give a number of rounds", at_least=0, at_most=MOST_ROUNDS, whole=True)] | None = (
        Field(default=None, description="the number of rounds in which both ends update the codebooks. lsdft has none")
    )
    steps: Annotated[int, Number("give a number of steps", at_least=1, at_most=100_000, whole=True)] | None = Field(
        default=None, description="the number of training steps"
    )
    batch: Annotated[int, Number("give a number of pictures", at_least=1, at_most=256, whole=True)] | None = Field(
        default=None, description="the number of pictures in a training step"
    )
    crop: Annotated[int, Number("give pixels", at_least=16, at_most=4096, whole=True)] | None = Field(
        default=None, description="the side in pixels of the random square that a training step takes of a picture"
    )
    learning_rate: Annotated[float, Number("give a learning rate", above=0, at_most=1)] | None = Field(
        default=None, description="the largest learning rate"
    )
    checkpoint_steps: (
        Annotated[int, Number("give a number of steps", at_least=1, at_most=100_000, whole=True)] | None
    ) = Field(
        default=None, description="the steps between two checkpoints: a receiver that dies loses no more than these"
    )
    equivariance: Annotated[float, Number("give a weight", at_least=0, at_most=1e6)] | None = Field(
        default=None, description="the weight of lsdft's second term against that of equation (7)"
    )
    seed: Annotated[int, Number("give a seed", at_least=0, at_most=2**63 - 1, whole=True)] = Field(
        default=0, description="the seed of the training's own draws"
    )
    denoise: bool = Field(default=False, description="whether lsdft removes noise from the latents it received first")
    serve: Annotated[int, Number("give a number of pictures", at_least=0, at_most=1_000_000, whole=True)] = Field(
        default=0, description="the number of pictures sent while the receivers train: they decode as before"
    )
    compute: Literal["none", "measured"] = Field(
        default="none",
        description="the part of training in model time: none, or the wall time that it took",
    )

    @model_validator(mode="after")
    def _method_has_it(self) -> Self:
        if self.method == "lsdft" and self.rounds:
            raise fault(f"rounds is {self.rounds}, but lsdft leaves the codebooks as they are; leave rounds out")
        if self.method == "dft" and self.denoise:
            raise fault("denoise is for lsdft, and dft has the originals; leave denoise out")
        return self


class Equip(Cast):
    """Gives each receiver the strongest of its codec's decoders that it can hold and that decodes a picture in time.

    The sender chooses by what the receivers say of their capacity; what is chosen is uploaded, and takes the place of
    the decoder that a receiver had, between two messages.

    Of a codec with several decoders, such as swin; every receiver needs a capacity.
    """

    kind: ClassVar[str] = "equip"

    latency_s: Annotated[float, Number("give seconds", above=0, at_most=1e6)] = Field(
        description="the longest time in s that decoding one picture may take at a receiver"
    )
    side: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] = Field(
        default=256, description="the side in pixels of the square picture that this time is for"
    )


class Distill(Cast):
    """Improves receivers' decoders at the sender, one after the other, over the noise that each meets: a stronger
    decoder of the same symbols teaches. What is better is uploaded, and takes the place of the decoder that a receiver
    had, between two messages, while pictures go on being sent.

    Of a codec with several decoders, such as swin. Keys that are left out keep the method's defaults. The pictures to
    train with are the sender's: they are drawn by the scenario's seed and sent by no transmit step.
    """

    kind: ClassVar[str] = "distill"

    receivers: Annotated[list[Name], BeforeValidator(one_or_more)] | None = Field(
        default=None,
        description="the receiver whose decoder is to get better, or a list, among those that the step is to. All of "
        "these without",
    )
    teacher: str = Field(default="", description="the name of the decoder that teaches. The strongest without")
    snr_db: Annotated[float, Number("give Es/N0 in dB", at_least=-100, at_most=300)] | None = Field(
        default=None, description="the Es/N0 to train at in dB. What the receiver's codec is told (snr_db) without"
    )
    images: Annotated[int, Number("give a number of pictures", at_least=4, at_most=512, whole=True)] = Field(
        default=FEW_PICTURES, description="the number of pictures to train with"
    )
    share: Annotated[float, Number("give a share", above=0, at_most=1)] = Field(
        default=0.05,
        description="the largest share of all pictures that `images` may be; up to 32 pictures are never too many",
    )
    cut: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=256,
        description="the side in pixels of the square cut from the middle of each picture, as `crop` of transmit; null "
        "leaves them whole",
    )
    steps: Annotated[int, Number("give a number of steps", at_least=1, at_most=100_000, whole=True)] | None = Field(
        default=None, description="the number of training steps"
    )
    batch: Annotated[int, Number("give a number of pictures", at_least=1, at_most=256, whole=True)] | None = Field(
        default=None, description="the number of pictures in a training step"
    )
    crop: Annotated[int, Number("give pixels", at_least=16, at_most=4096, whole=True)] | None = Field(
        default=None, description="the side in pixels of the random square that a training step takes of a picture"
    )
    learning_rate: Annotated[float, Number("give a learning rate", at_least=1e-8, at_most=1)] | None = Field(
        default=None, description="the largest learning rate"
    )
    alpha: Annotated[float, Number("give a weight", at_least=0, at_most=1e6)] | None = Field(
        default=None, description="the weight of the distillation loss, alpha of equation (5b); 0 for none"
    )
    transfer: bool = Field(default=False, description="whether the decoder begins with its teacher's last two stages")
    seed: Annotated[int, Number("give a seed", at_least=0, at_most=2**63 - 1, whole=True)] = Field(
        default=0, description="the seed of the training's own draws"
    )
    serve: Annotated[int, Number("give a number of pictures", at_least=0, at_most=1_000_000, whole=True)] = Field(
        default=0,
        description="the number of pictures sent meanwhile: half while the sender trains, half while the new decoder "
        "is uploaded. Which decoder a receiver has for each of these depends on how fast the machine is",
    )
    compute: Literal["none", "measured"] = Field(
        default="none",
        description="the part of training in model time: none, or the wall time that it took",
    )


class RollBack(Cast):
    """Puts receivers back to a state that they had before an adapt step."""

    kind: ClassVar[str] = "roll_back"

    state: str = Field(default="", description="the saved state's name. The one before the present without")


class OwnData(Model):
    """Pictures that a tx has of its own. It trains with them, and they never leave it."""

    sample: Literal["mnist_train", "fashion_mnist"] | None = Field(
        default=None, description="the packaged sample that it has"
    )
    path: str | None = Field(
        default=None,
        description="the path of pictures on the tx, of any kind that `--images` takes; of a .npz its train split",
    )
    limit: Annotated[int, Number("give a number of pictures", at_least=1, at_most=1_000_000, whole=True)] | None = (
        Field(default=None, description="the largest number of pictures. All that there are without")
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sample is None) == (self.path is None) or self.path == "":
            raise fault("must have either sample or path; write for example {sample: mnist_train}")
        return self


class Align(Cast):
    """Aligns the sender with each receiver in turn (SLF, section III): the sender downloads the receiver's decoder,
    measures the channel, trains its own encoder with what is not frozen of the decoder on pictures of its own, and
    uploads what has changed.

    Needs a way of links in both directions. Keys that are left out keep the method's defaults.
    """

    kind: ClassVar[str] = "align"

    method: Literal["slf"] = Field(description="the method: slf, split learning with layer freezing")
    freeze: Annotated[
        int,
        Number("give 0 (the whole decoder is trained anew) to 4 (none of it is)", at_least=0, at_most=4, whole=True),
    ] = Field(description="the number of the decoder's layers that stay as they are, counted from the last")
    data: OwnData = Field(description="the pictures that the sender trains with")
    steps: Annotated[int, Number("give a number of steps", at_least=1, at_most=100_000, whole=True)] | None = Field(
        default=None, description="the number of training steps"
    )
    batch: Annotated[int, Number("give a number of pictures", at_least=1, at_most=4096, whole=True)] | None = Field(
        default=None, description="the number of pictures in a training step"
    )
    learning_rate: Annotated[float, Number("give a learning rate", at_least=1e-8, at_most=1)] | None = Field(
        default=None, description="the learning rate"
    )
    commitment: Annotated[float, Number("give a weight", at_least=0, at_most=100)] | None = Field(
        default=None, description="the weight of the last term of the loss, equation (4)"
    )
    checkpoint_steps: (
        Annotated[int, Number("give a number of steps", at_least=1, at_most=100_000, whole=True)] | None
    ) = Field(
        default=None, description="the steps between two checkpoints: a sender that dies loses no more than these"
    )
    pilots: Annotated[int, Number("give a number of pilots", at_least=1, at_most=10_000_000, whole=True)] | None = (
        Field(
            default=None,
            description="the number of known indices by which the sender measures the crossover probability",
        )
    )
    seed: Annotated[int, Number("give a seed", at_least=0, at_most=2**63 - 1, whole=True)] = Field(
        default=0, description="the seed of the training's own draws"
    )
    classifier: bool = Field(default=False, description="whether the receiver's classifier is downloaded too")
    shared: bool = Field(
        default=False,
        description="whether the new decoder is for all of the receiver's sessions of the codec. For this one alone "
        "without",
    )
    compute: Literal["none", "measured", "flops"] = Field(
        default="flops",
        description="the part of training in model time: none, the wall time that it took (measured), or its "
        "floating-point operations at flops_per_s",
    )
    flops_per_s: Annotated[float, Number("give operations per second", above=0, at_most=1e21)] = Field(
        default=3e13, description="the stated speed of the sender in floating-point operations/s; the paper's without"
    )

    @model_validator(mode="after")
    def _each_in_turn(self) -> Self:
        if self.mode == "multicast":
            raise fault("mode is multicast, but each receiver has a decoder of its own; leave mode out")
        return self


STEP_KINDS: dict[str, type[Step]] = {
    kind.kind: kind for kind in (Transmit, SetLink, Wait, Replan, Adapt, RollBack, Align, Equip, Distill)
}
"""The kinds of step. A new one is a model here, and what the controller does for it."""


@lru_cache
def _step_adapter(kind: str) -> TypeAdapter[dict[str, Step]]:
    annotation: Any = dict[str, STEP_KINDS[kind]]  # type: ignore[valid-type]
    return TypeAdapter(annotation)


def _read_step(value: Any) -> Step:
    if isinstance(value, Step):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        got = f"a mapping of {len(value)} keys" if isinstance(value, dict) else shown(value)
        raise fault(
            f"must be a mapping with one key, the kind of step ({', '.join(STEP_KINDS)}), got {got}; {_ONE_STEP}"
        )
    (kind,) = value
    if kind not in STEP_KINDS:
        raise fault(f"unknown kind of step {shown(kind)}; {nearest(kind, STEP_KINDS)}")
    (step,) = _step_adapter(kind).validate_python(value).values()
    return step


_ONE_STEP = "write for example {transmit: {to: all}}"
AnyStep = Annotated[Step, PlainValidator(_read_step)]
