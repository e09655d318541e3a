"""What a step's counters say of the bearers that carried its bits, and what processes say of the networks they hold,
put into the report. Pure bookkeeping, no RPC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge.v1 import node_pb2, packet_pb2
from emulator.link_config import LinkConfig
from emulator.report.schema import NOT_SENT, BearerReport, HoldingReport, LevelUse, SeparationReport
from emulator.route import shortest_path
from emulator.sessions import Session
from emulator.v1 import control_pb2

EMULATOR = "emulator"
BEARERS = ("emulator.bearers.",)
CODECS = ("edge.codecs.", "edge.train.", "edge.adapt.")

Counters = Sequence[control_pb2.LinkCounters]
Levels = Mapping[int, control_pb2.LevelCounters]


@dataclass(frozen=True)
class StepWatched:
    """A transmit step, and the network around it. pictures: sent on each session; links: as they were; before, after:
    their counters; bearers: what the emulator said of those that take whole messages."""

    step: int
    sessions: Sequence[Session]
    pictures: int
    links: Sequence[control_pb2.Link]
    before: Counters
    after: Counters
    bearers: control_pb2.DescribeBearersResponse


# --- bearers ----------------------------------------------------------------------------------------------------------


def bearer_reports(watched: StepWatched) -> list[BearerReport]:
    """One entry a link (and end of it) that carried pictures of the step."""
    configs = [LinkConfig.from_proto(link) for link in watched.links]
    crossing: dict[tuple[str, str], dict[str, Session]] = {}  # by link and its end: the session to each receiver
    for session in watched.sessions:
        for receiver in session.destinations:
            for place in shortest_path(configs, session.source, receiver):
                crossing.setdefault(place, {})[receiver] = session
    by_name = {config.name: config for config in configs}
    return [_bearer_report(watched, by_name[link], end, to) for (link, end), to in crossing.items()]


def where_bits_meet_anything(rows: Sequence[BearerReport]) -> list[BearerReport]:
    """Without the links that carried everything as it was, in every step."""
    eventful = {
        row.link
        for row in rows
        if row.bearer != "ideal" or any(use.bit_errors or use.packets_lost for use in row.levels)
    }
    return [row for row in rows if row.link in eventful]


def _bearer_report(watched: StepWatched, config: LinkConfig, end: str, to: Mapping[str, Session]) -> BearerReport:
    carried = bits_bearer(config)
    entry = BearerReport(
        step=watched.step,
        link=config.name,
        destination=end,
        receivers=list(to),
        bearer=carried.name,
        detail=carried.detail,
        symbols=carried.symbols,
        snr_db=carried.snr_db,
    )
    told = next((each for each in watched.bearers.links if each.link == config.name), control_pb2.LinkBearer())
    schemes: dict[int, str] = {}
    if told.HasField("learned_mapper") and entry.bearer == "learned":
        mapper = told.learned_mapper
        entry.detail, entry.symbols, entry.trained_snr_db = mapper.weights, mapper.symbols, mapper.trained_snr_db
        entry.snr_db = told.snr_db
    if told.HasField("unequal_protection") and entry.bearer == "unequal":
        entry.snr_db = told.snr_db
        if told.unequal_protection.messages:
            chosen = told.unequal_protection.messages[-1].levels
            schemes = {level.level: scheme(level.order, level.code_rate) for level in chosen}
    counted = _between(watched.before, watched.after, config.name, end)
    whole = entry.bearer in ("learned", "unequal")  # these count only bits that went over
    entry.levels = [
        LevelUse(
            level=number,
            ber_asked=_asked(to.values(), number),
            ber_measured=_measured(level, 1.0 if whole else 1 - level.packets_lost / (level.packets or 1)),
            scheme=schemes.get(number, ""),
            size_bits=level.size_bits,
            bit_errors=level.bit_errors,
            packets=level.packets,
            packets_lost=level.packets_lost,
            packets_filled=level.packets_filled,
        )
        for number, level in sorted(counted.items())
    ]
    uses = sum(level.channel_uses for level in counted.values())
    messages = watched.pictures * len({session.name for session in to.values()})
    entry.channel_uses = uses / messages if uses and messages else None
    return entry


@dataclass(frozen=True)
class BitsBearer:
    """What carries BITS on a link; see the fields of BearerReport."""

    name: str
    detail: str = ""
    symbols: int | None = None
    snr_db: float | None = None


def bits_bearer(config: LinkConfig) -> BitsBearer:
    """The bearer that a link's configuration gives to BITS."""
    for choice in reversed(config.proto.bearers):  # later ones win
        kind = choice.WhichOneof("bearer")
        if kind == "leveled_bits":
            break
        if kind == "uncoded_qam":
            return BitsBearer("qam", scheme(choice.uncoded_qam.order), snr_db=_snr_db(config, choice.uncoded_qam))
        if kind == "ldpc_qam" and packet_pb2.SEGMENT_KIND_BITS in choice.ldpc_qam.kinds:
            return BitsBearer("ldpc", _coded(choice.ldpc_qam), snr_db=_snr_db(config, choice.ldpc_qam))
        if kind == "learned_mapper":
            mapper = choice.learned_mapper
            return BitsBearer("learned", mapper.weights.rpartition("/")[2], snr_db=_snr_db(config, mapper))
        if kind == "unequal_protection":
            unequal = choice.unequal_protection
            return BitsBearer("unequal", symbols=unequal.symbols, snr_db=_snr_db(config, unequal))
    return BitsBearer("levels" if any(level.ber for level in config.proto.levels) else "ideal")


