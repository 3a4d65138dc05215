"""Parts of a small replayed day: stocks with a past, two desks over estimated fills, and slices made by hand."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import AssetKind, ListingStatus, Market, Mode, SellReason, SignalType
from jennie_core.domain.market import ClockMark, DailyBar, Tick
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.replay.day_books import DayBooks
from jennie_core.replay.day_buyer import DayBuyer
from jennie_core.replay.day_ports import DayStart, Published, Slice
from jennie_core.replay.day_seller import DaySeller
from jennie_core.replay.paper_account import PaperAccount
from jennie_core.replay.tape_board import StockFacts, TapeBoard
from jennie_core.replay.tick_fills import TickFillRules, TickFills
from jennie_core.strategy.fills import Listing
from tests.unit.strategy.builders import DAY, SETTINGS, at, context, entry, risk, signal, us, watchlist

CODES = ("005930", "000660", "035420")
CLOSE = 10_000
CASH = 100_000_000
PLAIN = TickFillRules(slippage_bps=0.0, volume_share_ratio=0.5)


def bars(code: str, sessions: int = 80) -> tuple[DailyBar, ...]:
    """Closed sessions that end at 10,000 won; each code wanders its own way, so that no two move together."""
    days = KrxCalendar.shipped().sessions_between(
        KrxCalendar.shipped().previous_session(DAY, sessions), DAY - timedelta(days=1)
    )
    salt = int(code)
    closes = [CLOSE + (salt * (number + 3) ** 2 % 401) - 200 for number in range(len(days))]
    closes[-1] = CLOSE
    return tuple(bar(code, day, close) for day, close in zip(days, closes, strict=True))


def bar(code: str, day: date, close: int) -> DailyBar:
    return DailyBar(
        code=code,
        trade_date=day,
        open_krw=close,
        high_krw=close + 100,
        low_krw=close - 100,
        close_krw=close,
        volume=100_000,
    )


def stocks(**status: ListingStatus) -> dict[str, StockFacts]:
    listing = Listing(Market.KOSPI, AssetKind.COMMON)
    normal = ListingStatus.NORMAL
    return {code: StockFacts(f"name-{code}", bars(code), listing, status.get(code, normal)) for code in CODES}


def trade(price: int, clock: str, volume: int = 100, code: str = CODES[0], phase: str = "0") -> Tick:
    return Tick(code, price, volume, 10_000, price, price, us(clock), us(clock), phase)


def piece(clock: str, *ticks: Tick) -> Slice:
    """The slice that settles at `clock`."""
    return Slice((*ticks, ClockMark(us(clock), settled=True)), us(clock))


def permit(**changes: Any) -> TradingPermit:
    values: dict[str, Any] = {
        "mode": Mode.REHEARSAL,
        "account_hash": "replay",
        "market_day": DAY,
        "watchlist_version": "wl-1",
        "settings_hash": SETTINGS.settings_hash(),
        "granted": True,
        "issued_at": at("08:30"),
        "expires_at": at("15:20"),
    }
    return TradingPermit.model_validate(values | changes)


def published(**changes: Any) -> Published:
    listed = watchlist(*[entry(code, rank=rank + 1) for rank, code in enumerate(CODES)])
    return Published(**({"watchlist": listed, "context": context(), "permit": permit()} | changes))


def buy(clock: str, code: str = CODES[0], kind: SignalType = SignalType.GOLDEN_CROSS, **changes: Any) -> BuySignal:
    return signal(
        signal_id=f"{code}-{clock}",
        stock_code=code,
        signal_type=kind,
        signalled_at=at(clock),
        tick_exchange_us=us(clock),
        atr_krw=200.0,
        scored_on=DAY,
        **changes,
    )


def sell(clock: str, quantity: int, code: str = CODES[0]) -> SellOrder:
    return SellOrder(
        order_id=f"sell-{code}-{clock}",
        stock_code=code,
        stock_name=f"name-{code}",
        sell_reason=SellReason.STOP_LOSS,
        rule="R-EXIT-02",
        trigger_price_krw=CLOSE,
        quantity=quantity,
        raised_at=at(clock),
    )


class Desks:
    """Both desks of a day over one account; begins at 09:30 with everything known."""

    def __init__(
        self,
        rules: TickFillRules = PLAIN,
        *,
        cash_krw: int = CASH,
        positions: Sequence[Position] = (),
        known: Published | None = None,
        facts: dict[str, StockFacts] | None = None,
    ) -> None:
        self.board = TapeBoard(DAY, stocks() if facts is None else facts)
        self.account = PaperAccount.of(cash_krw, positions)
        self.fills = TickFills(DAY, self.account, self.board, rules)
        start = DayStart(
            DAY, SETTINGS, tuple(positions), opening_equity_krw=cash_krw, week_equity_krw=cash_krw, account="replay"
        )
        self.books = DayBooks(SETTINGS.risk, {each.stock_code: each for each in positions})
        self.buyer = DayBuyer(start, self.books, self.fills, self.board)
        self.seller = DaySeller(start, self.books, self.fills, self.board)
        self.buyer.published = published() if known is None else known
        self.buyer.intraday = risk()
        for clock in ("09:29:50", "09:29:55", "09:30"):
            self.step(clock)

    def step(
        self, clock: str, *ticks: Tick, signals: Iterable[BuySignal] = (), sells: Iterable[SellOrder] = ()
    ) -> None:
        """One slice, as the machine runs it."""
        part = piece(clock, *ticks)
        notices = self.fills.executions(part)
        self.buyer.run(notices, [(each, to_epoch_us(each.signalled_at)) for each in signals], part.end_us)
        self.seller.run(notices, [(each, to_epoch_us(each.raised_at)) for each in sells], part.end_us)
        for desk, other in ((self.buyer, self.seller), (self.seller, self.buyer)):
            told, desk.told = desk.told, []
            for event in told:
                other.book.offer(event)

    @property
    def rules_that_refused(self) -> list[str]:
        return [each.refusal.rule for each in self.books.outcomes if each.refusal is not None]

    def require_conservation(self, cash_krw: int, held: dict[str, int]) -> None:
        """Cash and shares are the morning's plus the fills; both books, the account and the ledger agree."""
        flow, shares = 0, dict(held)
        for each in self.books.trades.values():
            sign = 1 if each.intent.side.value == "buy" else -1
            for fill in each.fills:
                flow -= sign * fill.amount_krw + fill.fee_krw + fill.tax_krw
                code = each.intent.stock_code
                shares[code] = shares.get(code, 0) + sign * fill.quantity
            assert sum(fill.quantity for fill in each.fills) == each.intent.filled_quantity <= each.intent.quantity
        assert self.account.cash_krw == cash_krw + flow
        there = {code: quantity for code, quantity in shares.items() if quantity}
        assert {code: self.account.held(code) for code in self.account.shares if self.account.held(code)} == there
        assert {code: each.quantity for code, each in self.books.positions.items()} == there
