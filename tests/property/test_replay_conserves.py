"""Random days for the replay's desks: nothing is made or lost, and no intent leads to two orders (I1, I2, O1)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.enums import SignalType
from jennie_core.replay.tick_fills import TickFillRules
from tests.unit.replay.day_parts import CASH, CODES, Desks, buy, sell, trade
from tests.unit.strategy.builders import position, us

KINDS = (SignalType.GOLDEN_CROSS, SignalType.MOMENTUM)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(CODES),
        st.integers(-300, 300),
        st.integers(0, 2_000),
        st.sampled_from(("", "", "buy", "buy again", "sell")),
        st.sampled_from(KINDS),
    ),
    min_size=10,
    max_size=60,
)
RULES = st.builds(
    TickFillRules, slippage_bps=st.sampled_from([0.0, 5.0, 80.0]), volume_share_ratio=st.sampled_from([0.01, 0.3, 1.0])
)


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, rules=RULES)
def test_cash_and_shares_are_conserved_and_every_signal_has_one_order_at_most(
    events: list[tuple[str, int, int, str, SignalType]], rules: TickFillRules
) -> None:
    carried = position(CODES[0], quantity=300, trade_id=None)
    desks = Desks(rules, positions=[carried])
    now_us, price, last = us("09:30"), 10_000, None
    for code, move, volume, wanted, kind in events:
        price = max(7_000, min(13_000, price + move // 10 * 10))
        clocks = [f"{from_epoch_us(now_us + seconds * 1_000_000):%H:%M:%S}" for seconds in (2, 3, 5)]
        ticks = [trade(price, clocks[0], volume, code)]
        signals, sells = [], []
        if wanted.startswith("buy"):
            last = last if wanted == "buy again" and last is not None else buy(clocks[1], code, kind)
            signals = [last]
        elif wanted == "sell" and code in desks.books.positions:
            sells = [sell(clocks[1], desks.books.positions[code].quantity, code)]
        desks.step(clocks[2], *ticks, signals=signals, sells=sells)
        now_us += 5_000_000
        for desk in (desks.buyer, desks.seller):
            open_codes = [each.stock_code for each in desk.unresolved()]
            assert len(open_codes) == len(set(open_codes)), "O1: one unresolved order per code and side"
        assert desks.account.orderable_krw >= 0
    for _ in range(8):
        now_us += 5_000_000
        desks.step(f"{from_epoch_us(now_us):%H:%M:%S}")
    sources = [each.intent.source_id for each in desks.books.trades.values()]
    assert len(sources) == len(set(sources)), "at most one order per signal"
    assert not [each for each in desks.books.trades.values() if each.intent.is_unresolved]
    desks.require_conservation(CASH, {CODES[0]: 300})
