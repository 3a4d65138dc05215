"""What every answer carries: where it is from, how old it is, and what is wrong with it."""

from jennie_core.domain.base import MarketTime, Message


class Problem(Message):
    """Something that is not as it should be, and what the operator can do about it."""

    rule: str
    detail: str
    next_step: str = ""


class Sourced(Message):
    """An answer with its source and age; a figure of None is unknown, not zero."""

    source: str
    as_of: MarketTime | None = None
    problem: Problem | None = None
