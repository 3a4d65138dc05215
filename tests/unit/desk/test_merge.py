"""Decision 0001: one order of events, whatever the interleaving of the two streams."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.base import from_epoch_us, to_epoch_us
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.strategy.merge import EventMerge, NoticeEvent, RequestEvent, SettledEvent

START = 1_750_984_200_000_000
SLICE = 5_000_000
Item = tuple[str, int, str]


def notice(name: str, at_us: int) -> ExecutionNotice:
    return ExecutionNotice(
        notice_key=name,
        order_number="1",
        stock_code="005930",
        side=OrderSide.BUY,
        is_execution=True,
        quantity=1,
        price_krw=100,
        order_quantity=10,
        exchange_at=from_epoch_us(at_us),
        received_us=0,
    )


def add(merge: EventMerge[str], stream: str, item: Item) -> None:
    kind, at_us, name = item
    if stream == "notices":
        merge.add_notice_mark(at_us) if kind == "mark" else merge.add_notice(name, notice(name, at_us))
    else:
        merge.add_request_mark(at_us) if kind == "mark" else merge.add_request(name, name, at_us)


def run(notices: list[Item], requests: list[Item], choices: list[int]) -> list[str]:
    """Feed both streams in an order that `choices` picks; as in reality, a request never overtakes earlier notices."""
    merge: EventMerge[str] = EventMerge()
    seen: list[str] = []
    picks = iter(choices)
    left, right = list(notices), list(requests)
    while left or right:
        pick = next(picks, 0)
        if right and (pick == 1 or not left):
            item = right.pop(0)
            while item[0] == "event" and any(kind == "event" and at < item[1] for kind, at, _ in left):
                add(merge, "notices", left.pop(0))
            add(merge, "requests", item)
        else:
            add(merge, "notices", left.pop(0))
        if pick != 2:
            seen += [shown(event) for event in merge.ready()]
    return seen + [shown(event) for event in merge.ready()]


def shown(event: NoticeEvent | RequestEvent[str] | SettledEvent) -> str:
    if isinstance(event, SettledEvent):
        return f"mark {event.at_us}"
    return event.entry_id


@st.composite
def slices(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    notices: list[Item] = []
    requests: list[Item] = []
    for index in range(draw(st.integers(1, 4))):
        begin, end = START + index * SLICE, START + (index + 1) * SLICE
        inside = st.lists(st.integers(begin, end - 1), max_size=5)
        notices += [("event", at, f"n{at}-{i}") for i, at in enumerate(sorted(draw(inside)))]
        requests += [("event", at, f"r{at}-{i}") for i, at in enumerate(sorted(draw(inside)))]
        notices.append(("mark", end, ""))
        requests.append(("mark", end, ""))
    return notices, requests


@given(slices(), st.lists(st.integers(0, 2), max_size=60))
def test_any_interleaving_gives_the_same_order_of_events(
    streams: tuple[list[Item], list[Item]], choices: list[int]
) -> None:
    notices, requests = streams
    assert run(notices, requests, choices) == run(notices, requests, [0] * 99)


@given(slices(), st.lists(st.integers(0, 2), max_size=60))
def test_nothing_is_lost_and_nothing_comes_twice(streams: tuple[list[Item], list[Item]], choices: list[int]) -> None:
    notices, requests = streams
    seen = run(notices, requests, choices)
    wanted = [name for kind, _, name in notices + requests if kind == "event"]
    marks = [f"mark {at}" for kind, at, _ in notices if kind == "mark"]
    assert sorted(seen) == sorted(wanted + marks)


@given(slices(), st.lists(st.integers(0, 2), max_size=60))
def test_a_request_sees_every_earlier_notice_and_no_later_one(
    streams: tuple[list[Item], list[Item]], choices: list[int]
) -> None:
    notices, requests = streams
    seen = run(notices, requests, choices)
    for _, at, name in [item for item in requests if item[0] == "event"]:
        before = set(seen[: seen.index(name)])
        assert {other for kind, when, other in notices if kind == "event" and when < at} <= before


def test_a_mark_waits_for_both_streams() -> None:
    merge: EventMerge[str] = EventMerge()
    merge.add_notice("n", notice("n", START + 1))
    merge.add_notice_mark(START + SLICE)
    assert list(merge.ready()) == []
    merge.add_request_mark(START + SLICE)
    assert [shown(event) for event in merge.ready()] == ["n", f"mark {START + SLICE}"]


def test_a_mark_that_one_stream_lacks_completes_with_the_next() -> None:
    """A worker that was restarted begins with a later mark."""
    merge: EventMerge[str] = EventMerge()
    merge.add_notice_mark(START)
    merge.add_notice("n", notice("n", START + 1))
    merge.add_notice_mark(START + SLICE)
    merge.add_request_mark(START + SLICE)
    assert [shown(event) for event in merge.ready()] == [f"mark {START}", "n", f"mark {START + SLICE}"]


def test_a_completed_mark_is_not_handed_out_again() -> None:
    merge: EventMerge[str] = EventMerge(completed_us=START)
    merge.add_notice_mark(START)
    merge.add_request_mark(START)
    merge.add_request("r", "r", START + 1)
    assert [shown(event) for event in merge.ready()] == ["r"]


def test_notices_of_a_dead_request_stream_are_released() -> None:
    """Live: a dead scanner must not keep fills from being booked."""
    merge: EventMerge[str] = EventMerge()
    at_us = to_epoch_us(from_epoch_us(START) + timedelta(seconds=1))
    merge.add_notice("n", notice("n", at_us))
    merge.add_notice_mark(START + SLICE)
    assert merge.waits_for_requests
    merge.complete_without_requests()
    assert [shown(event) for event in merge.ready()] == ["n", f"mark {START + SLICE}"]
