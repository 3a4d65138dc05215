"""An order intent: what was decided, before anything is sent, and every state it may pass through (R-DB-03, O1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from jennie_core.domain.enums import OrderSide, OrderState, OrderType

TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.INTENT: frozenset(
        {OrderState.SENT, OrderState.ACCEPTED, OrderState.REJECTED, OrderState.UNKNOWN, OrderState.NOT_PLACED}
    ),
    OrderState.SENT: frozenset({OrderState.ACCEPTED, OrderState.REJECTED, OrderState.UNKNOWN, OrderState.NOT_PLACED}),
    OrderState.UNKNOWN: frozenset({OrderState.ACCEPTED, OrderState.REJECTED, OrderState.NOT_PLACED}),
    OrderState.ACCEPTED: frozenset(
        {OrderState.PARTIALLY_FILLED, OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED}
    ),
    OrderState.PARTIALLY_FILLED: frozenset({OrderState.FILLED, OrderState.CANCELLED}),
    OrderState.CANCELLED: frozenset({OrderState.FILLED}),
    OrderState.FILLED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.NOT_PLACED: frozenset(),
}
"""A terminal order is never reopened; only a late fill may turn a cancelled one into a filled one (drill 8)."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of `order_intent`; field names are the columns'."""

    intent_id: str
    account_hash: str
    market_day: date
    stock_code: str
    stock_name: str
    side: OrderSide
    order_type: OrderType
    quantity: int
    limit_price_krw: int | None
    reference_price_krw: int
    lease: int
    source_id: str
    reason: str
    rule: str | None
    created_at: datetime
    market_at: datetime
    updated_at: datetime
    state: OrderState = OrderState.INTENT
    order_number: str | None = None
    organisation_number: str | None = None
    filled_quantity: int = 0
    filled_amount_krw: int = 0
    refusal_rule: str | None = None
    refusal_text: str | None = None
    scale_out_level: int | None = None
    watchlist_version: str | None = None
    score_run_id: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    unknown_checks: int = 0
    unknown_since: datetime | None = None
    tick_received_us: int | None = None
    signalled_us: int | None = None
    sent_us: int | None = None

    @property
    def remaining_quantity(self) -> int:
        """Shares that are not filled."""
        return self.quantity - self.filled_quantity

    @property
    def is_unresolved(self) -> bool:
        """Whether the order may still change the position."""
        return not self.state.is_terminal


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose intent it is: the account, and the number of the desk's lease (O2)."""

    account_hash: str
    lease: int
