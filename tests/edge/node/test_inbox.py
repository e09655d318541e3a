"""What was delivered stays known: in order, within bounds, across processes, and past a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.node.inbox import Delivery, Inbox, InboxError
from edge.node.memory import resident_bytes
from edge.v1 import packet_pb2


def delivery(session: str, number: int, size: int = 10) -> Delivery:
    receipt = packet_pb2.Receipt(session=session, message_id=number, status=packet_pb2.RECEIPT_STATUS_COMPLETE)
    return Delivery(session=session, message_id=number, png=bytes([number]) * size, receipt=receipt)


def keep(inbox: Inbox, *deliveries: Delivery) -> None:
    for one in deliveries:
        inbox.write(one)
        inbox.record(one)


@pytest.mark.parametrize("on_disk", [False, True])
def test_deliveries_come_back_in_order_of_session_and_number(on_disk: bool, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "rx" if on_disk else None)
    keep(inbox, delivery("b", 10), delivery("a/../c", 3), delivery("b", 9))
    assert inbox.keys() == [("a/../c", 3), ("b", 9), ("b", 10)]
    assert inbox.keys("b") == [("b", 9), ("b", 10)]
    assert inbox.load(("b", 9), with_picture=True) == delivery("b", 9)
    without = inbox.load(("b", 9), with_picture=False)
    assert without is not None
    assert without.png == b""
    assert inbox.receipt(("b", 9)) == delivery("b", 9).receipt
    assert inbox.receipt(("b", 1)) is None
    assert inbox.load(("b", 1), with_picture=True) is None
    inbox.close()


def test_another_process_finds_what_was_kept(tmp_path: Path) -> None:
    first = Inbox(tmp_path)
    keep(first, delivery("s", 1), delivery("s", 2))
    first.close()
    (tmp_path / "half-written.part").write_bytes(b"half")
    second = Inbox(tmp_path)
    assert second.keys() == [("s", 1), ("s", 2)]
    assert second.load(("s", 2), with_picture=True) == delivery("s", 2)
    assert list(tmp_path.glob("*.part")) == []
    second.close()


def test_a_damaged_file_is_left_out_and_its_message_may_come_again(tmp_path: Path) -> None:
    first = Inbox(tmp_path)
    keep(first, delivery("s", 1), delivery("s", 2))
    first.close()
    victim = sorted(tmp_path.glob("*.delivery"))[0]
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    second = Inbox(tmp_path)
    assert second.keys() == [("s", 2)]
    keep(second, delivery("s", 1))
    assert second.load(("s", 1), with_picture=True) == delivery("s", 1)
    second.close()


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    first = Inbox(tmp_path)
    with pytest.raises(InboxError, match="another edge-node uses it"):
        Inbox(tmp_path)
    first.close()
    Inbox(tmp_path).close()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InboxError, match=r"--state .*file"):
        Inbox(tmp_path / "file")


@pytest.mark.parametrize("on_disk", [False, True])
def test_the_oldest_give_way(on_disk: bool, tmp_path: Path) -> None:
    folder = tmp_path if on_disk else None
    by_count = Inbox(folder, max_deliveries=2)
    keep(by_count, *(delivery("s", n) for n in (5, 4, 3)))
    assert by_count.keys() == [("s", 3), ("s", 4)]
    by_count.close()
    by_size = Inbox(folder and folder / "other", max_bytes=100)
    keep(by_size, *(delivery("s", n, size=40) for n in (1, 2, 3)))
    assert by_size.keys() == [("s", 2), ("s", 3)]
    assert len(list(tmp_path.glob("other/*.delivery"))) == (2 if on_disk else 0)
    by_size.close()


def test_the_first_delivery_of_a_message_counts() -> None:
    inbox = Inbox()
    keep(inbox, delivery("s", 1), delivery("s", 1, size=99))
    loaded = inbox.load(("s", 1), with_picture=True)
    assert loaded is not None
    assert len(loaded.png) == 10


def test_pictures_on_the_disk_are_not_held_in_memory_too(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    before = resident_bytes()
    for number in range(100):
        inbox.record(delivery("s", number, size=1 << 20))
    assert resident_bytes() - before < 30 << 20  # of the 100 MiB that went by
    inbox.close()
