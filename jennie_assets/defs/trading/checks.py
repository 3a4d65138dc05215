"""Do orders, fills and positions agree with each other and with the broker?"""

from collections import defaultdict

from jennie_assets import records
from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_core.domain.enums import OrderState

MOST_SHOWN = 10


@checked(asset="ticks", level=Level.WARN)
def ticks_present(run: RunFacts, platform: Platform) -> Verdict:
    """The tick stream holds entries."""
    stream = records.tick_stream(platform)
    return Verdict(stream.get("length", 0) > 0, stream.get("problem", f"{stream.get('length')} entries"))


@checked(asset="buy_signals", level=Level.ERROR)
def every_signal_has_an_outcome(run: RunFacts, platform: Platform) -> Verdict:
    """After the close no buy signal is without its one outcome (I3)."""
    return _settled(run, platform, "buy")


@checked(asset="sell_orders", level=Level.ERROR)
def every_order_has_an_outcome(run: RunFacts, platform: Platform) -> Verdict:
    """After the close no sell order is without its one outcome (I3)."""
    return _settled(run, platform, "sell")


def _settled(run: RunFacts, platform: Platform, side: str) -> Verdict:
    rows = records.signals(platform, run.day, side)
    left = [row["signal_id"] for row in rows if row["outcome"] == "raised"]
    return Verdict(
        not left, f"{len(left)} of {len(rows)} signals without outcome", {"rows": ", ".join(left[:MOST_SHOWN])}
    )


@checked(asset="order_intents", level=Level.ERROR)
def no_unresolved_order(run: RunFacts, platform: Platform) -> Verdict:
    """After the close no order is left in an unknown or open state."""
    rows = records.intents(platform, run.day)
    left = [f"{row['intent_id']} {row['state']}" for row in rows if not OrderState(row["state"]).is_terminal]
    return Verdict(
        not left, f"{len(left)} of {len(rows)} orders are not settled", {"rows": ", ".join(left[:MOST_SHOWN])}
    )


@checked(asset="fills", level=Level.ERROR)
def fills_match_orders(run: RunFacts, platform: Platform) -> Verdict:
    """Each order's filled quantity is the sum of its fills, and every fill has its order."""
    booked: dict[str, int] = defaultdict(int)
    for row in records.fills(platform, run.day):
        booked[row["intent_id"]] += row["quantity"]
    orders = {row["intent_id"]: row["filled_quantity"] for row in records.intents(platform, run.day)}
    wrong = [
        f"{intent}: order {orders.get(intent, 'missing')}, fills {booked.get(intent, 0)}"
        for intent in sorted(orders.keys() | booked.keys())
        if orders.get(intent) != booked.get(intent, 0)
    ]
    return Verdict(
        not wrong,
        f"{len(wrong)} of {len(orders)} orders disagree with their fills",
        {"rows": "; ".join(wrong[:MOST_SHOWN])},
    )


@checked(asset="positions", level=Level.ERROR)
def positions_reconciled(run: RunFacts, platform: Platform) -> Verdict:
    """Positions agree with the broker's at the last reconciliation of the day."""
    last = records.last_reconciliation(platform, run.day)
    if last is None:
        quiet = not records.fills(platform, run.day)
        return Verdict(quiet, "no trading" if quiet else "fills were never reconciled")
    open_rows = [row["stock_code"] for row in records.positions(platform) if not row["reconciled"]]
    sound = last["differences"] == 0 and not open_rows
    return Verdict(sound, f"{last['matches']} match, {last['differences']} differ", {"rows": ", ".join(open_rows)})


CHECKS = (
    ticks_present, every_signal_has_an_outcome, every_order_has_an_outcome, no_unresolved_order, fills_match_orders,
    positions_reconciled,
)  # fmt: skip
