"""What the emulator and the optimizer are told about a scenario."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from edge.v1 import packet_pb2
from emulator.bearers import shipped_mappers
from emulator.link_config import LinkConfig
from emulator.topology import SetLink, load, loads
from emulator.topology.asking import plan_request
from emulator.topology.lowering import PlannedRadio, link_change, topology, uncoded_ber
from emulator.v1 import control_pb2
from optimizer.v1 import planner_pb2

FULL = """
version: 1
name: full
seed: 11
clock: scaled:0.25
nodes: {tx: {role: tx}, mid: {role: relay}, rx: {role: rx, codec: {name: raw}}}
levels:
  rule: {geometric: {count: 10, worst: 0.4, best: 0.001, erasure: 0.1}}
links:
  - name: wire
    from: tx
    to: mid
    rate_bps: 2e6
    symbol_rate_hz: 1e6
    delay_s: 0.02
    jitter_s: 0.001
    queue_bytes: 4096
    queue_policy: drop
    loss: {gilbert_elliott: {good_to_bad: 0.1, bad_to_good: 0.5, loss_good: 0.01}}
    levels: [{ber: 0.1, erasure: 0.2}, {on_failure: drop}, {on_failure: retransmit, max_retransmissions: 3}]
    header_bits: 64
  - name: air
    from: mid
    to: [rx, tx]
    radio: {bandwidth_hz: 1e6, power_w: 2, gain: 1e-12, noise_w_per_hz: 4e-21}
    loss: {independent: 0.05}
    levels: rule
    bearers:
      bits: {qam: {order: 16}}
      indices: {dmc: 0.25}
      symbols: {rician: {k_factor: 4, coherence: packet}}
workload:
  - set_link: {link: air, radio: {power_w: 4}}
  - set_link: {link: wire, rate_bps: 1e3, delay_s: 0, levels: [{ber: 0.5}]}
  - set_link: {link: air, radio: {distance_m: 100}, loss: {independent: 0}, bearers: {symbols: {awgn: 3}}}
