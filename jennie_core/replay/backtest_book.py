"""The backtest's account: cash, holdings, costs, and the identity that every session must keep."""

from dataclasses import dataclass, field
from datetime import date

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.positions import Position
from jennie_core.krx.costs import commission_krw, sell_tax_krw
from jennie_core.replay.backtest_bars import Listing
from jennie_core.replay.backtest_records import Fill, RoundTrip, Stage
from jennie_core.strategy.held import HeldStock


@dataclass(slots=True)
class Holding:
    """A held stock as the monitor keeps it, with its money."""

    held: HeldStock
    listing: Listing
    sector_group: str
    bought_on: date
    bought_quantity: int
    buy_price_krw: int
    buy_commission_krw: int
    mark_krw: int
    commission_left_krw: int = 0
    net_krw: int = 0

    @property
    def quantity(self) -> int:
        """Shares now."""
        return self.held.position.quantity

    @property
    def value_krw(self) -> int:
        """Shares at the last price known."""
        return self.quantity * self.mark_krw


class BookError(AssertionError):
    """The account lost or invented money: a fault of the engine, never of the data."""


@dataclass(slots=True)
class Book:
    """Cash and holdings; every change goes through `buy`, `sell` or `write_off`."""

    seed_cash_krw: int
    commission_ratio: float
    cash_krw: int = 0
    realized_krw: int = 0
    commissions_krw: int = 0
    taxes_krw: int = 0
    holdings: dict[str, Holding] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    round_trips: list[RoundTrip] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cash_krw = self.seed_cash_krw

    @property
    def holdings_krw(self) -> int:
        """Value of all shares at their marks."""
        return sum(holding.value_krw for holding in self.holdings.values())

    @property
    def equity_krw(self) -> int:
        """Cash and shares."""
        return self.cash_krw + self.holdings_krw

    def buy(self, holding: Holding, day: date, rule: str, reason: str) -> Fill:
        """Take in a new holding and pay for it."""
        position = holding.held.position
        amount = holding.bought_quantity * holding.buy_price_krw
        commission = commission_krw(amount, self.commission_ratio)
        holding.buy_commission_krw = holding.commission_left_krw = commission
        self.cash_krw -= amount + commission
        self.commissions_krw += commission
        self.holdings[position.stock_code] = holding
        return self._record(
            Fill(
                day, Stage.ENTRY, OrderSide.BUY, position.stock_code, position.stock_name, holding.bought_quantity,
                holding.buy_price_krw, commission, 0, rule, reason,
            )
        )  # fmt: skip

    def sell(self, code: str, quantity: int, price_krw: int, day: date, stage: Stage, rule: str, reason: str) -> Fill:
        """Sell shares at a price with commission and the tax of market and date; the last share closes the trip."""
        holding = self.holdings[code]
        amount = quantity * price_krw
        commission = commission_krw(amount, self.commission_ratio)
        tax = sell_tax_krw(amount, holding.listing.market, day, holding.listing.kind)
        return self._leave(holding, quantity, price_krw, commission, tax, day, stage, rule, reason)

    def write_off(self, code: str, price_krw: int, day: date, rule: str) -> Fill:
        """End a holding that has no market any more, at a stated price and without costs."""
        holding = self.holdings[code]
        return self._leave(holding, holding.quantity, price_krw, 0, 0, day, Stage.DELISTED, rule, "DELISTED")

    def check(self) -> None:
        """Cash + holdings = start + realised + unrealised - costs, to the won. Raises BookError."""
        unrealized = sum(h.quantity * (h.mark_krw - h.buy_price_krw) for h in self.holdings.values())
        expected = self.seed_cash_krw + self.realized_krw + unrealized - self.commissions_krw - self.taxes_krw
        if self.equity_krw != expected or self.cash_krw < 0:
            raise BookError(f"equity {self.equity_krw} is not {expected}, or cash {self.cash_krw} is below zero")

    def _leave(
        self,
        holding: Holding,
        quantity: int,
        price_krw: int,
        commission: int,
        tax: int,
        day: date,
        stage: Stage,
        rule: str,
        reason: str,
    ) -> Fill:
        position, code = holding.held.position, holding.held.position.stock_code
        gain = quantity * (price_krw - holding.buy_price_krw)
        is_last = quantity == holding.quantity
        buy_share = (
            holding.commission_left_krw if is_last else holding.buy_commission_krw * quantity // holding.bought_quantity
        )
        holding.commission_left_krw -= buy_share
        net = gain - commission - tax - buy_share
        holding.net_krw += net
        self.cash_krw += quantity * price_krw - commission - tax
        self.realized_krw += gain
        self.commissions_krw += commission
        self.taxes_krw += tax
        fill = Fill(
            day, stage, OrderSide.SELL, code, position.stock_name, quantity, price_krw, commission, tax, rule, reason,
            net_krw=net, net_pct=net / (quantity * holding.buy_price_krw) * 100,
        )  # fmt: skip
        if is_last:
            self._close(holding, day, rule)
        return self._record(fill)

    def _close(self, holding: Holding, day: date, rule: str) -> None:
        position = holding.held.position
        del self.holdings[position.stock_code]
        self.round_trips.append(
            RoundTrip(
                code=position.stock_code,
                name=position.stock_name,
                sector_group=holding.sector_group,
                bought_on=holding.bought_on,
                sold_on=day,
                quantity=holding.bought_quantity,
                buy_price_krw=holding.buy_price_krw,
                net_krw=holding.net_krw,
                last_rule=rule,
            )
        )

    def _record(self, fill: Fill) -> Fill:
        self.fills.append(fill)
        return fill


def reduced(position: Position, quantity: int, *, scale_out_level: int | None, rsi_sold: bool) -> Position:
    """The position after a part was sold: level and flag advance on the fill (R-MON-06)."""
    return position.model_copy(
        update={
            "quantity": position.quantity - quantity,
            "scale_out_level": position.scale_out_level if scale_out_level is None else scale_out_level,
            "rsi_sold": position.rsi_sold or rsi_sold,
        }
    )
