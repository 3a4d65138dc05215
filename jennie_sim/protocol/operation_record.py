"""H0STMKO0: market operation events of a code as the broker's record of 11 fields (protocol sheet 4.5)."""

from jennie_sim.market.market import Market
from jennie_sim.protocol.quote_calls import STATUS_CODES

OPENING_AUCTION, OPENED, CLOSING_AUCTION, CLOSED = "110", "112", "121", "129"
"""MKOP_CLS_CODE (unverified)."""


def operation_record(market: Market, code: str, at_ms: int, phase: str) -> str:
    """One record, fields joined by ^; whether the code is halted or interrupted is said as of `at_ms`."""
    halted = market.is_halted(code)
    interrupted = not halted and market.interruption(code, at_ms) is not None
    values = (
        code,
        "Y" if halted else "N",
        "매매거래정지" if halted else "",
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
