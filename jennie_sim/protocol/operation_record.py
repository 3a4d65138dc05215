"""H0STMKO0: market operation events of a code as the broker's record of 11 fields (protocol sheet 4.5)."""

from jennie_sim.market.market import Market
from jennie_sim.protocol.quote_calls import STATUS_CODES

OPENING_AUCTION, OPENED, CLOSING_AUCTION, CLOSED = "110", "112", "121", "129"
BREAKER_BEGINS, BREAKER_ENDS, BREAKER_CLOSES = "174", "175", "182"
"""MKOP_CLS_CODE: the portal's table as public code repeats it; that the breaker's end is told as the auction begins is
unverified."""


def operation_record(market: Market, code: str, at_ms: int, phase: str) -> str:
    """One record, fields joined by ^; whether the code is halted or interrupted is said as of `at_ms`."""
    halted = market.is_halted(code, at_ms)
    interrupted = not halted and market.interruption(code, at_ms) is not None
    values = (
        code,
        "Y" if halted else "N",
        _reason(market, code, at_ms) if halted else "",
        phase,
        "312" if interrupted else "",
        "",
        "",
        "58" if halted else STATUS_CODES[market.listing[code].status],
        "Y" if interrupted else "N",
        "N",
        "1",
    )
    return "^".join(values)


def _reason(market: Market, code: str, at_ms: int) -> str:
    return "서킷브레이크 발동" if market.breaker_at(code, at_ms) is not None else "매매거래정지"
