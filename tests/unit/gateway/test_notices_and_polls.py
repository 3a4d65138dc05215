"""Keys of notices, and ticks made of polled quotes."""

from datetime import date, datetime

import pytest

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import Quote
from jennie_infra.kis.codec_notices import NoticeDecoder, NoticeError
from jennie_infra.kis.errors import KisUnavailableError
from jennie_live.gateway.polling import Poller

DAY = date(2025, 6, 27)
CLEAR = (
    "jennie^5012345601^0000000117^^02^0^01^0^005930^0000000010^000060300^093015^0^2^2^00950^000000010^모의고객^0^1^Y^^10^^"
    "삼성전자^000000000"
)


def fields(**changes: str) -> list[str]:
    found = CLEAR.split("^")
    for position, value in changes.items():
        found[int(position[1:])] = value
    return found


def test_equal_fills_of_a_session_have_different_keys_and_a_replay_the_same() -> None:
    """Drill 8: a repeated delivery after a reconnect has the key it had before."""
    session = [NoticeDecoder("5012345601") for _ in range(2)]
    first = [session[0].decode(fields(), DAY, 1).notice_key for _ in range(2)]
    replayed = [session[1].decode(fields(), DAY, 2).notice_key for _ in range(2)]
    assert len(set(first)) == 2
    assert replayed == first


def test_acceptance_execution_and_cancel_have_different_keys() -> None:
    decoder = NoticeDecoder("5012345601")
    keys = {
        decoder.decode(found, DAY, 1).notice_key
        for found in (fields(), fields(f13="1", f14="1"), fields(f13="1", f5="2"), fields(f13="1", f14="3"))
    }
    assert len(keys) == 4


def test_flags() -> None:
    decoder = NoticeDecoder("5012345601")
    rejected = decoder.decode(fields(f12="1", f13="1", f14="1"), DAY, 1)
    assert rejected.is_rejected
    assert not rejected.is_execution
    killed = decoder.decode(fields(f13="1", f14="3"), DAY, 1)
    assert killed.is_cancel_confirmation
    market_accepted = decoder.decode(fields(f13="1", f14="1", f10=""), DAY, 1)
    assert market_accepted.price_krw == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"f1": "9999999901"}, "other_account"),
        ({"f9": "x"}, "malformed"),
        ({"f10": ""}, "malformed"),
        ({"f4": "09"}, "malformed"),
        ({"f11": "256199"}, "malformed"),
        ({"f8": "5930"}, "malformed"),
    ],
)
def test_what_is_not_ours_or_not_readable_is_counted_not_guessed(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(NoticeError, match=reason):
        NoticeDecoder("5012345601").decode(fields(**changes), DAY, 1)


NOON = datetime(2025, 6, 27, 12, tzinfo=KST)
NOON_US = to_epoch_us(NOON)


class Reads:
    """Quotes by code; None fails."""

    def __init__(self) -> None:
        self.volumes: dict[str, int | None] = {}
        self.asked: list[str] = []
        self.interrupted = False

    async def quote(self, code: str, caller: str) -> Quote:
        self.asked.append(code)
        volume = self.volumes[code]
        if volume is None:
            raise KisUnavailableError("BROKER-DOWN", "gone")
        return Quote(
            code=code, name=code, price_krw=100, previous_close_krw=100, open_krw=100, high_krw=100, low_krw=100,
            volume=volume, turnover_krw=1, upper_limit_krw=130, lower_limit_krw=70, change_pct=0.0, quoted_at=NOON,
            in_volatility_interruption=self.interrupted,
        )  # fmt: skip


@pytest.mark.rule("R-GW-12")
async def test_a_polled_tick_carries_the_difference_of_the_cumulative_volume() -> None:
    """Never the day's cumulative volume as one trade."""
    reads = Reads()
    poller = Poller(reads)  # type: ignore[arg-type]  # only quote() is used
    volumes: list[list[tuple[str, int]]] = []
    for step, volume in enumerate((1_000, 1_000, 1_040)):
        reads.volumes = {"000002": volume, "000001": volume * 2}
        now = NOON_US + step * 5_000_000
        ticks = await poller.poll(["000002", "000001"], now, now - 1)
        volumes.append([(tick.code, tick.volume) for tick in ticks])
        assert all(tick.source == "poll" for tick in ticks)
    assert volumes == [[("000001", 0), ("000002", 0)], [], [("000001", 80), ("000002", 40)]]


@pytest.mark.rule("R-GW-12")
async def test_a_code_is_asked_for_every_three_seconds_and_a_failure_is_no_price() -> None:
    reads = Reads()
    poller = Poller(reads)  # type: ignore[arg-type]  # only quote() is used
    reads.volumes = {"000001": None}
    for second in range(6):
        assert await poller.poll(["000001"], NOON_US + second * 1_000_000, NOON_US) == []
    assert len(reads.asked) == 2
    assert poller.failures == 2


async def test_a_polled_code_in_a_volatility_interruption_says_why_it_is_quiet() -> None:
    """T6: nothing is traded, so without this tick a polled code would only be silent."""
    reads = Reads()
    poller = Poller(reads)  # type: ignore[arg-type]  # only quote() is used
    reads.volumes = {"000001": 0}
    reads.interrupted = True
    seen = []
    for step in range(2):
        (tick,) = await poller.poll(["000001"], NOON_US + step * 5_000_000, NOON_US)
        seen.append((tick.session_phase, tick.volume))
    reads.interrupted = False
    assert seen == [("C", 0), ("C", 0)]
    assert await poller.poll(["000001"], NOON_US + 10_000_000, NOON_US) == []


async def test_the_first_poll_of_a_streamed_code_carries_what_was_traded_since_its_last_trade() -> None:
    """Drill 16: moving to polling neither loses the gap's shares nor counts those that were streamed again."""
    reads = Reads()
    poller = Poller(reads, {"000001": 1_000}.get)  # type: ignore[arg-type]  # only quote() is used
    reads.volumes = {"000001": 1_000}
    assert await poller.poll(["000001"], NOON_US, NOON_US) == []
    reads.volumes = {"000001": 1_070}
    (tick,) = await poller.poll(["000001"], NOON_US + 5_000_000, NOON_US)
    assert (tick.volume, tick.cumulative_volume) == (70, 1_070)
