"""Pushed order books: which are kept, why others are dropped, and what the order-book read answers."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from jennie_core.domain.base import KST
from jennie_core.domain.market import OrderBook
from jennie_infra.kis.codec_ws import Books, FrameDecoder, WireLayout
from jennie_infra.kis.reads import KisReads
from jennie_live.gateway.access import TokenCheck
from jennie_live.gateway.books import BookShelf
from jennie_live.gateway.routes import read_routes
from jennie_live.gateway.subscriptions import Claims

RAW = (Path(__file__).parents[2] / "contract" / "frames" / "H0STASP0.63.txt").read_text().strip()
AT = datetime(2025, 6, 27, 9, 30, 15, tzinfo=KST)


def changed(**fields: str) -> str:
    """The frame with fields replaced by position (`f3="0"`); 59 fields when `width` is given."""
    head, values = RAW.rsplit("|", 1)[0], RAW.rsplit("|", 1)[1].split("^")
    for name, text in fields.items():
        values[int(name[1:])] = text
    return f"{head}|{'^'.join(values)}"


def decode(raw: str) -> Books:
    found = FrameDecoder(WireLayout(47, 63, 26)).decode(raw, 1)
    assert isinstance(found, Books)
    return found


class Clock:
    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"f3": "60300"}, "crossed"),
        ({"f3": "60200"}, "crossed"),
        ({"f33": "-2211"}, "negative_quantity"),
        ({"f44": "-1"}, "negative_quantity"),
        ({"f23": "1521"}, "total"),
        ({"f4": "60400"}, "level_order"),
        ({"f5": "0"}, "level"),
        ({"f12": "0", "f32": "0", "f43": "19130", "f5": ""}, "not_a_number"),
        ({"f12": "613000"}, "range"),
        ({"f3": "60399"}, "tick"),
        ({"f59": "60450"}, "middle"),
        ({"f2": "Z"}, "phase"),
        ({"f0": "00593"}, "code"),
        ({"f1": "250000"}, "not_a_number"),
    ],
)
def test_an_impossible_book_is_named_and_counted(fields: dict[str, str], reason: str) -> None:
    found = decode(changed(**fields))
    assert (found.records, found.impossible) == ([], {reason: 1})
    shelf = BookShelf(Clock())
    shelf.put(found, lambda code: True)
    assert shelf.dropped() == {f"book_{reason}": 1}
    assert shelf.newest("005930") is None


def test_a_book_may_stand_crossed_in_a_call_auction_and_one_side_may_be_empty() -> None:
    assert decode(changed(f2="C", f3="60300")).records[0].phase == "C"
    gone = {f"f{at}": "0" for at in (*range(13, 23), *range(33, 43), 44, 59)}
    assert decode(changed(**gone)).records[0].bids == ()


def test_the_newest_book_is_answered_with_its_age_until_it_is_ten_seconds_old() -> None:
    clock = Clock()
    shelf = BookShelf(clock)
    shelf.put(decode(RAW), lambda code: True)
    clock.now = AT + timedelta(seconds=10)
    book = shelf.newest("005930")
    assert book is not None
    assert (book.source, book.age_seconds, book.quoted_at) == ("push", 10.0, AT)
    assert (book.asks[0], book.bids[0]) == ((60_400, 1_520), (60_300, 2_211))
    clock.now = AT + timedelta(seconds=11)
    assert shelf.newest("005930") is None
    assert shelf.newest("000660") is None


def test_books_out_of_time_and_of_codes_that_nobody_registered_are_dropped() -> None:
    shelf = BookShelf(Clock())
    shelf.put(decode(RAW), lambda code: False)
    shelf.put(decode(changed(f1="093046")), lambda code: True)
    shelf.put(decode(RAW), lambda code: True)
    shelf.put(decode(changed(f1="093014")), lambda code: True)
    assert shelf.counts == {"book_unsubscribed": 1, "book_future": 1, "book_kept": 1, "book_older": 1}


class Asked(KisReads):
    """Stands for the broker: counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def order_book(self, code: str, caller: str) -> OrderBook:
        self.asked.append(code)
        return OrderBook(code=code, asks=(), bids=(), quoted_at=AT)


def test_a_new_pushed_book_saves_the_request_and_an_old_one_does_not() -> None:
    clock, reads = Clock(), Asked()
    shelf = BookShelf(clock)
    app = FastAPI()
    app.include_router(read_routes(reads, shelf, TokenCheck("secret")))
    client = TestClient(app, headers={"Authorization": "Bearer secret", "X-Service": "test"})
    shelf.put(decode(RAW), lambda code: True)
    pushed = client.get("/api/market/order-book", params={"code": "005930"}).json()
    assert (pushed["source"], pushed["age_seconds"], reads.asked) == ("push", 0.0, [])
    clock.now = AT + timedelta(minutes=1)
    polled = client.get("/api/market/order-book", params={"code": "005930"}).json()
    assert (polled["source"], reads.asked) == ("poll", ["005930"])


def test_books_go_to_the_best_claims_and_take_their_registrations_from_the_trades() -> None:
    codes = [f"{number:06d}" for number in range(50)]
    claims = Claims(book_limit=3)
    claims.put("watchlist", codes[1:])
    claims.put("held", codes[:1])
    wanted = claims.wanted()
    assert wanted.books == tuple(codes[:3])
    assert len(wanted.subscribed) + len(wanted.books) == 40
    assert wanted.polled == tuple(codes[37:])
    assert Claims().wanted().books == ()
