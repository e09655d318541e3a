from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from edge.codec_cli import main
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter, to_vectors
from edge.train.level_order import checked, reordered
from edge.train.split import SplitLearner
from emulator.bearers.mapper_network import MapperPair, MapperShape

ORDER = (2, 0, 1)
SPLIT = SplitShape(bits=6, levels=3, channels=8, fine_channels=8, blocks=1)


def by_level(bits: torch.Tensor) -> torch.Tensor:
    """[B, M] or [B, bits, h, w] with level k where ORDER says."""
    groups = bits.reshape(len(bits), 3, -1)
    return groups[:, list(ORDER)].reshape(bits.shape)


def test_f_makes_the_same_groups_in_the_new_order_and_g_takes_them_for_the_same_picture() -> None:
    f, g = SplitTransmitter(SPLIT), SplitReceiver(SPLIT)
    moved = reordered(f.state_dict() | g.state_dict(), ORDER, SPLIT.bits)
    other_f, other_g = SplitTransmitter(SPLIT), SplitReceiver(SPLIT)
    other_f.load_state_dict({name: moved[name] for name in f.state_dict()})
    other_g.load_state_dict({name: moved[name] for name in g.state_dict()})
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(other_f(images), by_level(f(images)))
        bits = (f(images) > 0).float()
        torch.testing.assert_close(other_g(by_level(bits)), g(bits))
    assert not torch.equal(by_level(bits), bits)


def test_h_and_q_carry_the_new_order_over_the_same_symbols() -> None:
    shape = MapperShape(levels=3, bits=6, side=4, symbols=8, channels=8, blocks=1)
    pair, other = MapperPair(shape), MapperPair(shape)
    other.load_state_dict(reordered(pair.state_dict(), ORDER, shape.bits))
    bits = torch.randint(0, 2, (2, shape.message_bits)).float()
    with torch.no_grad():
        symbols = pair.symbols(bits, 4, 4)
        torch.testing.assert_close(other.symbols(by_level(bits), 4, 4), symbols)
        torch.testing.assert_close(other.log_odds(symbols, 4, 4), by_level(pair.log_odds(symbols, 4, 4)))


def test_a_training_begins_from_the_order_it_was_told_and_says_so() -> None:
    before = SplitLearner(SPLIT, 0)
    after = SplitLearner(SPLIT, 1, order=ORDER)
    after.begin_from(before.state(), "before")
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        vectors = [to_vectors((learner.tx(images) > 0).float(), 3) for learner in (before, after)]
    assert torch.equal(vectors[1], by_level(vectors[0]))
    assert after.settings["level_order"] == [2, 0, 1]
    assert "level_order" not in before.settings


@pytest.mark.parametrize("order", [(0, 1), (0, 1, 1), (1, 2, 3)])
def test_an_order_names_every_level_once(order: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"--level-order: must name each of the levels 0 to 2 once"):
        checked(order, 3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--level-order", "1,0"], "--level-order: orders the levels of weights to begin from; give --from"),
        (["--from", "w.safetensors", "--level-order", "a,b"], "must be levels with commas between them, got 'a,b'"),
    ],
)
def test_what_is_no_order_is_refused(more: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").touch()
    more = [str(tmp_path / one) if one.endswith("safetensors") else one for one in more]
    out = tmp_path / "out.safetensors"
    result = CliRunner().invoke(main, ["train", "split", "--data", str(tmp_path), "--out", str(out), *more])
    assert result.exit_code != 0
    assert said in result.output
    assert not out.exists()
