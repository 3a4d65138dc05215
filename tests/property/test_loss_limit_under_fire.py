"""Reserved plus used risk stays within the limit for any order of events (R-GRD-08, O5, drill 36)."""

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.daily_history import History
from jennie_core.strategy.loss_limits import iso_week
from jennie_core.strategy.loss_meter import LossMeter
from jennie_core.strategy.profit import Flow

DAY = date(2025, 6, 27)
EQUITY, LIMIT = 100_000_000, 2_000_000
RISK = RiskSettings()
SHARES = 100
COST_KRW = 15


@dataclass
class Buy:
    """One order as the world has it, apart from what the meter believes."""

    risk_krw: int
    filled: int = 0
    is_over: bool = False
    is_measured: bool = False
    """A balance read after its end has valued what it bought."""


class UnderFire(RuleBasedStateMachine):
    """Signals, fills, worse prices, refusals, cancels, late fills, balances and restarts in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.meter = LossMeter(RISK)
        self.buys: dict[str, Buy] = {}
        self.flows: list[Flow] = []
        self.price = 10_000
        self.stored_as_reached = False

    @initialize()
    def begins(self) -> None:
        self._begin_process()

    def _begin_process(self) -> None:
        self.meter = LossMeter(RISK)
        self.meter.risk.restore({name: buy.risk_krw for name, buy in self.buys.items() if not buy.is_over})
        self.meter.begin_day(
            DAY, self.flows, day_equity_krw=EQUITY, week_equity_krw=EQUITY, daily_reached=self.stored_as_reached
        )
        self.settles(reads_balance=True)

    def _measure(self, *, has_all_fills: bool, is_known: bool = True) -> None:
        held = {name: buy.filled for name, buy in self.buys.items() if buy.filled}
        prices = {name: float(self.price) if is_known else None for name in held}
        histories: dict[str, History] = {}
        state = self.meter.measure(held, prices, histories, None, has_all_fills=has_all_fills)
        assert state is not None
        assert state.week == iso_week(DAY)
        self.stored_as_reached = state.daily_reached

    @rule(risk_krw=st.integers(0, 1_200_000), intent=st.integers(0, 9))
    def signals(self, risk_krw: int, intent: int) -> None:
        name, before = f"buy-{intent}", self.meter.risk.reserved_krw
        refusal = self.meter.refusal() or self.meter.reserve(name, risk_krw)
        if name in self.buys:
            assert self.meter.risk.reserved_krw <= before + (0 if self._is_open(name) else risk_krw)
            if refusal is None and not self._is_open(name):
                self.meter.risk.release(name)  # the desk refuses a request that was acted on before
            return
        if refusal is not None:
            assert self.meter.risk.reserved_krw == before
            return
        self.buys[name] = Buy(risk_krw)
        pnl = self.meter.reading.day_pnl_krw
        assert pnl is not None
        assert max(0, -pnl) + self._at_risk() <= LIMIT, "reserved plus used risk exceeds the limit"

    def _is_open(self, name: str) -> bool:
        buy = self.buys[name]
        return not buy.is_over or (buy.filled > 0 and not buy.is_measured)

    def _at_risk(self) -> int:
        """Risk of every order that may still fill, and of shares that no balance has valued yet."""
        return sum(buy.risk_krw for name, buy in self.buys.items() if self._is_open(name))

    def _fill(self, name: str, quantity: int, worse_krw: int) -> None:
        buy = self.buys[name]
        buy.filled += quantity
        paid = quantity * (self.price + worse_krw)
        flow = Flow(name, DAY, quantity, -paid - COST_KRW)
        self.flows.append(flow)
        self.meter.add_flow(flow)

    def _end(self, name: str) -> None:
        buy = self.buys[name]
        buy.is_over, buy.is_measured = True, False
        self.meter.ended(name, buy.risk_krw, buy.filled)

    @precondition(lambda self: any(not buy.is_over for buy in self.buys.values()))
    @rule(data=st.data(), quantity=st.integers(1, SHARES), worse_krw=st.integers(0, 3_000))
    def fills(self, data: st.DataObject, quantity: int, worse_krw: int) -> None:
        name = data.draw(st.sampled_from([name for name, buy in self.buys.items() if not buy.is_over]))
        self._fill(name, min(quantity, SHARES - self.buys[name].filled), worse_krw)
        if self.buys[name].filled == SHARES:
            self._end(name)

    @precondition(lambda self: any(not buy.is_over for buy in self.buys.values()))
    @rule(data=st.data())
    def ends_early(self, data: st.DataObject) -> None:
        """Refused, or cancelled with or without a part."""
        self._end(data.draw(st.sampled_from([name for name, buy in self.buys.items() if not buy.is_over])))

    @precondition(lambda self: any(buy.is_over and buy.filled < SHARES for buy in self.buys.values()))
    @rule(data=st.data(), worse_krw=st.integers(0, 3_000))
    def fills_after_its_end(self, data: st.DataObject, worse_krw: int) -> None:
        late = [name for name, buy in self.buys.items() if buy.is_over and buy.filled < SHARES]
        name = data.draw(st.sampled_from(late))
        self._fill(name, SHARES - self.buys[name].filled, worse_krw)
        self._end(name)

    @rule(price=st.integers(6_000, 12_000))
    def moves(self, price: int) -> None:
        self.price = price

    @rule(reads_balance=st.booleans())
    def settles(self, reads_balance: bool) -> None:
        """A mark; without a balance its prices are older than the last fill."""
        self._measure(has_all_fills=reads_balance)
        for buy in self.buys.values():
            buy.is_measured |= reads_balance and buy.is_over

    @rule()
    def price_is_unknown(self) -> None:
        self._measure(has_all_fills=True, is_known=False)
        for buy in self.buys.values():
            buy.is_measured |= buy.is_over and self.meter.reading.day_pnl_krw is not None
        if any(buy.filled for buy in self.buys.values()):
            assert self.meter.refusal() is not None, "unknown profit counts as limit reached"

    @rule()
    def restarts(self) -> None:
        """The process dies and reads the ledger: open orders, flows, limits that were reached."""
        self._begin_process()

    @invariant()
    def nothing_is_reserved_twice_or_lost(self) -> None:
        assert self.meter.risk.reserved_krw == self._at_risk()

    @invariant()
    def a_reached_limit_refuses(self) -> None:
        if self.stored_as_reached:
            assert self.meter.refusal() is not None


UnderFire.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
test_any_order_of_events_keeps_the_limit = pytest.mark.rule("R-GRD-08")(UnderFire.TestCase)
