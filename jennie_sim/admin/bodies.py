"""What the admin port's calls take."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jennie_core.domain.enums import OrderSide
from jennie_sim.market.halts import RESUMPTION_AUCTION_MS
from jennie_sim.market.hours import SECOND_MS


class Body(BaseModel):
    """Strict request bodies."""

    model_config = ConfigDict(extra="forbid")


class AdvanceBody(Body):
    """Where to move market time."""

    until: AwareDatetime


class RunBody(Body):
    """How fast market time passes by itself; null = it stands and waits for advance."""

    speed: float | None = Field(default=None, gt=0)


class FaultBody(Body):
    """A fault to switch on, or `clear`: true / an id to switch off."""

    name: str | None = None
    endpoint: str = "*"
    count: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, gt=0, le=1)
    seed: int = 1
    params: dict[str, Any] = Field(default_factory=dict)
    clear: bool | int | None = None


class ExternalTradeBody(Body):
    """Something done by hand in the broker's own app: a trade, or the cancelling of an order."""

    account: str | None = None
    code: str | None = None
    side: OrderSide | None = None
    quantity: int = Field(default=0, ge=0)
    price_krw: int | None = Field(default=None, gt=0)
    cancel: int | None = Field(default=None, description="order number to cancel instead of trading")


class HaltBody(Body):
    """A trading halt of a code that begins or ends now; at its end a call auction of `auction_seconds` stands."""

    code: str
    halted: bool
    auction_seconds: int = Field(default=RESUMPTION_AUCTION_MS // SECOND_MS, ge=1, le=3_600)
