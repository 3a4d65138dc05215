"""Trade records H0STCNT0, 46 or 47 fields (section 4.4)."""

from dataclasses import dataclass
from typing import NamedTuple

from jennie_core.domain.market import ANNOUNCING_PHASES, Tick
from jennie_infra.kis.ws_layout import MOST_KRW, MOST_SHARES, PHASES, is_code
from jennie_infra.kis.ws_time import date_time_us, seconds_of_day

_YEAR_TEXTS = frozenset(map(str, range(2000, 2100)))


class TradeRecord(NamedTuple):
    """A decoded trade: the tick, the previous close that its own change fields imply, and whether the distance to the
    day's open (OPRC_VRSS_PRPR) agrees with its price.
    """

    tick: Tick
    base_krw: int
    agrees: bool = True


@dataclass(frozen=True, slots=True)
class Trades:
    """Records of one trade frame in order; `impossible` counts those whose values contradict each other, by reason."""

    records: list[TradeRecord]
    impossible: dict[str, int]


class TradeDecoder:
    """Reads trade records of `width` fields; remembers the newest second, which most records share."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._second_text = ""
        self._second_us = 0
        self._days: dict[str, int] = {}

    def decode(self, payload: str, count: int, received_us: int) -> Trades | None:
        """The records of a payload; None when it does not hold `count` of them."""
        fields, width = payload.split("^"), self._width
        if len(fields) != count * width:
            return None
        records: list[TradeRecord] = []
        impossible: dict[str, int] = {}
        for at in range(0, len(fields), width):
            try:
                problem = self._trade(fields, at, received_us, records)
            except ValueError:
                problem = "not_a_number"
            if problem:
                impossible[problem] = impossible.get(problem, 0) + 1
        return Trades(records, impossible)

    def _trade(self, fields: list[str], at: int, received_us: int, records: list[TradeRecord]) -> str:
        """Append the record at `at`, or name what is impossible about it. Positions are those of section 4.4."""
        code = fields[at]
        if not is_code(code):
            return "code"
        price = int(fields[at + 2])
        change = int(fields[at + 4])
        if change > 0 and fields[at + 3] in ("4", "5"):
            change = -change
        base = price - change
        high, low, volume = int(fields[at + 8]), int(fields[at + 9]), int(fields[at + 12])
        phase = fields[at + 43]
        if phase not in PHASES:
            return "phase"
        # an announcement trades nothing: before the opening cross it has no high and low either
        if not 0 < price <= MOST_KRW or base <= 0 or not (low <= price <= high or phase in ANNOUNCING_PHASES):
            return "price"
        if not abs(abs(change) / base * 100 - abs(float(fields[at + 5]))) <= 0.02:  # also for "nan"
            return "change"
        cumulative = int(fields[at + 13])
        if not 0 <= volume <= cumulative <= MOST_SHARES:
            return "volume"
        ask, bid = int(fields[at + 10]), int(fields[at + 11])
        if not (0 <= ask <= MOST_KRW and 0 <= bid <= MOST_KRW):
            return "quote"
        exchange_us = self._exchange_us(fields[at + 33], fields[at + 1])
        tick = Tick(code, price, volume, cumulative, ask, bid, exchange_us, received_us, phase)
        agrees = abs(price - int(fields[at + 7])) == abs(int(fields[at + 26])) or phase in ANNOUNCING_PHASES
        records.append(TradeRecord(tick, base, agrees))
        return ""

    def _exchange_us(self, day_text: str, time_text: str) -> int:
        text = day_text + time_text
        if text != self._second_text:
            midnight = self._days.get(day_text)
            if midnight is None:
                if day_text[:4] not in _YEAR_TEXTS:
                    raise ValueError("no year of this century")
                midnight = self._days[day_text] = date_time_us(day_text + "000000")
            self._second_us = midnight + seconds_of_day(time_text) * 1_000_000
            self._second_text = text
        return self._second_us
