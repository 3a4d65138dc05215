"""Outcomes as types: what was decided, by which rule, against which limit."""

from typing import Literal

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, StockCode


class Refusal(Message):
    """A refusal that names its rule, the value it saw and the limit it holds (I3)."""

    rule: str = Field(min_length=3, examples=["R-GATE-04"])
    detail: str
    value: float | str | None = None
    limit: float | str | None = None

    def __str__(self) -> str:
        shown = "" if self.value is None else f" (value {self.value}, limit {self.limit})"
        return f"{self.rule}: {self.detail}{shown}"


class Obstacles(Message):
    """Every refusal in force for each watched code at one market time; an empty tuple waits for a setup only."""

    known_at: MarketTime
    by_code: dict[StockCode, tuple[Refusal, ...]]


class Accepted(Message):
    """The broker took the order; `order_number` is the broker's (ODNO)."""

    kind: Literal["accepted"] = "accepted"
    order_number: str
    organisation_number: str = ""
    accepted_time: str = Field(default="", description="HHMMSS of the broker (ORD_TMD)")


class Refused(Message):
    """Nothing was placed, and that is certain."""

    kind: Literal["refused"] = "refused"
    rule: str
    code: str = Field(default="", description="the broker's msg_cd when the broker refused")
    text: str


class Unknown(Message):
    """The order may or may not exist; only an inquiry may settle it, never a second send (R-ORD-12)."""

    kind: Literal["unknown"] = "unknown"
    reason: str


OrderOutcome = Accepted | Refused | Unknown
