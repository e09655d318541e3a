"""Topology files: what a good one becomes, the scenarios that ship, overrides."""

from __future__ import annotations

import pytest

from emulator.topology import (
    CodecChoice,
    Scenario,
    SetLink,
    TopologyError,
    Transmit,
    Wait,
    link_gain,
    load,
    loads,
    names,
    paths,
    planned_links,
    position,
    receiver_codec,
    receivers,
    sender_codec,
    senders,
    told_snr_db,
    transmit_destinations,
    transmit_source,
)
from emulator.topology.placement import draw_distance_m

CHAIN = """
version: 1
name: chain
nodes:
  server: {role: tx}
  core: {role: relay}
  bs: {role: relay}
  rx1: &device {role: rx, codec: {name: vqvae2, scale: 4, weights: mine, fast: true, gain: 1e-3}}
  rx2: {<<: *device, distance_m: 80}
links:
  - {name: slow, from: server, to: rx1, rate_bps: 1000}
  - {name: backhaul, from: server, to: core, rate_bps: 1e6}
  - {name: spare, from: server, to: core, rate_bps: 1e6}
  - {name: fibre, from: core, to: [bs], rate_bps: 1e6}
  - {name: air, from: bs, to: [rx1, rx2], rate_bps: 1e5, delay_s: 0.01}
  - {name: back, from: bs, to: core}
paths:
  - {from: server, to: rx2, links: [backhaul, fibre, air]}
workload:
  - transmit: {}
  - wait: {model_s: 2.5}
  - set_link: {link: air, delay_s: 0.2}
  - transmit: {to: rx2, images: 2, crop: null, mode: multicast}
"""


def test_shipped_scenarios_are_valid() -> None:
    assert {"ftsc-downlink", "quickstart"} <= set(names())
    for name in names():
        scenario = load(name)
        assert scenario.name == name
        assert scenario.description
        assert scenario.file is not None
        assert scenario.workload


def test_quickstart_is_what_the_readme_says() -> None:
    scenario = load("quickstart")
    assert {name: node.role for name, node in scenario.nodes.items()} == {"tx": "tx", "rx": "rx"}
    (link,) = scenario.links
    assert (link.rate_bps, link.delay_s) == (200_000.0, 0.02)
    assert link.bearers.indices.dmc == 1e-3  # type: ignore[union-attr]
    assert receiver_codec(scenario, "rx") == CodecChoice("vqvae2", {"scale": "4"})
    (step,) = scenario.workload
    assert isinstance(step, Transmit)
    assert (step.images, step.crop) == (4, 256)


def test_ftsc_downlink_has_the_papers_resources() -> None:
    scenario = load("ftsc-downlink")
    assert senders(scenario) == ["bs"]
    assert receivers(scenario) == ["rx1", "rx2", "rx3", "rx4", "rx5"]
    resources = scenario.resources
    assert (resources.total_bandwidth_hz, resources.total_power_w) == (5000.0, 50.0)
    assert resources.noise_w_per_hz == 3.98e-21
    assert resources.energy_coefficient == 1e-38
    assert [link.destinations for link in planned_links(scenario)] == [[name] for name in receivers(scenario)]


def test_names_codecs_and_steps_are_resolved() -> None:
    scenario = loads(CHAIN)
    first, wait, change, last = scenario.workload
    assert isinstance(first, Transmit)
    assert isinstance(wait, Wait)
    assert isinstance(change, SetLink)
    assert isinstance(last, Transmit)
    assert transmit_source(scenario, first) == "server"
    assert transmit_destinations(scenario, first) == ["rx1", "rx2"]
    assert transmit_destinations(scenario, last) == ["rx2"]
    assert last.crop is None
    assert wait.model_s == 2.5
    # a node's own option may have any name; it travels as text, and a planned scale replaces the file's
    options = {"scale": "4", "weights": "mine", "fast": "true", "gain": "0.001"}
    assert receiver_codec(scenario, "rx1") == CodecChoice("vqvae2", options)
    assert receiver_codec(scenario, "rx2", scale=16).options == {**options, "scale": "16"}
    assert sender_codec(scenario, "server", ["rx1"], scale=2).options["scale"] == "2"


