"""Cash and shares of the account behind a replay of recorded ticks; to the won, nothing is made or lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jennie_core.domain.positions import Position
from jennie_core.strategy.accounting import Shares
from jennie_core.strategy.booking import shares_of


@dataclass(slots=True)
class PaperAccount:
    """`cash_krw` is what is left when everything has been settled; open buys reserve from it."""

    cash_krw: int
    reserved: dict[str, int] = field(default_factory=dict)
    shares: dict[str, Shares] = field(default_factory=dict)
    promised: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, cash_krw: int, positions: Iterable[Position]) -> "PaperAccount":
        """An account that holds these positions."""
        made = cls(cash_krw)
        made.shares = {each.stock_code: shares_of(each) for each in positions}
        return made

    @property
    def orderable_krw(self) -> int:
        """Cash that a new buy may use."""
        return self.cash_krw - sum(self.reserved.values())

    def held(self, code: str) -> int:
        """Shares of a code, managed and external."""
        shares = self.shares.get(code)
        return 0 if shares is None else shares.quantity + shares.external_quantity

    def sellable(self, code: str) -> int:
        """Shares that no open sell has taken."""
        return self.held(code) - self.promised.get(code, 0)

    def buy(self, code: str, quantity: int, price_krw: int, costs_krw: int) -> None:
        """Book a bought execution."""
        self.shares[code] = self.shares.get(code, Shares()).bought(quantity, price_krw)
        self.cash_krw -= quantity * price_krw + costs_krw

    def sell(self, code: str, quantity: int, price_krw: int, costs_krw: int) -> None:
        """Book a sold execution."""
        self.shares[code] = self.shares[code].sold_by_fill(quantity)
        self.cash_krw += quantity * price_krw - costs_krw
