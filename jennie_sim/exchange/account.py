"""One customer's money and shares under T+2 settlement."""

from dataclasses import dataclass, field
from fractions import Fraction

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.orders import Fill


@dataclass(slots=True)
class Position:
    """Shares of one code. `average_price` is exact: cost without fees, unchanged by sales (이동평균)."""

    code: str
    quantity: int = 0
    average_price: Fraction = Fraction(0)
    carried_quantity: int = 0
    bought_today: int = 0
    sold_today: int = 0
    sell_reserved: int = 0

    @property
    def sellable(self) -> int:
        """Shares not promised to an open sell order; today's purchases can be sold at once."""
        return self.quantity - self.sell_reserved

    def set_average(self, price_krw: float) -> None:
        """Take over an average from outside, exact to the four decimals the broker shows."""
        self.average_price = Fraction(round(price_krw * 10_000), 10_000)

    @property
    def cost_krw(self) -> int:
        """Purchase amount of the shares still held."""
        return round(self.average_price * self.quantity)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Cash that moves `sessions_ahead` sessions from today (1 = D+1, 2 = D+2); negative for a purchase."""

    sessions_ahead: int
    amount_krw: int


@dataclass(slots=True)
class Account:
    """Cash, reservations and positions of one account number (ten digits).

    `cash_krw` is the cash left when everything traded so far has been settled; sale proceeds may be used again on the
    same day, so it is also what new buy orders are checked against, less what open buy orders reserve.
    """

    number: str
    name: str
    hts_id: str
    opening_cash_krw: int
    cash_krw: int
    positions: dict[str, Position] = field(default_factory=dict)
    unsettled: list[Unsettled] = field(default_factory=list)
    reserved: dict[int, int] = field(default_factory=dict)
    bought_today_krw: int = 0
    sold_today_krw: int = 0
    fees_krw: int = 0
    taxes_krw: int = 0
    realized_pnl_krw: int = 0

    @property
    def reserved_krw(self) -> int:
        """Cash promised to open buy orders."""
        return sum(self.reserved.values())

    @property
    def orderable_krw(self) -> int:
        """Cash a new buy order may use."""
        return self.cash_krw - self.reserved_krw

    def settled_krw(self, sessions_ahead: int) -> int:
        """Deposit after `sessions_ahead` sessions: 0 = today's deposit (예수금), 2 = everything settled."""
        return self.cash_krw - sum(row.amount_krw for row in self.unsettled if row.sessions_ahead > sessions_ahead)

    def position(self, code: str) -> Position:
        """The position of a code, made empty when there is none."""
        return self.positions.setdefault(code, Position(code))

    def held(self, code: str) -> Position | None:
        """The position of a code if any share is held."""
        position = self.positions.get(code)
        return position if position and position.quantity else None

    def book(self, fill: Fill) -> None:
        """Book cash and shares of one execution."""
        position = self.position(fill.code)
        if fill.side is OrderSide.BUY:
            cost = position.average_price * position.quantity + fill.amount_krw
            position.quantity += fill.quantity
            position.average_price = Fraction(cost, position.quantity)
            position.bought_today += fill.quantity
            self.bought_today_krw += fill.amount_krw
            change = -(fill.amount_krw + fill.fee_krw + fill.tax_krw)
        else:
            position.quantity -= fill.quantity
            position.sold_today += fill.quantity
            self.sold_today_krw += fill.amount_krw
            self.realized_pnl_krw += fill.realized_pnl_krw
            change = fill.amount_krw - fill.fee_krw - fill.tax_krw
            if position.quantity == 0:
                position.average_price = Fraction(0)
        self.fees_krw += fill.fee_krw
        self.taxes_krw += fill.tax_krw
        self.cash_krw += change
        self.unsettled.append(Unsettled(2, change))

    def profit_of_sale(self, code: str, quantity: int, price_krw: int) -> int:
        """Realised result of selling now, before fees and tax."""
        return round((price_krw - self.position(code).average_price) * quantity)