def test_a_sender_with_a_codec_of_its_own_keeps_it_and_a_codec_without_scale_gets_none() -> None:
    text = CHAIN.replace("server: {role: tx}", "server: {role: tx, codec: {name: raw}}")
    assert sender_codec(loads(text), "server", ["rx1"], scale=2) == CodecChoice("raw", {})
    with pytest.raises(ValueError, match="core has no codec"):
        receiver_codec(loads(text), "core")


def test_receivers_of_one_multicast_may_run_other_decoders_and_the_sender_is_told_the_weakest_snr() -> None:
    codec = "codec: {name: swin, weights: mine, decoder: high, snr_db: 7}"
    text = (
        f"version: 1\nname: s\nnodes:\n  bs: {{role: tx}}\n  near: {{role: rx, {codec}}}\n"
        f"  far: {{role: rx, {codec.replace('high', 'low').replace('7', '1.5')}}}\n"
        "links: [{name: air, from: bs, to: [near, far], rate_bps: 1e6}]\nworkload: [{transmit: {mode: multicast}}]\n"
    )
    scenario = loads(text)
    ends = ["near", "far"]
    assert sender_codec(scenario, "bs", ends) == CodecChoice("swin", {"weights": "mine", "snr_db": "1.5"})
    assert sender_codec(scenario, "bs", ["near"]).options["snr_db"] == "7"
    assert [told_snr_db(scenario, name) for name in ("near", "far", "bs")] == [7, 1.5, None]
    untold = loads(text.replace(", snr_db: 7", "").replace(", snr_db: 1.5", ""))
    assert sender_codec(untold, "bs", ends) == CodecChoice("swin", {"weights": "mine"})
    own = loads(text.replace("bs: {role: tx}", "bs: {role: tx, codec: {name: swin, snr_db: 4}}"))
    assert sender_codec(own, "bs", ends).options == {"snr_db": "4"}
    with pytest.raises(TopologyError, match="multicast needs one codec, but near and far differ"):
        loads(text.replace("swin", "deepjscc"))


def test_a_merged_template_keeps_what_the_node_says_itself() -> None:
    scenario = loads(CHAIN)
    assert scenario.nodes["rx1"].distance_m is None
    assert scenario.nodes["rx2"].distance_m == 80
    assert scenario.nodes["rx2"].codec == scenario.nodes["rx1"].codec


def test_paths_take_the_fewest_links_then_the_first_listed() -> None:
    scenario = loads(CHAIN)
    assert [link.name for link in paths(scenario, "server", "rx1")] == ["slow"]
    assert [link.name for link in paths(scenario, "server", "rx2")] == ["backhaul", "fibre", "air"]
    assert paths(scenario, "bs", "bs") == []
    with pytest.raises(ValueError, match="no links lead from rx1 to server"):
        paths(scenario, "rx1", "server")


def distances(scenario: Scenario) -> list[float | None]:
    return [position(scenario, link).distance_m for link in scenario.links]


def test_distances_depend_on_seed_and_name_only() -> None:
    first, second = load("ftsc-downlink"), load("ftsc-downlink", seed=8)
    drawn = distances(first)
    assert all(d is not None and 1 <= d <= 1000 for d in drawn)
    assert len(set(drawn)) == 5
    assert drawn != distances(second)
    fewer = load("ftsc-downlink", ["nodes.rx1.distance_m=5", "nodes.rx2.gain=1e-9"])
    assert distances(fewer) == [5, None, *drawn[2:]]


def test_drawn_distances_are_uniform() -> None:
    scenario = load("ftsc-downlink")
    drawn = [draw_distance_m(scenario, f"rx{i}") for i in range(4000)]
    # mean of n uniforms on [1, 1000]: standard deviation 999 / sqrt(12 n); 4 sigma
    assert abs(sum(drawn) / len(drawn) - 500.5) < 4 * 999 / (12 * len(drawn)) ** 0.5