"""


def test_everything_about_a_wire_is_told() -> None:
    message = topology(loads(FULL))
    assert (message.name, message.seed, list(message.nodes)) == ("full", 11, ["tx", "mid", "rx"])
    assert (message.clock.mode, message.clock.factor) == (control_pb2.CLOCK_MODE_SCALED, 0.25)
    wire = message.links[0]
    assert (wire.name, wire.source, list(wire.destinations)) == ("wire", "tx", ["mid"])
    assert (wire.rate.fixed.rate_bps, wire.rate.fixed.symbol_rate_hz) == (2e6, 1e6)
    assert (wire.delay_s, wire.jitter_s, wire.queue_bytes, wire.header_bits) == (0.02, 0.001, 4096, 64)
    assert wire.queue_policy == control_pb2.QUEUE_POLICY_DROP
    chain = wire.loss.gilbert_elliott
    assert (chain.good_to_bad, chain.bad_to_good, chain.loss_good, chain.loss_bad) == (0.1, 0.5, 0.01, 1.0)
    assert [(level.ber, level.erasure, level.on_failure, level.max_retransmissions) for level in wire.levels] == [
        (0.1, 0.2, control_pb2.FAILURE_POLICY_DELIVER, 0),
        (0.0, 0.0, control_pb2.FAILURE_POLICY_DROP, 0),
        (0.0, 0.0, control_pb2.FAILURE_POLICY_RETRANSMIT, 3),
    ]


def test_everything_about_a_radio_is_told() -> None:
    air = topology(loads(FULL)).links[1]
    assert list(air.destinations) == ["rx", "tx"]
    radio = air.rate.radio
    assert (radio.bandwidth_hz, radio.power_w, radio.gain, radio.noise_w_per_hz) == (1e6, 2.0, 1e-12, 4e-21)
    assert air.queue_policy == control_pb2.QUEUE_POLICY_BLOCK
    assert air.loss.independent.probability == 0.05
    # Split DeepJSCC, eq. (17): a fixed ratio between neighbours, the worst first
    bers = [level.ber for level in air.levels]
    assert bers == pytest.approx([0.4 / 400 ** (i / 9) for i in range(10)], rel=1e-12)
    assert {level.erasure for level in air.levels} == {0.1}
    qam, dmc, symbols = air.bearers
    assert qam.uncoded_qam.order == 16
    assert not qam.uncoded_qam.HasField("snr_db")
    assert dmc.index_channel.crossover_probability == 0.25
    fading = symbols.analog_symbols.fading
    assert (fading.model, fading.k_factor) == (control_pb2.FADING_MODEL_RICIAN, 4.0)
    assert fading.coherence == control_pb2.COHERENCE_PACKET
    assert not symbols.analog_symbols.HasField("snr_db")


@pytest.mark.parametrize(
    ("bearers", "expected"),
    [
        ("{}", ["leveled_bits", "index_channel"]),
        ("{indices: levels}", ["leveled_bits"]),
        ("{bits: ideal}", []),
        ("{indices: {dmc: 0.1}}", ["leveled_bits", "index_channel"]),
        ("{bits: {qam: {order: 4, snr_db: 3}}}", ["uncoded_qam", "index_channel"]),
        ("{bits: {qam: {order: 4, snr_db: 3}}, indices: {qam: {order: 4, snr_db: 3}}}", ["uncoded_qam"]),
        ("{bits: {ldpc: {snr_db: 3}}}", ["ldpc_qam"]),
        ("{bits: ideal, indices: {ldpc: {snr_db: 3}}, opaque: {ldpc: {snr_db: 3}}}", ["ldpc_qam", "ldpc_qam"]),
        (
            "{bits: {qam: {order: 4, snr_db: 3}}, indices: {ldpc: {snr_db: 3}}}",
            ["uncoded_qam", "ldpc_qam"],
        ),
        ("{symbols: {rayleigh: {snr_db: 5}}}", ["leveled_bits", "index_channel", "analog_symbols"]),
    ],
)
def test_later_bearers_win_so_indices_follow_bits_only_when_asked(bearers: str, expected: list[str]) -> None:
    (link,) = load("quickstart", [f"links.0.bearers={bearers}"]).to_proto().links
    assert [bearer.WhichOneof("bearer") for bearer in link.bearers] == expected
    if "index_channel" in expected and "dmc" not in bearers:
        assert link.bearers[1].index_channel.crossover_probability == 0.0


def test_a_code_becomes_one_level_several_or_the_tables_choice() -> None:
    def lowered(ldpc: str) -> control_pb2.LdpcQam:
        (link,) = load("quickstart", [f"links.0.bearers={{opaque: {{ldpc: {ldpc}}}}}"]).to_proto().links
        assert LinkConfig.from_proto(link).modulates
        return next(bearer.ldpc_qam for bearer in link.bearers if bearer.HasField("ldpc_qam"))

    best = lowered("{snr_db: 4}")
    assert (list(best.kinds), list(best.levels), best.snr_db) == ([packet_pb2.SEGMENT_KIND_OPAQUE], [], 4)
    one = lowered("{snr_db: 4, order: 16, code_rate: 0.75, block_bits: 1000}")
    assert [(level.order, level.code_rate) for level in one.levels] == [(16, 0.75)]
    assert one.block_bits == 1000
    two = lowered("{snr_db: 4, levels: [{order: 64, code_rate: 0.5}, {order: 4, code_rate: 0.2}]}")
    assert [(level.order, level.code_rate) for level in two.levels] == [(64, 0.5), (4, 0.2)]


def test_bearers_of_whole_messages_are_told_with_the_file_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lowered(bits: str) -> control_pb2.Bearer:
        radio = "links.air.radio={bandwidth_hz: 1e6, power_w: 2, gain: 1e-12}"
        lossless = ["links.air.loss={independent: 0}", "links.air.levels=[{ber: 0.1}]"]
        link = loads(FULL, [f"links.air.bearers={{bits: {{{bits}}}}}", radio, *lossless]).to_proto().links[1]
        assert LinkConfig.from_proto(link).modulates
        (bearer,) = link.bearers
        return bearer

    (tmp_path / "mapper-k128-snr0.safetensors").touch()
    monkeypatch.setattr(shipped_mappers, "folder", lambda: tmp_path)
    mapper = lowered("learned: {symbols: 128, trained_snr_db: 0, snr_db: 3, collect_s: 0.5}").learned_mapper
    assert (mapper.weights, mapper.snr_db, mapper.collect_s) == ("mapper-k128-snr0", 3.0, 0.5)
    monkeypatch.chdir(tmp_path)
    mapper = lowered("learned: {weights: mapper-k128-snr0.safetensors, snr_db: from_radio}").learned_mapper
    assert mapper.weights == str(tmp_path / "mapper-k128-snr0.safetensors")
    assert not mapper.HasField("snr_db")
    unequal = lowered("unequal: {symbols: 64, snr_db: -2}").unequal_protection
    assert (unequal.symbols, unequal.snr_db, unequal.collect_s) == (64, -2.0, 0.1)


def test_a_step_back_to_ideal_bits_replaces_the_bearer_that_was_there() -> None:
    scenario = load("quickstart")
    name = scenario.links[0].name
    step = SetLink.model_validate({"link": name, "bearers": {"bits": "ideal"}})
    (bearer,) = link_change(scenario, step, scenario.to_proto().links[0]).bearers
    assert bearer.WhichOneof("bearer") == "leveled_bits"


def test_the_emulator_accepts_what_it_is_told() -> None:
    for scenario in (loads(FULL), load("quickstart"), load("ftsc-downlink")):
        for link in scenario.to_proto().links:
            assert LinkConfig.from_proto(link).name == link.name


def test_planned_links_have_equal_shares_until_the_plan_is_there() -> None:
    scenario = load("ftsc-downlink", ["links.radio2.radio={bandwidth_hz: 7, power_w: 3, gain: 1e-6}"])
    before = [link.rate.radio for link in scenario.to_proto().links]
    assert [radio.bandwidth_hz for radio in before] == [1000, 7, 1000, 1000, 1000]
    assert [radio.power_w for radio in before] == [10, 3, 10, 10, 10]
    after = scenario.to_proto({"radio2": PlannedRadio(bandwidth_hz=900, power_w=1.5, gain=2e-8)}).links
    planned = after[1].rate.radio
    assert (planned.bandwidth_hz, planned.power_w, planned.gain, planned.noise_w_per_hz) == (900, 1.5, 2e-8, 3.98e-21)
    assert [link.rate.radio for link in after[2:]] == before[2:]


def test_levels_from_the_plan_are_uncoded_qpsk_at_the_planned_snr() -> None:
    scenario = load("ftsc-downlink", ["links.radio1.levels=from_plan"])
    radio = PlannedRadio(bandwidth_hz=1000, power_w=4 * 3.98e-18 / 1e-9, gain=1e-9)  # Es/N0 = 4
    (level,) = scenario.to_proto({"radio1": radio}).links[0].levels
    # Q(2), from tables
    assert level.ber == pytest.approx(0.022750, abs=1e-6)
    none = control_pb2.RadioRate(bandwidth_hz=1, power_w=1e-30, gain=1e-12, noise_w_per_hz=1)
    assert uncoded_ber(none) == pytest.approx(0.5)


def test_changes_of_a_link_build_on_the_link_as_it_is() -> None:
    scenario = loads(FULL)
    wire, air = topology(scenario).links
    louder, slower, nearer = scenario.workload
    assert isinstance(louder, SetLink)
    assert isinstance(slower, SetLink)
    assert isinstance(nearer, SetLink)

    request = link_change(scenario, louder, air)
    assert request.name == "air"
    assert (request.rate.radio.power_w, request.rate.radio.bandwidth_hz, request.rate.radio.gain) == (4, 1e6, 1e-12)
    assert not request.HasField("delay_s")
    assert not request.HasField("loss")
    assert not request.levels
    assert not request.bearers

    request = link_change(scenario, slower, wire)
    assert (request.rate.fixed.rate_bps, request.rate.fixed.symbol_rate_hz) == (1e3, 1e6)
    assert request.HasField("delay_s")
    assert request.delay_s == 0
    assert [level.ber for level in request.levels] == [0.5]

    air.rate.radio.power_w = 4  # as the first change left it
    request = link_change(scenario, nearer, air)
    assert request.rate.radio.gain == pytest.approx(1e-7)
    assert request.rate.radio.power_w == 4
    assert request.loss.independent.probability == 0
    assert request.HasField("loss")
    assert [bearer.WhichOneof("bearer") for bearer in request.bearers][-1] == "analog_symbols"
    assert request.bearers[-1].analog_symbols.snr_db == 3


def test_the_optimizer_is_asked_with_every_key() -> None:
    settings = [
        "resources={preset: tradeoff, noise_w_per_hz: 4e-21, image: {height: 64, width: 32}, distances: {max_m: 10},"
        " weights: {quality: 1, delay: 2, energy: 3},"
        " quality: {points: [{rho: 0.1, psnr_db: 30}, {rho: 0.2, psnr_db: 33}]},"
        " compute: {kernel_size: 3, channels: 8, frequency_hz: 1e6, passes: 2},"
        " fading: {rician_k: 0, reference_gain: 0.1}}",
        "plan={solver: algorithm1-joint, scale: 8, deadline_s: 4, spectral_efficiency_cap: 12, aggregate: mean}",
        "nodes.rx1.gain=1e-7",
        "links.radio2.radio={distance_m: 30}",
    ]
    request = plan_request(load("ftsc-downlink", settings))
    assert request.preset == planner_pb2.PRESET_TRADEOFF
    assert [receiver.name for receiver in request.receivers] == ["rx1", "rx2", "rx3", "rx4", "rx5"]
    assert request.receivers[0].gain == 1e-7
    assert request.receivers[1].distance_m == 30
    assert all(1 <= receiver.distance_m <= 10 for receiver in request.receivers[2:])
    assert (request.bandwidth_hz, request.power_w, request.noise_density_w_per_hz) == (1500, 50, 4e-21)
    weights = request.weights
    assert (weights.quality_per_db, weights.delay_per_s, weights.energy_per_j) == (1, 2, 3)
    assert (request.image.height_pixels, request.image.width_pixels) == (64, 32)
    compute = request.compute
    assert (compute.vqvae2.kernel_size_pixels, compute.vqvae2.channels) == (3, 8)
    assert (compute.frequency_hz, compute.energy_coefficient_j_s2, compute.passes) == (1e6, 1e-28, 2)
    assert [(point.rho, point.psnr_db) for point in request.quality.measured.points] == [(0.1, 30), (0.2, 33)]
    assert (request.channel.rician_k, request.channel.reference_gain, request.channel.path_loss_exponent) == (0, 0.1, 2)
    assert request.aggregate == planner_pb2.QUALITY_AGGREGATE_MEAN
    assert (request.scale, list(request.scales)) == (8, [])
    assert (request.deadline_s, request.spectral_efficiency_cap_bps_per_hz) == (4, 12)
    assert (request.seed, request.solver) == (7, planner_pb2.SOLVER_ALGORITHM1_JOINT)


def test_auto_scale_asks_for_one_of_the_codecs_rates() -> None:
    request = plan_request(load("ftsc-downlink"))
    assert list(request.scales) == [2, 4, 8, 16]
    assert not request.HasField("scale")
    assert not request.HasField("deadline_s")
    assert [point.rho for point in request.quality.measured.points] == [0.1171875 / 4**i for i in (3, 2, 1, 0)]
    paper = plan_request(load("ftsc-downlink", ["resources.quality=ffhq-ideal"])).quality
    assert paper.preset == planner_pb2.QUALITY_PRESET_FFHQ_IDEAL
    line = plan_request(load("ftsc-downlink", ["resources.quality={intercept_db: 40, slope_db: 3}"])).quality.line
    assert (line.intercept_db, line.slope_db) == (40, 3)
    with pytest.raises(ValueError, match="quickstart has no plan"):
        plan_request(load("quickstart"))


def test_the_equal_share_radio_has_the_shannon_rate_of_its_numbers() -> None:
    link = load("ftsc-downlink").to_proto().links[0]
    radio, config = link.rate.radio, LinkConfig.from_proto(link)
    snr = radio.power_w * radio.gain / (radio.noise_w_per_hz * radio.bandwidth_hz)
    assert config.rate.bits_per_s == pytest.approx(1000 * math.log2(1 + snr))
