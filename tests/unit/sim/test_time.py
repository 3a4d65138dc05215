"""However time is sliced, the same orders at the same market times give the same ledger."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.domain.enums import AssetKind, ListingStatus, OrderSide
from jennie_core.domain.enums import Market as Segment
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.ledger import ledger_hash
from jennie_sim.exchange.orders import OrderKind, Refused
from jennie_sim.exchange.request import OrderRequest
from jennie_sim.market.generate import GeneratedMarket, generate_market
from jennie_sim.market.hours import SessionHours, from_instant, hhmmss, to_instant
from jennie_sim.market.market import Market
from jennie_sim.market.pack import Listed, PackAccount, PackMeta, SessionPack
from jennie_sim.market.write_pack import legal_bar

DAY = date(2025, 6, 27)
ACCOUNT = "5012345601"
MADE: GeneratedMarket = generate_market(None, 5, DAY, sessions=61, codes=24)
CODES = MADE.session.filter(MADE.session["high"] > 0)["code"].to_list()[:6]
START_MS, END_MS = 9 * 3_600_000, 9 * 3_600_000 + 20 * 60_000


def market() -> Market:
    """The generated day without files."""
    listing = {
        row[0]: Listed(row[0], row[1], Segment(row[2]), AssetKind(row[3]), ListingStatus(row[4]), *row[5:])
        for row in MADE.listing.iter_rows()
    }
    bars = {}
    for code, *values in MADE.session.iter_rows():
        listed = listing[code]
        bars[code] = legal_bar(code, values, (listed.base_price_krw, listed.kind, listed.market), DAY).bar
    account = PackAccount(account_number=ACCOUNT, cash_krw=500_000_000)
    meta = PackMeta(day=DAY, seed=5, source="generated", simulated=True)
    return Market(SessionPack(meta, (account,), listing, bars, MADE.daily, MADE.index))


Wish = tuple[int, int, OrderSide, int, int]
"""Time in 5-second steps after the open, code number, side, quantity, ticks away from the last price (0 = market)."""

wishes = st.lists(
    st.tuples(
        st.integers(1, 200),
        st.integers(0, len(CODES) - 1),
        st.sampled_from(list(OrderSide)),
        st.integers(1, 400),
        st.integers(-3, 3),
    ),
    min_size=1,
    max_size=12,
)


def play(wanted: list[Wish], cuts: list[int]) -> str:
    """Place every wish at its time, stopping at `cuts` on the way; returns the ledger hash."""
    exchange = Exchange(MARKET, start_ms=START_MS)
    stops = sorted({START_MS + step * 5_000 for step, *_ in wanted} | set(cuts) | {END_MS})
    for stop in stops:
        exchange.advance(stop)
        for step, number, side, quantity, away in wanted:
            if START_MS + step * 5_000 == stop:
                place(exchange, CODES[number], side, quantity, away)
    return ledger_hash(exchange.orders.values(), exchange.accounts.values())


def place(exchange: Exchange, code: str, side: OrderSide, quantity: int, away: int) -> None:
    price = exchange.market.last_price(code, exchange.now_ms)
    for _ in range(abs(away)):
        price = exchange.market.grid(code).step_up(price) if away > 0 else exchange.market.grid(code).step_down(price)
    kind = OrderKind.LIMIT if away else OrderKind.MARKET
    try:
        exchange.place(OrderRequest(ACCOUNT, code, side, kind, quantity, price if away else 0))
    except Refused:
        return


MARKET = market()


@settings(max_examples=40, deadline=None)
@given(wishes, st.lists(st.integers(START_MS + 1, END_MS - 1), max_size=60))
def test_the_ledger_does_not_depend_on_the_slices(wanted: list[Wish], cuts: list[int]) -> None:
    assert play(wanted, cuts) == play(wanted, [])


@settings(max_examples=25, deadline=None)
@given(wishes, st.randoms())
def test_the_arrival_order_of_different_codes_in_one_instant_does_not_matter(
    wanted: list[Wish], shuffler: object
) -> None:
    """Two executors reach the exchange in either order; money must not notice (order numbers may)."""
    one_per_code = list({(step, number): (step, number, *rest) for step, number, *rest in wanted}.values())
    shuffled = list(one_per_code)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert play(shuffled, []) == play(one_per_code, [])  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(wishes)
def test_cash_and_shares_follow_from_the_fills(wanted: list[Wish]) -> None:
    exchange = Exchange(market(), start_ms=START_MS)
    for step, number, side, quantity, away in sorted(wanted, key=lambda wish: wish[0]):
        if START_MS + step * 5_000 > exchange.now_ms:
            exchange.advance(START_MS + step * 5_000)
        place(exchange, CODES[number], side, quantity, away)
    exchange.advance(16 * 3_600_000)
    account = exchange.accounts[ACCOUNT]
    moved = sum((1 if f.side is OrderSide.SELL else -1) * f.amount_krw - f.fee_krw - f.tax_krw for f in exchange.fills)
    assert account.cash_krw == account.opening_cash_krw + moved
    assert account.reserved_krw == 0
    for position in account.positions.values():
        assert position.sell_reserved == 0
        assert position.quantity == sum(
            (1 if fill.side is OrderSide.BUY else -1) * fill.quantity
            for fill in exchange.fills
            if fill.code == position.code
        )
    for order in exchange.orders.values():
        assert order.filled_quantity == sum(fill.quantity for fill in order.fills) <= order.quantity
        bar = exchange.market.bar(order.code)
        assert all(bar.low <= fill.price_krw <= bar.high for fill in order.fills if not order.price_krw)
    assert not exchange.open_orders()


def test_times_of_day_translate_both_ways() -> None:
    at_ms = 9 * 3_600_000 + 61_250
    assert from_instant(DAY, to_instant(DAY, at_ms)) == at_ms
    assert to_instant(DAY, at_ms).isoformat() == "2025-06-27T09:01:01.250000+09:00"
    assert hhmmss(at_ms) == "090101"


def test_session_boundaries_are_offsets_from_open_and_close() -> None:
    hours = SessionHours(10 * 3_600_000, 16 * 3_600_000 + 1_800_000)
    assert (hhmmss(hours.entry_ms), hhmmss(hours.continuous_end_ms)) == ("093000", "162000")