def test_gain_comes_from_the_link_then_its_end_then_its_start_then_a_draw() -> None:
    settings = ["nodes.rx1.distance_m=10", "links.radio2.radio={gain: 2e-7}", "links.radio3.radio={distance_m: 100}"]
    scenario = load("ftsc-downlink", [*settings, "nodes.bs.gain=1e-5"])
    gains = [link_gain(scenario, link) for link in scenario.links]
    # 1e-3 at 1 m, falling with the square of the distance
    assert gains == pytest.approx([1e-5, 2e-7, 1e-7, 1e-5, 1e-5], rel=1e-12)
    drawn = load("ftsc-downlink", ["resources.fading.path_loss_exponent=3"])
    place = position(drawn, drawn.links[4])
    assert place.distance_m == draw_distance_m(drawn, "rx5")
    assert link_gain(drawn, drawn.links[4]) == pytest.approx(1e-3 * (place.distance_m or 0) ** -3)


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("plan.scale=2", lambda s: s.plan.scale == 2),
        ("links.0.delay_s=0.1", lambda s: s.links[0].delay_s == 0.1),
        ("links.radio3.delay_s=1e-3", lambda s: s.links[2].delay_s == 1e-3),
        ("clock=scaled:0.5", lambda s: str(s.clock) == "scaled:0.5"),
        ("resources.image={height: 64, width: 32}", lambda s: s.resources.image.width == 32),
        ("resources.weights.delay=0", lambda s: s.resources.weights.delay == 0),
        ("processes.restart=0", lambda s: s.processes.restart == 0),
        ("nodes.rx2.codec.scale=8", lambda s: receiver_codec(s, "rx2").options["scale"] == "8"),
        ("plan.links=[radio1]", lambda s: [link.name for link in planned_links(s)] == ["radio1"]),
        ("description=a=b", lambda s: s.description == "a=b"),
    ],
)
def test_overrides_change_one_value(setting: str, read: object) -> None:
    settings = [setting]
    if setting.startswith("plan.links"):  # the others then need numbers of their own
        settings += [f"links.radio{i}.radio={{bandwidth_hz: 1e3, power_w: 1}}" for i in range(2, 6)]
    assert read(load("ftsc-downlink", settings))  # type: ignore[operator]


def test_an_override_of_one_aliased_node_leaves_the_others() -> None:
    scenario = load("ftsc-downlink", ["nodes.rx2.codec.scale=8"])
    assert receiver_codec(scenario, "rx3").options["scale"] == "4"


def test_later_overrides_win_and_may_drop_the_plan() -> None:
    assert load("quickstart", ["seed=1", "seed=2"]).seed == 2
    assert load("quickstart", ["seed=1"], seed=3, clock="real").seed == 3
    settings = [f"links.{i}.radio={{bandwidth_hz: 1e3, power_w: 1}}" for i in range(5)]
    assert load("ftsc-downlink", ["plan=null", *settings]).plan is None


def test_digest_names_the_scenario_with_its_overrides() -> None:
    assert load("quickstart").digest == load("quickstart").digest
    assert load("quickstart").digest != load("quickstart", ["seed=9"]).digest
    assert load("quickstart", ["seed=9"]).digest == load("quickstart", seed=9).digest
    assert len(load("quickstart").digest) == 64


def test_yaml_scalars_are_those_of_the_core_schema() -> None:
    text = CHAIN.replace("name: chain", "name: no").replace("weights: mine", "weights: 2001-01-01, on: yes, n: 0x10")
    scenario = loads(text)
    assert scenario.name == "no"
    assert receiver_codec(scenario, "rx1").options["weights"] == "2001-01-01"
    assert receiver_codec(scenario, "rx1").options["on"] == "yes"
    assert receiver_codec(scenario, "rx1").options["n"] == "16"


def test_twenty_receivers_from_one_template() -> None:
    nodes = "".join(f"  rx{i}: *device\n" for i in range(2, 21))
    links = "".join(f"  - {{name: l{i}, from: tx, to: rx{i}, rate_bps: 1e5}}\n" for i in range(1, 21))
    head = "version: 1\nname: many\nnodes:\n  tx: {role: tx}\n  rx1: &device {role: rx, codec: {name: raw}}\n"
    scenario = loads(f"{head}{nodes}links:\n{links}workload: [{{transmit: {{}}}}]\n")
    assert len(receivers(scenario)) == 20


def test_a_scenario_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load("quickstart").seed = 5  # type: ignore[misc]


def test_str_of_the_error_is_one_line_a_fault() -> None:
    with pytest.raises(TopologyError) as caught:
        loads("version: 2\nname: a b\n", label="x.yaml")
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    assert len(caught.value.faults) == 4
