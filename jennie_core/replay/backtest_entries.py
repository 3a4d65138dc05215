"""Entries of one session: every stock of the list is offered to the live buy checks at the open.

A daily bar shows no minute setup, so the signal is the list itself: one signal of the momentum family per listed stock,
best rank first, at the price of the open. The scanner's gates on the market context hold; those on minute bars cannot.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import WatchlistEntry
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.replay.backtest_bars import UNKNOWN_LISTING, BarPanel, Listing
from jennie_core.replay.backtest_book import Book, Holding
from jennie_core.replay.backtest_correlation import CorrelationView
from jennie_core.replay.backtest_fills import Miss, buy_fill, day_limits
from jennie_core.replay.backtest_losses import LossWatch
from jennie_core.replay.backtest_offers import SIGNAL, Offer, Opening, buy_signal, context_refusal
from jennie_core.replay.backtest_terms import BacktestTerms
from jennie_core.strategy.buy_checks import BuyFacts, check_buy
from jennie_core.strategy.buying import BuyBasis, BuyPlan, plan_buy
from jennie_core.strategy.held import HeldStock, PositionIndicators
from jennie_core.strategy.sizing import HeldPosition

ENTRY_RULE = "R-BT-entry"
NO_STOPS = StopState()


class EntryDesk:
    """Buys what the live checks let through, at most once a stock and session."""

    def __init__(
        self,
        book: Book,
        panel: BarPanel,
        listings: Mapping[str, Listing],
        settings: TradingSettings,
        terms: BacktestTerms,
        indicators: Callable[[str, int], PositionIndicators],
    ) -> None:
        self._book, self._panel, self._listings = book, panel, listings
        self._settings, self._terms, self._indicators = settings, terms, indicators
        self.refusals: Counter[str] = Counter()
        self.misses: Counter[Miss] = Counter()
        self._buys = 0

    def at_open(self, opening: Opening, losses: LossWatch) -> None:
        """Go through the list by rank; the outcome of each stock is a buy, a refusal by rule or a missed fill."""
        self.refusals, self.misses, self._buys = Counter(), Counter(), 0
        correlation = CorrelationView(self._panel, opening.row)
        for entry in opening.watchlist.entries:
            outcome = self._enter(self._offer(entry, opening.row), opening, losses, correlation)
            if isinstance(outcome, Refusal):
                self.refusals[outcome.rule] += 1
            elif isinstance(outcome, Miss):
                self.misses[outcome] += 1

    def _offer(self, entry: WatchlistEntry, row: int) -> Offer:
        before = self._panel.bar(entry.code, row - 1)
        base = entry.previous_close_krw if before is None else before.close_krw
        listing = self._listings.get(entry.code, UNKNOWN_LISTING)
        return Offer(entry, self._panel.bar(entry.code, row), base, listing)

    def _enter(
        self, offer: Offer, opening: Opening, losses: LossWatch, correlation: CorrelationView
    ) -> Refusal | Miss | None:
        context, signal = opening.context, buy_signal(offer, opening)
        refusal = None if isinstance(context, Refusal) else context_refusal(context)
        refusal = refusal or check_buy(self._facts(signal, offer, opening, losses), self._settings)
        if refusal is not None:
            return refusal
        if isinstance(context, Refusal):
            raise AssertionError("check_buy refuses an unknown context")
        plan = plan_buy(signal, self._basis(offer, opening, correlation), context, self._settings)
        if isinstance(plan, Refusal):
            return plan
        return losses.reserve(signal.signal_id, plan.risk_krw) or self._fill(offer, plan, opening)

    def _fill(self, offer: Offer, plan: BuyPlan, opening: Opening) -> Miss | None:
        limit, bar, day = plan.limit_price_krw, offer.bar, opening.session.day
        if limit is None or bar is None:
            raise AssertionError("the momentum family buys at a limit, a stock without a bar is refused before")
        price = buy_fill(
            bar, limit, plan.quantity, base_krw=offer.base_krw, listing=offer.listing, on=day, terms=self._terms
        )
        if isinstance(price, Miss):
            return price
        entry = offer.entry
        position = Position(
            stock_code=entry.code,
            stock_name=entry.name,
            quantity=plan.quantity,
            average_price_krw=float(price),
            sector_group=entry.sector_group,
            bought_on=day,
            high_watermark_krw=price,
            atr_krw=entry.atr_krw,
        )
        held = HeldStock(position, opening.session.open_us, day)
        held.apply_indicators(self._indicators(entry.code, opening.row))
        holding = Holding(held, offer.listing, entry.sector_group, day, plan.quantity, price, 0, bar.open_krw)
        self._book.buy(holding, day, ENTRY_RULE, SIGNAL.value)
        self._buys += 1
        return None

    def _facts(self, signal: BuySignal, offer: Offer, opening: Opening, losses: LossWatch) -> BuyFacts:
        return BuyFacts(
            signal=signal,
            market_time=opening.session.open_at,
            session=opening.session,
            is_session=True,
            seen_signal_ids=(),
            stops=NO_STOPS,
            permit_refusal=None,
            loss_refusal=losses.refusal(),
            context=opening.context,
            held_codes=self._book.holdings.keys(),
            open_buy_codes=(),
            stop_loss_cooldowns=opening.stop_loss_cooldowns,
            sell_cooldowns=opening.sell_cooldowns,
            buys_today=self._buys,
            listing_status=ListingStatus.NORMAL if offer.trades else ListingStatus.HALTED,
            is_interrupted=False,
            price_krw=offer.price_krw,
            cash_krw=self._book.cash_krw,
        )

    def _basis(self, offer: Offer, opening: Opening, correlation: CorrelationView) -> BuyBasis:
        code, day, limit = offer.entry.code, opening.session.day, self._settings.risk.correlation_limit
        held = correlation.held_closes(code, sorted(self._book.holdings), limit)
        return BuyBasis(
            price_krw=offer.price_krw,
            upper_limit_krw=day_limits(offer.base_krw, offer.listing, day).upper_krw,
            cash_krw=self._book.cash_krw,
            positions=[_as_held(code, self._book.holdings[code]) for code in sorted(self._book.holdings)],
            atr_krw=offer.entry.atr_krw,
            stale_sessions=KrxCalendar.shipped().session_age(offer.entry.scored_at.date(), day),
            sector_budget=opening.budget,
            closes=correlation.closes(code) if held else None,
            held_closes=held,
            market_day=day,
            kind=offer.listing.kind,
            market=offer.listing.market,
        )


def _as_held(code: str, holding: Holding) -> HeldPosition:
    position = holding.held.position
    return HeldPosition(code, holding.quantity, holding.mark_krw, holding.sector_group, position.atr_krw)
