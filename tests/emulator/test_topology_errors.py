"""Every kind of bad topology: one sentence with file, line, key and fix; exit status 2, nothing on standard output."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.bearers import shipped_mappers
from emulator.cli import main
from emulator.topology import TopologyError, load, loads
from emulator.topology.source import MAX_FILE_BYTES

GOOD = """\
version: 1
name: small
nodes:
  tx: {role: tx}
  mid: {role: relay}
  rx: {role: rx, codec: {name: vqvae2, scale: 4}}
levels:
  soft: [{ber: 0.01}]
links:
  - name: first
    from: tx
    to: mid
    rate_bps: 1e6
  - name: last
    from: mid
    to: rx
    radio: {bandwidth_hz: 1e3, power_w: 1, gain: 1e-9}
workload:
  - transmit: {to: all}
"""

# what is replaced, by what, and the whole message
TABLE = [
    (
        "version: 1",
        "version: 2",
        "1: version: must be 1, got 2; give the version of this format",
    ),
    (
        "name: small",
        "name: a/b",
        "2: name: must be a name, got 'a/b'; use letters, digits, '-', '_' and '.', starting with a letter or "
        "digit, 63 at most",
    ),
    (
        "name: small\n",
        "",
        "1: name: is missing; give the scenario's name",
    ),
    (
        "name: small",
        "nmae: small",
        [
            "1: name: is missing; give the scenario's name",
            "2: nmae: unknown key; did you mean name?",
        ],
    ),
    (
        "rate_bps: 1e6",
        "rate_bsp: 1e6",
        "13: links[0].rate_bsp: unknown key; did you mean rate_bps?",
    ),
    (
        "rate_bps: 1e6",
        "rate_bps: -5",
        "13: links[0].rate_bps: must be > 0, got -5; give the link's rate in bit/s",
    ),
    (
        "rate_bps: 1e6",
        "rate_bps: '5'",
        "13: links[0].rate_bps: must be a number > 0, got '5'; give the link's rate in bit/s",
    ),
    (
        "rate_bps: 1e6",
        "rate_bps: .inf",
        "13: links[0].rate_bps: must be a finite number > 0, got inf; give the link's rate in bit/s",
    ),
    (
        "rate_bps: 1e6",
        "delay_s: true",
        "13: links[0].delay_s: must be a number in [0, 1e+09], got true; give a time in seconds",
    ),
    (
        "rate_bps: 1e6",
        "queue_bytes: 1.5",
        "13: links[0].queue_bytes: must be a whole number in [1024, 1000000000000], got 1.5; give a size in bytes",
    ),
    (
        "rate_bps: 1e6",
        "queue_policy: blok",
        "13: links[0].queue_policy: must be 'block' or 'drop', got 'blok'; give what a full queue does",
    ),
    (
        "ber: 0.01",
        "ber: 0.7",
        "8: levels.soft[0].ber: must be in [0, 0.5], got 0.7; give a bit error rate",
    ),
    (
        "ber: 0.01",
        "ber: -0.1",
        "8: levels.soft[0].ber: must be in [0, 0.5], got -0.1; give a bit error rate",
    ),
    (
        "ber: 0.01",
        "ber: .nan",
        "8: levels.soft[0].ber: must be a finite number in [0, 0.5], got nan; give a bit error rate",
    ),
    (
        "[{ber: 0.01}]",
        "[]",
        "8: levels.soft: must have 1 to 256 levels, got 0; list at least one",
    ),
    (
        "[{ber: 0.01}]",
        "{geometric: {worst: 0.1, best: 0.2}}",
        "8: levels.soft.geometric: best (0.2) must not exceed worst (0.1); the first level is the worst",
    ),
    (
        "[{ber: 0.01}]",
        "{geometric: {best: 0}}",
        "8: levels.soft.geometric.best: must be in (0, 0.5], got 0; give a bit error rate",
    ),
    (
        "[{ber: 0.01}]",
        "from_plan",
        "8: levels.soft: from_plan needs a plan; add plan: {} or list the levels",
    ),
    (
        "ber: 0.01",
        "on_failure: drop, max_retransmissions: 3",
        "8: levels.soft[0]: on_failure drop contradicts max_retransmissions 3; give retransmit with 1 or more "
        "tries, or leave max_retransmissions out",
    ),
    (
        "rate_bps: 1e6",
        "levels: sof",
        "13: links[0].levels: sof is not a table of levels; did you mean soft?",
    ),
    (
        "rate_bps: 1e6",
        "levels: 3",
        "13: links[0].levels: must be a list of levels, a geometric rule or from_plan, got 3; write for example "
        "[{ber: 0.01}] or {geometric: {count: 10}}",
    ),
    (
        "rate_bps: 1e6",
        "levels: from_plan",
        "13: links[0].levels: from_plan needs a plan that decides this link; add it to plan.links or list the levels",
    ),
    (
        "    to: mid",
        "    to: midd",
        [
            "12: links[0].to: midd is not a node; did you mean mid?",
            "19: workload[0].transmit.to: no links lead from tx to rx; add a link or leave rx out",
        ],
    ),
    (
        "    to: mid",
        "    to: [mid, mid]",
        "12: links[0].to[1]: mid is listed twice; keep one",
    ),
    (
        "    to: mid",
        "    to: [mid, tx]",
        "12: links[0].to[1]: tx is also where the link begins, a cycle; end it at another node",
    ),
    (
        "    to: mid",
        "    to: []",
        "10: links[0]: to is an empty list; give at least one node where the link ends",
    ),
    (
        "    to: mid\n",
        "",
        "10: links[0].to: is missing; give the node where the link ends, or a list of them",
    ),
    (
        "    from: tx",
        "    from: xyz",
        [
            "11: links[0].from: xyz is not a node; known: mid, rx, tx",
            "19: workload[0].transmit.to: no links lead from tx to rx; add a link or leave rx out",
        ],
    ),
    (
        "name: last",
        "name: first",
        "14: links[1].name: first is already the name of links[0]; choose another",
    ),
    (
        "gain: 1e-9",
        "gain: 1e-9, distance_m: 4",
        "17: links[1].radio: gain and distance_m are both given; keep one",
    ),
    (
        "power_w: 1, ",
        "",
        "17: links[1].radio: power_w is missing and no plan decides this link; give power_w or add the link to "
        "plan.links",
    ),
    (
        "radio: {",
        "rate_bps: 3\n    radio: {",
        "14: links[1]: radio is given beside rate_bps or symbol_rate_hz; keep the radio or the rates",
    ),
    (
        "radio: {bandwidth_hz: 1e3, power_w: 1, gain: 1e-9}",
        "radio: plan",
        "17: links[1].radio: must be a mapping or from_plan, got 'plan'; give bandwidth_hz, power_w and gain",
    ),
    (
        "rate_bps: 1e6",
        "loss: {independent: 0.1, gilbert_elliott: {good_to_bad: 0.1, bad_to_good: 1}}",
        "13: links[0].loss: must have exactly one key, independent or gilbert_elliott, got independent and "
        "gilbert_elliott; give one",
    ),
    (
        "rate_bps: 1e6",
        "loss: {}",
        "13: links[0].loss: must have exactly one key, independent or gilbert_elliott, got none; give one",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {indices: {dmc: 1.5}}",
        "13: links[0].bearers.indices.dmc: must be in [0, 1], got 1.5; give a crossover probability",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: idle}",
        "13: links[0].bearers.bits: must be ideal or levels or a mapping, got 'idle'; did you mean ideal?",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {awgn: loud}}",
        "13: links[0].bearers.symbols.awgn: must be a number in [-100, 300], got 'loud'; give Es/N0 in dB, or "
        "from_radio",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {awgn: from_radio}}",
        "13: links[0].bearers.symbols.awgn: from_radio needs a radio on the link; give snr_db in dB or the link a "
        "radio",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {rician: {k_factor: 1}}}",
        "13: links[0].bearers.symbols.rician: from_radio needs a radio on the link; give snr_db in dB or the link "
        "a radio",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {qam: {order: 5, snr_db: 4}}}",
        "13: links[0].bearers.bits.qam.order: must be 4, 16, 64 or 256, got 5; give the constellation's size",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {learned: {symbols: 128}}}",
        "13: links[0].bearers.bits.learned: symbols and trained_snr_db go together; give both, or weights "
        "in their place",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {learned: {}}}",
        "13: links[0].bearers.bits.learned: must have either weights or symbols and trained_snr_db; "
        "give one of the two",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {learned: {symbols: 1, trained_snr_db: 1, weights: w}}}",
        "13: links[0].bearers.bits.learned: must have either weights or symbols and trained_snr_db; "
        "give one of the two",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {learned: {symbols: 0, trained_snr_db: 1}}}",
        "13: links[0].bearers.bits.learned.symbols: must be in [1, 1000000000], got 0; give a number of channel uses",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {unequal: {}}}",
        "13: links[0].bearers.bits.unequal.symbols: is missing; give the channel uses that a message may take",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {unequal: {symbols: 0.5, snr_db: 1}}}",
        "13: links[0].bearers.bits.unequal.symbols: must be a whole number in [1, 1000000000], got 0.5; "
        "give a number of channel uses",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {unequal: {symbols: 9, snr_db: 1, collect_s: -1}}}",
        "13: links[0].bearers.bits.unequal.collect_s: must be in [0, 1e+09], got -1; give a time in seconds",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {unequal: {symbols: 9}}}",
        "13: links[0].bearers.bits.unequal: from_radio needs a radio on the link; give snr_db in dB or the "
        "link a radio",
    ),
    (
        "rate_bps: 1e6",
        "code_rates: {mid: 0}",
        "13: links[0].code_rates.mid: must be in (0, 1], got 0; give the rate that this receiver supports",
    ),
    (
        "rate_bps: 1e6",
        "code_rates: {mid: 4/3}",
        "13: links[0].code_rates.mid: must be in (0, 1], got 1.33333; give the rate that this receiver supports",
    ),
    (
        "rate_bps: 1e6",
        "code_rates: {rx: 1/3}",
        "13: links[0].code_rates.rx: rx is not an end of the link; known: mid",
    ),
    (
        "rate_bps: 1e6",
        "code_rates: {mid: 1/3}\n    bearers: {bits: {unequal: {symbols: 9, snr_db: 1}}}",
        "13: links[0].code_rates: bearers.bits takes whole messages with a code of its own; leave code_rates out",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {per_receiver: {rx: {awgn: 3}}}}",
        "13: links[0].bearers.symbols.per_receiver.rx: rx is not an end of the link; known: mid",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {per_receiver: {mid: {awgn: from_radio}}}}",
        "13: links[0].bearers.symbols.per_receiver.mid.awgn: from_radio needs a radio on the link; give snr_db in dB "
        "or the link a radio",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {symbols: {awgn: 3, per_receiver: {mid: {awgn: 3}}}}",
        "13: links[0].bearers.symbols: must have exactly one key, awgn or rayleigh or rician or per_receiver, got awgn "
        "and per_receiver; give one",
    ),
    (
        "{name: vqvae2, scale: 4}",
        "{name: smrc, layers: [1, 3]}",
        "6: nodes.rx.codec: option layers must be text, a number or true or false, got a list; give one value",
    ),
    (
        "- transmit: {to: all}",
        "- transmit: {refine: {layer: 2}}",
        "19: workload[0].transmit.refine: has no rule; give below_confidence, classes or both",
    ),
    (
        "- transmit: {to: all}",
        "- transmit: {refine: {layer: 1, classes: [3]}}",
        "19: workload[0].transmit.refine.layer: must be in [2, 255], got 1; give a layer",
    ),
    (
        "- transmit: {to: all}",
        "- transmit: {refine: {head: 0, classes: [3]}}",
        "19: workload[0].transmit.refine.head: must be in [1, 255], got 0; give the head's number in its layer, or its "
        "name",
    ),
    (
        "- transmit: {to: all}",
        "- transmit: {heads: [1, 2nd]}",
        "19: workload[0].transmit.heads[1]: must be a head's number or name, got '2nd'; begin a name with a letter",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {opaque: {ldpc: {}}}",
        "13: links[0].bearers.opaque.ldpc: from_radio needs a radio on the link; give snr_db in dB or the link a radio",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {ldpc: {snr_db: 1, code_rate: 0.99, order: 4}}}",
        "13: links[0].bearers.bits.ldpc.code_rate: must be in [0.2, 0.95], got 0.99; give a code rate",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {ldpc: {snr_db: 1, order: 4}}}",
        "13: links[0].bearers.bits.ldpc: order and code_rate go together; give both, or neither for the best at the "
        "SNR",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: {ldpc: {snr_db: 1, order: 4, code_rate: 0.5, levels: [{order: 4, code_rate: 0.5}]}}}",
        "13: links[0].bearers.bits.ldpc: levels and order are both given; keep one",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {indices: {qam: {order: 4, snr_db: 9}}}",
        "13: links[0].bearers.indices: qam needs bits carried by the same qam; give both the same order and snr_db",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: ideal, indices: levels}",
        "13: links[0].bearers.indices: levels needs bits carried by levels too; set bits: levels",
    ),
    (
        "rate_bps: 1e6",
        "bearers: {bits: ideal}\n    levels: soft",
        "13: links[0].bearers.bits: ideal contradicts levels that have a bit error rate; carry bits by levels or "
        "set ber to 0",
    ),
    (
        "{role: relay}",
        "{role: router}",
        "5: nodes.mid.role: must be 'tx', 'rx' or 'relay', got 'router'; give what the node does",
    ),
    (
        "{role: relay}",
        "{role: relay, codec: {name: raw}}",
        "5: nodes.mid.codec: a relay has no codec; leave it out or make the node an rx",
    ),
    (
        ", codec: {name: vqvae2, scale: 4}",
        "",
        "6: nodes.rx: codec is missing; give the codec that this receiver decodes with, such as {name: vqvae2, "
        "scale: 4}",
    ),
    (
        "codec: {name: vqvae2, scale: 4}",
        "codec: raw",
        "6: nodes.rx.codec: must be a mapping, got 'raw'; write it like {name: ...}",
    ),
    (
        "scale: 4",
        "scale: [4]",
        "6: nodes.rx.codec: option scale must be text, a number or true or false, got a list; give one value",
    ),
    (
        "{role: rx,",
        "{gain: 1, distance_m: 1, role: rx,",
        "6: nodes.rx.gain: gain and distance_m are both given; keep one",
    ),
    (
        "  mid: ",
        "  TX: {role: tx}\n  mid: ",
        [
            "5: nodes.TX: differs from tx only in case, which certificates ignore; choose another name",
            "20: workload[0].transmit: from is missing and there are 2 tx nodes; give the node that sends",
        ],
    ),
    (
        "  mid: ",
        "  emulator: {role: relay}\n  mid: ",
        "5: nodes.emulator: the name emulator is the emulator's own name; choose another",
    ),
    (
        "  mid: ",
        "  tx: {role: relay}\n  mid: ",
        "5: nodes.tx: is given twice; keep one",
    ),
    (
        "workload:",
        "paths:\n  - {from: tx, to: rx, links: [first, lsat]}\nworkload:",
        "19: paths[0].links[1]: lsat is not a link; did you mean last?",
    ),
    (
        "workload:",
        "paths:\n  - {from: tx, to: rx, links: [last]}\nworkload:",
        "19: paths[0].links[0]: last begins at mid, not where the path is then; list the links in order",
    ),
    (
        "workload:",
        "paths:\n  - {from: tx, to: rx, links: [first]}\nworkload:",
        "19: paths[0]: ends at mid, not at rx; add the last link",
    ),
    (
        "workload:",
        "  - {name: back, from: mid, to: tx}\npaths:\n  - {from: tx, to: rx, links: [first, back, first, last]}\n"
        "workload:",
        "20: paths[0].links[1]: a cycle: back leads back to tx; leave the detour out",
    ),
    (
        "workload:",
        "  - {name: direct, from: tx, to: rx}\npaths:\n  - {from: tx, to: rx, links: [first, last]}\nworkload:",
        "20: paths[0].links: the emulator takes the fewest links, first listed first: direct; remove or reorder links",
    ),
    (
        "{to: all}",
        "{to: rxx}",
        "19: workload[0].transmit.to: rxx is not a node; did you mean rx?",
    ),
    (
        "{to: all}",
        "{to: mid}",
        "19: workload[0].transmit.to: mid is a relay, not an rx; give a receiver",
    ),
    (
        "{to: all}",
        "{to: [rx, rx]}",
        "19: workload[0].transmit.to[1]: rx is listed twice; keep one",
    ),
    (
        "{to: all}",
        "{from: rx}",
        [
            "19: workload[0].transmit.from: rx is an rx, not a tx; give tx",
        ],
    ),
    (
        "{to: all}",
        "{imagse: 4}",
        "19: workload[0].transmit.imagse: unknown key; did you mean images?",
    ),
    (
        "transmit: {to: all}",
        "transmt: {}",
        "19: workload[0]: unknown kind of step 'transmt'; did you mean transmit?",
    ),
    (
        "transmit: {to: all}",
        "transmit",
        "19: workload[0]: must be a mapping with one key, the kind of step (transmit, set_link, wait, replan, adapt, "
        "roll_back, align, equip, distill), got 'transmit'; write for example {transmit: {to: all}}",
    ),
    (
        "transmit: {to: all}",
        "adapt: {to: all}",
        "19: workload[0].adapt.method: is missing; give the method",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: sft}",
        "19: workload[0].adapt.method: must be 'dft' or 'lsdft', got 'sft'; give the method",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: dft, images: 0}",
        "19: workload[0].adapt.images: must be in [1, 512], got 0; give a number of pictures",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: dft, share: 1.5}",
        "19: workload[0].adapt.share: must be in (0, 1], got 1.5; give a share",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: lsdft, rounds: 3}",
        "19: workload[0].adapt: rounds is 3, but lsdft leaves the codebooks as they are; leave rounds out",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: dft, denoise: true}",
        "19: workload[0].adapt: denoise is for lsdft, and dft has the originals; leave denoise out",
    ),
    (
        "transmit: {to: all}",
        "adapt: {method: dft, to: mid}",
        "19: workload[0].adapt.to: mid is a relay, not an rx; give a receiver",
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf, freeze: 5, data: {sample: mnist_train}}",
        "19: workload[0].align.freeze: must be in [0, 4], got 5; give 0 (the whole decoder is trained anew) to 4 (none "
        "of it is)",
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf}",
        [
            "19: workload[0].align.data: is missing; give the pictures that the sender trains with",
            "19: workload[0].align.freeze: is missing; give the number of the decoder's layers that stay as they are, "
            "counted from the last",
        ],
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf, freeze: 1, data: {sample: mnist_train, path: x}}",
        "19: workload[0].align.data: must have either sample or path; write for example {sample: mnist_train}",
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf, freeze: 2, data: {sample: mnist_train}, mode: multicast}",
        "19: workload[0].align: mode is multicast, but each receiver has a decoder of its own; leave mode out",
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf, freeze: 2, data: {sample: mnist_train}, to: [rx]}",
        "19: workload[0].align.to[0]: no links lead back from rx to tx, which slf needs to download the decoder; add a "
        "link from rx to tx",
    ),
    (
        "workload:\n  - transmit: {to: all}",
        "pictures: {sample: fashion_mnist}\n"
        "workload:\n  - align: {method: slf, freeze: 2, data: {sample: fashion_mnist}, to: mid}",
        [
            "20: workload[0].align.data.sample: fashion_mnist is what transmit steps send, and nothing that is sent "
            "may be trained with; give other pictures",
            "20: workload[0].align.to: mid is a relay, not an rx; give a receiver",
        ],
    ),
    (
        "transmit: {to: all}",
        "roll_back: {to: all}",
        "19: workload[0].roll_back: no adapt step comes before it, so there is no state to go back to; put it after "
        "one",
    ),
    (
        "transmit: {to: all}",
        "align: {method: slf, freeze: 2, data: {sample: mnist_train}, to: [rx]}\n  - roll_back: {to: all}",
        [
            "19: workload[0].align.to[0]: no links lead back from rx to tx, which slf needs to download the decoder; "
            "add a link from rx to tx",
            "20: workload[1].roll_back: rx was aligned, and its half alone would go back; leave it out, or align it "
            "again",
        ],
    ),
    (
        "workload:",
        "pictures: {pad: 0}\nworkload:",
        "18: pictures.pad: must be in [1, 16384], got 0; give pixels",
    ),
    (
        "workload:",
        "pictures: {sample: cifar}\nworkload:",
        "18: pictures.sample: must be 'kodak', 'mnist' or 'fashion_mnist', got 'cifar'; give the packaged sample that "
        "is sent",
    ),
    (
        "transmit: {to: all}",
        "wait: {model_s: 0}",
        "19: workload[0].wait.model_s: must be in (0, 1e+09], got 0; give model time in seconds",
    ),
    (
        "transmit: {to: all}",
        "set_link: {link: frist, delay_s: 1}",
        "19: workload[0].set_link.link: frist is not a link; did you mean first?",
    ),
    (
        "transmit: {to: all}",
        "set_link: {link: first}",
        "19: workload[0].set_link: changes nothing; give a new rate_bps, radio, delay_s, loss, levels or bearers",
    ),
    (
        "transmit: {to: all}",
        "set_link: {link: last, rate_bps: 5}",
        "19: workload[0].set_link: link last has a radio, which sets its rate; change radio instead",
    ),
    (
        "transmit: {to: all}",
        "set_link: {link: first, radio: {power_w: 5}}",
        "19: workload[0].set_link.radio: link first has no radio; set rate_bps or symbol_rate_hz",
    ),
    (
        "rx: {role: rx, codec: {name: vqvae2, scale: 4}}",
        "rx: {role: rx, codec: {name: vqvae2, scale: 4}, capacity: {flops_per_s: much}}",
        "6: nodes.rx.capacity.flops_per_s: must be a number in (0, 1e+21], got 'much'; give floating-point operations "
        "a second, or measure",
    ),
    (
        "tx: {role: tx}",
        "tx: {role: tx, capacity: {}}",
        "4: nodes.tx.capacity: a tx decodes nothing; leave it out or make the node an rx",
    ),
    (
        "transmit: {to: all}",
        "equip: {latency_s: 0.1}",
        "19: workload[0].equip.to: rx has no capacity to choose a decoder by; give the node one, such as capacity: "
        "{flops_per_s: measure}",
    ),
    (
        "transmit: {to: all}",
        "equip: {to: all}",
        "19: workload[0].equip.latency_s: is missing; give the longest time in s that decoding one picture may take at "
        "a receiver",
    ),
    (
        "transmit: {to: all}",
        "distill: {receivers: mid, snr_db: 3}",
        "19: workload[0].distill.receivers: mid is not among those that the step is to; known: rx",
    ),
    (
        "transmit: {to: all}",
        "distill: {}",
        "19: workload[0].distill.snr_db: is missing, and rx's codec is told none; give the Es/N0 that rx meets",
    ),
    (
        "transmit: {to: all}",
        "distill: {snr_db: 3, alpha: -1}",
        "19: workload[0].distill.alpha: must be in [0, 1e+06], got -1; give a weight",
    ),
    (
        "workload:",
        "plan: {links: [lst]}\nworkload:",
        [
            "18: plan: decides nothing: no radio link begins at tx; give one a radio: from_plan",
            "18: plan.links[0]: lst is not a link; did you mean last?",
        ],
    ),
    (
        "workload:",
        "plan: {links: [first]}\nworkload:",
        "10: links[0]: is planned but has no radio; add radio: from_plan",
    ),
    (
        "workload:",
        "plan: {source: nix}\nworkload:",
        "18: plan.source: nix is not a node; known: mid, rx, tx",
    ),
    (
        "workload:",
        "plan: {source: mid, at: 2}\nworkload:",
        "18: plan.at: must be at most 1, the number of workload steps, got 2; lower it",
    ),
    (
        "workload:",
        "plan: {source: mid, scale: 3}\nworkload:",
        "18: plan.scale: must be 'auto', 2, 4, 8 or 16, got 3; give the scaling rate of every planned receiver, or "
        "auto to let the plan choose each one's",
    ),
    (
        "workload:",
        "resources: {weights: {quality: 0, delay: 0, energy: 0}}\nworkload:",
        "18: resources.weights: quality, delay and energy must not all be 0; give at least one a positive weight",
    ),
    (
        "workload:",
        "resources: {distances: {min_m: 5, max_m: 4}}\nworkload:",
        "18: resources.distances: min_m (5) must not exceed max_m (4); swap them",
    ),
    (
        "workload:",
        "resources: {quality: ffqh-ideal}\nworkload:",
        "18: resources.quality: must be ffhq-ideal or ffhq-20db or a mapping, got 'ffqh-ideal'; did you mean "
        "ffhq-ideal?",
    ),
    (
        "version: 1",
        "version: 1\nclock: scaled:0",
        "2: clock: must be virtual, real or scaled:F with F > 0, got 'scaled:0'; scaled:0.1 runs ten times faster",
    ),
    (
        "version: 1",
        "version: 1\nseed: -1",
        "2: seed: must be in [0, 9223372036854775807], got -1; give a seed",
    ),
    (
        "version: 1",
        "version: 1\n7: x",
        "2: keys must be text, got 7; put quotes around it",
    ),
    (
        "version: 1",
        "version: !!python/name:os.system x",
        "1: version: the tag tag:yaml.org,2002:python/name:os.system is not allowed; write plain YAML",
    ),
    (
        "version: 1",
        "version: 1\na: b: c",
        "2: is not valid YAML (mapping values are not allowed here); check indentation and quotes",
    ),
    (
        "version: 1",
        "version: *one",
        "1: is not valid YAML (found undefined alias 'one'); check indentation and quotes",
    ),
    (
        "version: 1",
        "version: 1\nseed: &s [*s]",
        "2: seed[0]: an alias contains itself; write the value out",
    ),
    (
        "version: 1",
        "version: \x02",
        "1: has a character that YAML forbids; save it as plain UTF-8 text",
    ),
    (
        "version: 1",
        "version: " + "[" * 40,
        "1: is not valid YAML (nested more than 32 deep); check indentation and quotes",
    ),
    (
        GOOD,
        "",
        "1: the file is empty; start it with keys such as version: 1 and name: ...",
    ),
    (
        GOOD,
        "- 1\n",
        "1: the file is not a mapping; start it with keys such as version: 1 and name: ...",
    ),
]


def test_the_table_starts_from_a_good_file() -> None:
    assert loads(GOOD).name == "small"
    for old, _, _ in TABLE:
        assert GOOD.count(old) == 1, old


@pytest.mark.parametrize(("old", "new", "expected"), TABLE, ids=[new[:40] or "empty" for _, new, _ in TABLE])
def test_every_fault_is_one_sentence_with_line_key_and_fix(
    tmp_path: Path, old: str, new: str, expected: str | list[str]
) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    result = CliRunner().invoke(main, ["validate", str(file)])
    wanted = [expected] if isinstance(expected, str) else expected
    assert result.stderr.splitlines() == [f"{file}:{sentence}" for sentence in wanted]
    assert result.stdout == ""
    assert result.exit_code == 2


def test_faults_come_in_the_order_of_the_file() -> None:
    text = (
        GOOD.replace("rate_bps: 1e6", "rate_bps: -1").replace("version: 1", "version: 3").replace("ber: 0.01", "ber: 9")
    )
    with pytest.raises(TopologyError) as caught:
        loads(text, ["links.last.delay_s=-1", "seed=x"], label="f")
    labels = [fault.place.label for fault in caught.value.faults]
    assert labels == ["f:1", "f:8", "f:13", "--set links.last.delay_s=-1", "--set seed=x"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("links", "must be KEY=VALUE, such as plan.scale=2 or links.0.delay_s=0.1"),
        ("links..a=1", "must be KEY=VALUE, such as plan.scale=2 or links.0.delay_s=0.1"),
        ("lniks=1", "lniks: unknown key; did you mean links?"),
        ("links.0.dealy_s=1", "links[0].dealy_s: unknown key; did you mean delay_s?"),
        ("links.7.delay_s=1", "links has no entry 7; it has 2, counted from 0"),
        ("links.frist.delay_s=1", "links has no entry frist; did you mean first?"),
        ("links.0.rate_bps.x=1", "links[0].rate_bps has no keys of its own; set it as a whole or give a known key"),
        ("links.0.rate_bps=-5", "links[0].rate_bps: must be > 0, got -5; give the link's rate in bit/s"),
        (
            "seed=[",
            "the value is not valid YAML (expected the node content, but found '<stream end>'); check "
            "indentation and quotes",
        ),
        (
            "nodes.ghost.role=rx",
            "nodes.ghost: codec is missing; give the codec that this receiver decodes with, such as "
            "{name: vqvae2, scale: 4}",
        ),
        ("plan.scale=2", "plan: decides nothing: no radio link begins at tx; give one a radio: from_plan"),
        ("workload.0.transmit.to=nix", "workload[0].transmit.to: nix is not a node; known: mid, rx, tx"),
    ],
)
def test_bad_overrides_are_named_as_they_were_typed(setting: str, message: str) -> None:
    with pytest.raises(TopologyError) as caught:
        loads(GOOD, [setting])
    assert f"--set {setting}: {message}" in str(caught.value).splitlines()


LOSSES = [
    ("first", "loss", "{independent: 0.1}"),
    ("first", "queue_policy", "drop"),
    ("first", "levels", "[{erasure: 0.1}]"),
    ("first", "levels", "{geometric: {on_failure: drop}}"),
]


@pytest.mark.parametrize(("link", "key", "value"), LOSSES)
def test_bearers_of_whole_messages_need_links_that_lose_no_packets(link: str, key: str, value: str) -> None:
    whole = [f"links.{link}.bearers={{bits: {{unequal: {{symbols: 9, snr_db: 1}}}}}}"]
    assert loads(GOOD, [*whole, f"links.{link}.loss={{independent: 0}}", f"links.{link}.levels=soft"]).links
    sentence = (
        "unequal takes whole messages, but the link loses single packets; leave out loss, queue_policy drop and the"
    )
    with pytest.raises(TopologyError, match=f"links\\.{link}\\.bearers.*: bits: {sentence}|bits: {sentence}"):
        loads(GOOD, [*whole, f"links.{link}.{key}={value}"])
    step = f"  - set_link: {{link: {link}, bearers: {{bits: {{unequal: {{symbols: 9, snr_db: 1}}}}}}}}\n"
    with pytest.raises(TopologyError, match=f"workload.1..set_link.bearers.bits: {sentence}"):
        loads(GOOD + step, [f"links.{link}.{key}={value}"])
    if key == "loss":
        assert loads(
            GOOD + step.replace("bearers:", "loss: {independent: 0}, bearers:"), [f"links.{link}.{key}={value}"]
        )


def test_a_mapper_that_is_not_shipped_is_refused_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped_mappers, "folder", lambda: tmp_path)
    for name in ("mapper-k128-snr10", "mapper-k64-snr0"):
        (tmp_path / f"{name}.safetensors").touch()
    key = "links.first.bearers={bits: {learned: {symbols: %s, trained_snr_db: %s, snr_db: 3}}}"
    assert loads(GOOD, [key % (128, 10)]).links
    sentence = r"mapper-k128-snr7.5 is not shipped \(mapper-k128-snr10, mapper-k64-snr0\); choose one of these or"
    with pytest.raises(TopologyError, match=sentence):
        loads(GOOD, [key % (128, 7.5)])
    with pytest.raises(TopologyError, match=r"weights: no such file: 'nowhere.safetensors'; give the path"):
        loads(GOOD, ["links.first.bearers={bits: {learned: {weights: nowhere.safetensors, snr_db: 3}}}"])


def test_multicast_needs_one_codec_and_one_scale() -> None:
    text = GOOD.replace("  mid:", "  rx2: {role: rx, codec: {name: raw}}\n  mid:").replace(
        "to: rx\n", "to: [rx, rx2]\n"
    )
    text = text.replace("{to: all}", "{to: all, mode: multicast}")
    with pytest.raises(TopologyError, match="multicast needs one codec, but rx2 and rx differ; give them the same"):
        loads(text)
    planned = ["links.last.to=rx2", "nodes.rx2.codec={name: vqvae2, scale: 4}"]
    other = "links.first={name: first, from: tx, to: rx, radio: from_plan}"
    both = [*planned, other, "links.last.from=tx", "plan.source=tx"]
    with pytest.raises(TopologyError, match=r"multicast needs one scale, .*; set plan\.scale to a number"):
        loads(text, both)
    assert loads(text, [*both, "plan.scale=4"]).plan is not None


def test_two_planned_links_to_one_receiver_are_refused() -> None:
    extra = "  - {name: again, from: mid, to: rx, radio: from_plan}\nplan: {source: mid}\nworkload:"
    with pytest.raises(TopologyError, match=r"links\[2\]\.to: rx already has the planned link last; plan one link a"):
        loads(GOOD.replace("workload:", extra))


@pytest.mark.parametrize("name", ["quickstrat", "missing/file", "missing.yaml"])
def test_a_topology_that_is_not_there(name: str) -> None:
    with pytest.raises(TopologyError) as caught:
        load(name)
    fix = "did you mean quickstart?" if name == "quickstrat" else "give a topology file"
    assert str(caught.value).startswith(f"{name}: ")
    assert str(caught.value).endswith(fix)


def test_files_that_are_no_topologies(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\x00")
    for path, reason in (
        (large, "is larger than 262144 bytes"),
        (binary, "is not UTF-8 text"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(TopologyError, match=reason):
            load(path)


def test_an_alias_bomb_is_stopped() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(TopologyError, match="more than 100000 values once aliases are expanded"):
        loads("\n".join(lines))