def _snr_db(
    config: LinkConfig,
    bearer: control_pb2.UncodedQam | control_pb2.LdpcQam | control_pb2.LearnedMapper | control_pb2.UnequalProtection,
) -> float | None:
    return bearer.snr_db if bearer.HasField("snr_db") else config.rate.es_n0_db


def _coded(coded: control_pb2.LdpcQam) -> str:
    schemes = dict.fromkeys(scheme(level.order, level.code_rate) for level in coded.levels if level.order)
    return ", ".join(schemes) or "the best at the SNR"


def scheme(order: int, code_rate: float = 0.0) -> str:
    """A modulation and a code rate in words. order 0: nothing is sent; code_rate 0: uncoded."""
    if not order:
        return NOT_SENT
    name = "QPSK" if order == 4 else f"{order}-QAM"
    return f"{name}, rate {code_rate:.3g}" if code_rate else f"{name}, uncoded"


def _between(before: Counters, after: Counters, link: str, end: str) -> dict[int, control_pb2.LevelCounters]:
    """What was counted in between, by level. A new emulator process counts from zero."""
    first, last = _levels(before, link, end), _levels(after, link, end)
    counted = {}
    for number, now in last.items():
        then = first.get(number, control_pb2.LevelCounters())
        if now.packets < then.packets:
            then = control_pb2.LevelCounters()
        difference = control_pb2.LevelCounters(level=number)
        for field in ("packets", "packets_lost", "packets_filled", "size_bits", "channel_uses", "bit_errors"):
            setattr(difference, field, max(0, getattr(now, field) - getattr(then, field)))
        if difference.packets or difference.packets_filled:
            counted[number] = difference
    return counted


def _levels(counters: Counters, link: str, end: str) -> Levels:
    row = next((row for row in counters if (row.link, row.destination) == (link, end)), control_pb2.LinkCounters())
    return {level.level: level for level in row.levels}


def _asked(sessions: Iterable[Session], level: int) -> float | None:
    """What the sessions ask of a level, where they ask the same."""
    asked = {session.level_bers[level] if level < len(session.level_bers) else None for session in sessions}
    return asked.pop() if len(asked) == 1 else None


def _measured(level: control_pb2.LevelCounters, delivered: float) -> float | None:
    """Bit errors over bits. delivered: share of the bits that arrived, packets taken as equally long."""
    bits = level.size_bits * delivered
    return level.bit_errors / bits if bits else None


# --- who holds what ---------------------------------------------------------------------------------------------------


def node_holdings(step: int, node: str, described: node_pb2.DescribeResponse) -> list[HoldingReport]:
    """What a node said of the halves of codecs that it holds."""
    return [
        HoldingReport(
            step=step,
            holder=node,
            part="encoder" if described.role == node_pb2.NODE_ROLE_TX else "decoder",
            place=session.session,
            name=session.codec.name,
            digest=session.weights_digest,
            networks=list(described.network_modules),
        )
        for session in described.sessions
    ]


def bearer_holdings(step: int, described: control_pb2.DescribeBearersResponse) -> list[HoldingReport]:
    """What the emulator said of its learned bearers; one entry without a link when it has none."""
    modules = list(described.network_modules)
    found = [
        HoldingReport(
            step=step,
            holder=EMULATOR,
            part="bearer",
            place=each.link,
            name=each.learned_mapper.weights,
            digest=each.learned_mapper.digest,
            trained_for=each.learned_mapper.demapper_digest,
            networks=modules,
        )
        for each in described.links
        if each.HasField("learned_mapper")
    ]
    none = HoldingReport(step=step, holder=EMULATOR, part="bearer", place="", name="", digest="", networks=modules)
    return found or [none]


def separation(holdings: Sequence[HoldingReport]) -> SeparationReport | None:
    """The verdicts over a whole run; None when nobody was asked."""
    if not holdings:
        return None
    halves = [each for each in holdings if each.part != "bearer"]
    learned = [each for each in holdings if each.part == "bearer" and each.digest]
    decoders = {(each.step, each.digest) for each in halves if each.part == "decoder"}
    return SeparationReport(
        holdings=list(holdings),
        codecs_constant=len({(each.holder, each.place) for each in halves}) == len(_told_apart(halves)),
        nodes_without_bearers=not any(_loaded(each.networks, BEARERS) for each in halves),
        emulator_without_codecs=not any(_loaded(each.networks, CODECS) for each in holdings if each.holder == EMULATOR),
        bearers_fit=all((each.step, each.trained_for) in decoders for each in learned) if learned else None,
    )


def _told_apart(halves: Iterable[HoldingReport]) -> set[tuple[str, str, str]]:
    return {(each.holder, each.place, each.digest) for each in halves}


def _loaded(modules: Iterable[str], prefixes: tuple[str, ...]) -> bool:
    return any(module.startswith(prefixes) for module in modules)
