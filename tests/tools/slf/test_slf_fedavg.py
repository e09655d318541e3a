"""Federated averaging: what an average, a round and a budget are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.codecs.contract import Half
from edge.codecs.slf import Slf
from tools.figures.results import Verdict
from tools.slf.alignments import CHANNEL, Ends
from tools.slf.anew import start
from tools.slf.data import Labelled
from tools.slf.fedavg import Budget, averaged, comparison
from tools.slf.setting import Setting
from tools.slf.transceivers import encoder_of, scored
from tools.slf.whole_transceiver import WholeTransceiver


def test_an_average_is_of_each_tensor_in_its_own_type() -> None:
    states = [{"a": np.full((2, 2), value, np.float32), "b": np.float32([value, -value])} for value in (1.0, 4.0)]
    mean = averaged(states)
    assert np.array_equal(mean["a"], np.full((2, 2), 2.5))
    assert np.array_equal(mean["b"], [2.5, -2.5])
    assert mean["a"].dtype == np.float32


@pytest.mark.parametrize(("bits", "flops", "rounds"), [(1e6, 1e12, (1, 2)), (4.1e6, 4e11, (2, 1))])
def test_rounds_that_the_budget_of_slf_buys(bits: float, flops: float, rounds: tuple[int, int]) -> None:
    cost = Budget(slf_bits=int(bits), slf_flops=flops, round_bits=2_000_000, round_flops=5e11)
    assert (cost.rounds_at_equal_bits, cost.rounds_at_equal_flops) == rounds


def test_comparison_is_at_the_rounds_of_each_budget() -> None:
    curves = [[{"mse": mse} for mse in (0.4, 0.3, 0.2, 0.05)], [{"mse": mse} for mse in (0.4, 0.3, 0.1, 0.05)]]
    told = comparison(curves, [{"mse": 0.1}, {"mse": 0.1}], Budget(1, 1e12, 2, 5e11))
    assert told["equal communication"]["mse_fedavg"] == pytest.approx(0.3)
    assert told["equal communication"]["fedavg_stays_behind_slf"] == Verdict.HOLDS
    assert told["equal compute"]["mse_fedavg"] == pytest.approx(0.15)
    assert told["equal compute"]["fedavg_stays_behind_slf"] == Verdict.MIXED
    assert told["end of the curve"]["fedavg_stays_behind_slf"] == Verdict.DOES_NOT_HOLD


def test_a_client_learns_and_takes_over_an_average(untrained: Path) -> None:
    weight_file = untrained / "slf-trx1.safetensors"
    pictures = np.full((8, 32, 32, 3), 200, np.uint8)
    client = WholeTransceiver(weight_file, pictures, 0.01, 0)
    sent = Labelled(pictures, np.zeros(8, np.int64))

    def mse() -> float:
        halves = client.tensors()
        sender = encoder_of(weight_file, {k: v for k, v in halves.items() if not k.startswith("decoder.")})
        receiver = Slf.open({"weights": str(weight_file)}, Half.DECODER)
        receiver.replace({k: v for k, v in halves.items() if not k.startswith("encoder.")})
        return float(scored(sender, receiver, sent, 0.01, 0)["mse"])

    before = mse()
    client.train(30, 4, 1e-3)
    assert mse() < 0.5 * before
    mean = averaged([client.tensors(), {name: np.zeros_like(value) for name, value in client.tensors().items()}])
    client.replace(mean)
    assert np.allclose(client.tensors()["codebook"], mean["codebook"])


def test_a_start_keeps_or_draws_each_half_and_has_phis_codebook(setting: Setting) -> None:
    strangers = Ends.strangers(setting, CHANNEL)
    kept, drawn = start(strangers, "kept", "kept", 0), start(strangers, "kept", "anew", 0)
    assert np.array_equal(kept["codebook"], strangers.decoder["codebook"])
    assert np.array_equal(drawn["encoder.layer1.weight"], strangers.encoder["encoder.layer1.weight"])
    assert not np.array_equal(drawn["decoder.layer1.weight"], strangers.decoder["decoder.layer1.weight"])
    other = start(strangers, "anew", "kept", 1)["encoder.layer1.weight"]
    assert not np.array_equal(other, start(strangers, "anew", "kept", 0)["encoder.layer1.weight"])
