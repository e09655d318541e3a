from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.adapt.errors import AdaptError
from edge.adapt.states import Origin, StateStore


def tensors(value: float) -> dict[str, np.ndarray]:
    return {"decoder.weight": np.full((2, 3), value, np.float32), "decoder.bias": np.zeros(2, np.float32)}


@pytest.fixture(params=["memory", "folder"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "states" if request.param == "folder" else None


def test_states_are_listed_oldest_first_and_come_back_whole(folder: Path | None) -> None:
    store = StateStore(folder)
    first = store.save(tensors(1), Origin("aa", "initial"))
    second = store.save(tensors(2), Origin("bb", "dft", before=20.0, after=21.5))
    assert store.list() == [first, second]
    assert (second.method, second.before, second.after, second.unit) == ("dft", 20.0, 21.5, "dB")
    np.testing.assert_array_equal(store.load(first.id)["decoder.weight"], tensors(1)["decoder.weight"])
    np.testing.assert_array_equal(store.load(second.id)["decoder.weight"], tensors(2)["decoder.weight"])


def test_what_was_saved_does_not_follow_the_caller(folder: Path | None) -> None:
    store, mine = StateStore(folder), tensors(1)
    state = store.save(mine, Origin("aa", "initial"))
    mine["decoder.weight"][:] = 9
    store.load(state.id)["decoder.bias"][:] = 9
    np.testing.assert_array_equal(store.load(state.id)["decoder.weight"], tensors(1)["decoder.weight"])
    np.testing.assert_array_equal(store.load(state.id)["decoder.bias"], tensors(1)["decoder.bias"])


def test_a_store_in_a_folder_outlives_its_process(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    states = [store.save(tensors(k), Origin(f"d{k}", "dft")) for k in range(3)]
    for state in states:
        store.activate(state.id)
    again = StateStore(tmp_path)
    assert again.list() == states
    assert again.active_id == states[2].id
    assert again.previous() == states[1]


def test_the_state_for_a_digest_is_the_one_in_force_else_the_latest(folder: Path | None) -> None:
    store = StateStore(folder)
    one = store.save(tensors(1), Origin("same", "initial"))
    two = store.save(tensors(2), Origin("same", "lsdft"))
    assert store.by_knowledge("same") == two
    store.activate(one.id)
    assert store.by_knowledge("same") == one
    assert store.by_knowledge("other") is None


def test_rolling_back_twice_goes_two_steps_back(folder: Path | None) -> None:
    store = StateStore(folder)
    states = [store.save(tensors(k), Origin(f"d{k}", "dft")) for k in range(3)]
    for state in states:
        store.activate(state.id)
    assert store.roll_back() == states[1]
    assert store.active_id == states[1].id
    assert store.roll_back() == states[0]
    with pytest.raises(AdaptError, match="there is no earlier state"):
        store.roll_back()
    assert store.roll_back(states[2].id) == states[2]  # forward again, by its id
    assert store.previous() == states[0]


def test_the_number_of_states_is_bounded_and_the_first_and_the_active_stay(folder: Path | None) -> None:
    store = StateStore(folder, limit=3)
    states = [store.save(tensors(0), Origin("d0", "initial")), store.save(tensors(1), Origin("d1", "dft"))]
    store.activate(states[1].id)
    states += [store.save(tensors(k), Origin(f"d{k}", "dft")) for k in (2, 3, 4)]
    assert store.list() == [states[0], states[1], states[4]]
    with pytest.raises(AdaptError, match=rf"state '{states[2].id}': there is no such state"):
        store.load(states[2].id)
    if folder is not None:
        assert len(list(folder.glob("*.safetensors"))) == 3


def test_damaged_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    good, torn = (store.save(tensors(k), Origin("aa", "dft")) for k in (1, 2))
    store.activate(torn.id)
    file = tmp_path / f"{torn.id}.safetensors"
    file.write_bytes(file.read_bytes()[:20])
    (tmp_path / "notes.safetensors").write_text("hello")
    (tmp_path / "half.safetensors.part").write_text("")
    again = StateStore(tmp_path)
    assert again.list() == [good]
    assert again.active_id == ""
    (tmp_path / "active.json").write_text("{")
    assert StateStore(tmp_path).list() == [good]
    (tmp_path / f"{good.id}.safetensors").unlink()
    with pytest.raises(AdaptError, match=rf"^state {good.id}: its file cannot be read"):
        again.load(good.id)


def test_a_folder_that_cannot_be_used_and_a_limit_too_small_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaptError, match=r"^state folder: .* cannot be used \(.*\); choose another$"):
        StateStore(tmp_path / "file" / "states")
    with pytest.raises(AdaptError, match="must keep at least 2, got 1"):
        StateStore(None, limit=1)
