"""The regime that was decided for a market day."""

from datetime import date

from sqlalchemy.engine import Connection

from jennie_core.domain.macro import TradingContext
from jennie_infra.db.repositories.market_scores import active_context


class NoRegimeError(LookupError):
    """The council has not spoken for the market day, so nothing may be scored or listed under a regime."""


def regime_of(connection: Connection, day: date) -> TradingContext:
    """The day's active trading context; raises NoRegimeError."""
    context = active_context(connection, day)
    if context is None:
        raise NoRegimeError(f"no trading context for {day}: run macro_council_job first")
    return context
