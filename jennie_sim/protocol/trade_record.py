"""H0STCNT0: one trade as the broker's record of 46 or 47 fields (protocol sheet 4.4)."""

from datetime import date

from jennie_sim.market.hours import SECOND_MS, SessionHours, hhmmss
from jennie_sim.market.path import AUCTION
from jennie_sim.market.tape import Col, Tape


def price_sign(change: int, price: int, upper_krw: int, lower_krw: int) -> str:
    """1 limit up, 2 up, 3 flat, 4 limit down, 5 down (PRDY_VRSS_SIGN)."""
    if change == 0:
        return "3"
    if change > 0:
        return "1" if price >= upper_krw else "2"
    return "4" if price <= lower_krw else "5"


def side_sign(difference: int) -> str:
    """2 above, 3 equal, 5 below."""
    return "2" if difference > 0 else "5" if difference < 0 else "3"


def operation_code(hours: SessionHours, at_ms: int) -> str:
    """NEW_MKOP_CLS_CODE: 10 before the open, 20 regular session, 21 its closing cross, 31 after the close."""
    if at_ms < hours.open_ms:
        return "10"
    if at_ms < hours.close_ms:
        return "20"
    return "21" if at_ms < hours.close_ms + SECOND_MS else "31"


class TradeRecord:
    """Renders the rows of one code's tape; what does not change during the day is prepared once."""

    def __init__(
        self,
        tape: Tape,
        *,
        day: date,
        hours: SessionHours,
        base_krw: int,
        upper_krw: int,
        lower_krw: int,
        previous_volume: int,
        listed_shares: int | None,
        fields: int,
    ) -> None:
        self._code = tape.bar.code
        self._open = tape.bar.open
        self._base, self._upper, self._lower = base_krw, upper_krw, lower_krw
        self._previous_volume = max(previous_volume, 1)
        self._shares = listed_shares or 0
        self._hours = hours
        self._open_at = hhmmss(tape.times[0]) if tape.times else "000000"
        crosses = [(row.ends_ms, row.price_krw) for row in tape.interruptions]
        self._references = [(0, base_krw), (tape.times[0] if tape.times else 0, tape.bar.open), *crosses]
        self._date = f"{day:%Y%m%d}"
        self._tail = "^2" if fields >= 47 else ""

    def static_reference(self, at_ms: int) -> int:
        """VI_STND_PRC: the last single price, before the opening cross the base price."""
        return next(price for since, price in reversed(self._references) if since <= at_ms)

    def render(self, row: list[int]) -> str:
        """One trade as a record, fields joined by ^."""
        return self._record(row, row[Col.AT_MS], row[Col.SIZE], row[Col.SIDE], "0")

    def render_interruption(self, row: list[int] | None, at_ms: int) -> str:
        """The announcement of an interruption: the last trade once more, no new shares, HOUR_CLS_CODE C.

        Before the first trade of the day (`row` None) it shows the base price; open, high and low are 0.
        """
        if row is None:
            row = [0] * len(Col)
            row[Col.PRICE] = self._base
        return self._record(row, at_ms, 0, AUCTION, "C")

    def _record(self, row: list[int], at_ms: int, size: int, side: int, phase: str) -> str:
        price, volume, turnover, high, low, high_at, low_at = row[1], *row[4:10]
        ask, bid, ask_size, bid_size, total_ask, total_bid, sells, buys, sold, bought = row[10:]
        base, opened = self._base, self._open if volume else 0
        change = price - base
        from_open, from_high, from_low = (price - part if volume else 0 for part in (opened, high, low))
        traded = sold + bought
        at_auction_close = side == AUCTION and at_ms >= self._hours.close_ms
        elapsed = min(1.0, max(0.0, (at_ms - self._hours.open_ms) / (self._hours.close_ms - self._hours.open_ms)))
        same_time = int(self._previous_volume * elapsed)
        turnover_rate = volume * 100 / self._shares if self._shares else 0.0
        return (
            f"{self._code}^{hhmmss(at_ms)}^{price}^{price_sign(change, price, self._upper, self._lower)}^{change}^"
            f"{change * 100 / base:.2f}^{turnover / volume if volume else 0:.2f}^{opened}^{high}^{low}^{ask}^{bid}^"
            f"{size}^{volume}^"
            f"{turnover}^{sells}^{buys}^{buys - sells}^{bought * 100 / sold if sold else 0:.2f}^{sold}^{bought}^{side}^"
            f"{bought * 100 / traded if traded else 0:.2f}^{volume * 100 / self._previous_volume:.2f}^{self._open_at}^"
            f"{side_sign(from_open)}^{from_open}^{high_at:06d}^{side_sign(from_high)}^{from_high}^{low_at:06d}^"
            f"{side_sign(from_low)}^{from_low}^{self._date}^{'21' if at_auction_close else '20'}^N^"
            f"{ask_size}^{bid_size}^{total_ask}^{total_bid}^{turnover_rate:.2f}^{same_time}^"
            f"{volume * 100 / same_time if same_time else 0:.2f}^{phase}^^{self.static_reference(at_ms)}{self._tail}"
        )
