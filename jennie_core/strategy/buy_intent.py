"""The intent row of a buy: what was decided, and every id it came from."""

from datetime import datetime

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.signals import BuySignal
from jennie_core.strategy.buying import BuyBasis, BuyPlan
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.intent import Intent, Sender


def reserved_risk_krw(intent: Intent) -> int:
    """Won at risk that were set aside for a buy before it was sent (O5)."""
    return int(intent.context["risk_krw"])


def buy_intent(
    sender: Sender, signal: BuySignal, now: datetime, plan: BuyPlan, context: EffectiveContext, basis: BuyBasis
) -> Intent:
    """The intent of a signal; the same signal makes the same intent id, so that the ledger refuses a second one."""
    identity = canonical_hash([sender.account_hash, "buy", signal.signal_id], 24)
    return Intent(
        intent_id=f"buy-{identity}",
        account_hash=sender.account_hash,
        market_day=now.date(),
        stock_code=signal.stock_code,
        stock_name=signal.stock_name,
        side=OrderSide.BUY,
        order_type=plan.order_type,
        quantity=plan.quantity,
        limit_price_krw=plan.limit_price_krw,
        reference_price_krw=basis.price_krw,
        lease=sender.lease,
        source_id=signal.signal_id,
        reason=signal.signal_type.value,
        rule=None,
        created_at=now,
        market_at=now,
        updated_at=now,
        watchlist_version=signal.watchlist_version,
        score_run_id=signal.score_run_id,
        context={
            "sector_group": signal.sector_group,
            "atr_krw": basis.atr_krw,
            "market_regime": context.regime.value,
            "hybrid_score": signal.hybrid_score,
            "llm_score": signal.llm_score,
            "trade_tier": signal.trade_tier.value,
            "risk_krw": plan.risk_krw,
            "cash_needed_krw": plan.cash_needed_krw,
            "sizing": plan.sizing.reasoning,
            "guard_note": None if plan.guard_note is None else str(plan.guard_note),
        },
        tick_received_us=signal.tick_received_us,
        signalled_us=signal.signalled_us,
    )
