"""How many shares to buy (R-SIZE-01..10). Rounds down everywhere; never spends more than the orderable cash."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import RiskTag, TradeTier
from jennie_core.krx.costs import BILLION
from jennie_core.strategy.indicators import clamp_atr

RISK_ATR_MULTIPLE = 2.0
HELD_SECTOR_FACTOR = 0.7
MAX_WEIGHT_PCT = 12.0
MAX_WEIGHT_HIGH_SCORE_PCT = 18.0
HIGH_LLM_SCORE = 80.0
CASH_RESERVE_PCT = 10.0
MAX_QUANTITY = 10_000
SMART_SKIP_RATIO = 0.5
TIER1_STEPS = ((85.0, 1.0), (80.0, 0.9), (75.0, 0.8), (70.0, 0.7))
TIER1_LOWEST = 0.6
TIER2_FACTOR = 0.5
ROUNDING = 1e-9
"""0.8 x 0.7 is 0.5599.. in floating point; a share is not lost to that."""
CAUTION_FACTOR = 0.7


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """A held stock as sizing, guard and heat see it."""

    code: str
    quantity: int
    price_krw: int | None
    """Last price; None = unknown, which refuses every buy because the equity is unknown then."""
    sector_group: str | None
    atr_krw: float | None


@dataclass(frozen=True, slots=True)
class SizingInput:
    """Everything the size depends on."""

    cash_krw: int
    """Orderable cash, less what open buys have reserved."""
    positions: Sequence[HeldPosition]
    price_krw: int
    cash_price_krw: int
    """Won per share set aside by the broker (`OrderTerms.cash_price_krw`)."""
    atr_krw: float | None
    sector_group: str
    llm_score: float | None
    hybrid_score: float | None
    trade_tier: TradeTier
    risk_tag: RiskTag
    stale_sessions: int | None
    """Sessions since the stock was scored; None = unknown, sized as the oldest."""
    position_multiplier: float
    commission_ratio: float
    risk_per_trade_pct: float = 1.0
    max_portfolio_heat_pct: float = 5.0


@dataclass(frozen=True, slots=True)
class SizingResult:
    """The size with the reasons for it (R-SIZE-10)."""

    quantity: int
    risk_per_share_krw: float
    equity_krw: int
    target_quantity: int
    target_weight_pct: float
    actual_weight_pct: float
    multipliers: dict[str, float]
    reasoning: str

    @property
    def risk_krw(self) -> int:
        """What is lost when the stop is hit, rounded up: the amount to reserve before sending (O5)."""
        return -floor(-self.quantity * self.risk_per_share_krw)


def equity_krw(cash_krw: int, positions: Sequence[HeldPosition]) -> int | Refusal:
    """Cash plus the value of the positions (R-SIZE-01); a position without a price makes it unknown."""
    total = cash_krw
    for position in positions:
        if position.price_krw is None:
            return Refusal(rule="R-SIZE-01", detail=f"value of {position.code} unknown, so the equity is unknown")
        total += position.quantity * position.price_krw
    return total


def risk_per_share_krw(atr_krw: float | None, price_krw: int) -> float:
    """Distance to the stop that sizing assumes: twice the clamped ATR (R-SIZE-03, R-IND-05)."""
    return RISK_ATR_MULTIPLE * clamp_atr(atr_krw, price_krw)


def portfolio_heat_pct(positions: Sequence[HeldPosition], equity: int) -> float:
    """Risk of all open positions in percent of the equity (R-SIZE-08, built from positions)."""
    risk = 0.0
    for position in positions:
        if position.price_krw is not None:
            risk += position.quantity * risk_per_share_krw(position.atr_krw, position.price_krw)
    return risk / equity * 100


def size_position(given: SizingInput) -> SizingResult | Refusal:
    """The quantity to buy, or the refusal that made it zero."""
    equity = equity_krw(given.cash_krw, given.positions)
    if isinstance(equity, Refusal):
        return equity
    if equity <= 0:
        return Refusal(rule="R-SIZE-01", detail="no equity", value=float(equity), limit="> 0")
    if given.price_krw <= 0:
        return Refusal(rule="R-BUY-11", detail="price not positive", value=float(given.price_krw), limit="> 0")
    risk_per_share = risk_per_share_krw(given.atr_krw, given.price_krw)
    target = _target(given, equity, risk_per_share)
    weight_cap = floor(equity * _max_weight_pct(given) / 100 / given.price_krw)
    cash_cap = _cash_cap(given, equity)
    quantity = min(target, weight_cap, cash_cap, MAX_QUANTITY)
    if quantity <= 0:
        return _zero_by_cap(given, weight_cap, cash_cap)
    if quantity == cash_cap and cash_cap < SMART_SKIP_RATIO * target:
        return Refusal(
            rule="R-SIZE-07", detail="cash covers less than half of the target", value=float(cash_cap), limit=target / 2
        )
    heat = portfolio_heat_pct(given.positions, equity) + quantity * risk_per_share / equity * 100
    if heat > given.max_portfolio_heat_pct:
        return Refusal(
            rule="R-SIZE-08", detail="portfolio heat", value=round(heat, 3), limit=given.max_portfolio_heat_pct
        )
    ceiling = min(weight_cap, cash_cap, MAX_QUANTITY, _heat_cap(given, equity, risk_per_share))
    return _apply_multipliers(given, equity, risk_per_share, target, quantity, ceiling)


def _target(given: SizingInput, equity: int, risk_per_share: float) -> int:
    """R-SIZE-02, R-SIZE-03."""
    held = any(position.sector_group == given.sector_group for position in given.positions)
    risk_amount = equity * given.risk_per_trade_pct / 100 * (HELD_SECTOR_FACTOR if held else 1.0)
    return max(1, floor(risk_amount / risk_per_share))


def _max_weight_pct(given: SizingInput) -> float:
    """R-SIZE-04: by the raw analyst score; unknown gets the lower weight."""
    is_high = given.llm_score is not None and given.llm_score >= HIGH_LLM_SCORE
    return MAX_WEIGHT_HIGH_SCORE_PCT if is_high else MAX_WEIGHT_PCT


def _cash_cap(given: SizingInput, equity: int) -> int:
    """R-SIZE-05, and what the broker would accept: cash must cover the cash price and the commission of every share."""
    spendable = max(0, given.cash_krw - floor(equity * CASH_RESERVE_PCT / 100))
    by_reserve = spendable // given.price_krw
    per_share_ppb = given.cash_price_krw * (BILLION + round(given.commission_ratio * BILLION))
    by_broker = max(0, given.cash_krw) * BILLION // per_share_ppb
    return min(by_reserve, by_broker)


def _heat_cap(given: SizingInput, equity: int, risk_per_share: float) -> int:
    """Most shares whose risk fits beside that of the open positions (R-SIZE-08)."""
    room_pct = given.max_portfolio_heat_pct - portfolio_heat_pct(given.positions, equity)
    return floor(max(0.0, room_pct) * equity / 100 / risk_per_share + ROUNDING)


def _zero_by_cap(given: SizingInput, weight_cap: int, cash_cap: int) -> Refusal:
    if cash_cap <= 0:
        return Refusal(
            rule="R-SIZE-05",
            detail="not enough cash for one share",
            value=float(given.cash_krw),
            limit=float(given.cash_price_krw),
        )
    return Refusal(rule="R-SIZE-04", detail="one share exceeds the weight limit", value=float(weight_cap), limit=1.0)


def _apply_multipliers(
    given: SizingInput, equity: int, risk_per_share: float, target: int, quantity: int, ceiling: int
) -> SizingResult | Refusal:
    """R-SIZE-09, R-SIZE-10; a multiplier above 1 grows the size up to the caps, never past them."""
    multipliers = {
        "tier": _tier_factor(given),
        "risk_tag": _risk_factor(given.risk_tag),
        "stale": _stale_factor(given.stale_sessions),
        "macro": given.position_multiplier,
    }
    product = 1.0
    for factor in multipliers.values():
        product *= factor
    final = min(floor(quantity * product + ROUNDING), ceiling)
    shown = ", ".join(f"{name} {factor:g}" for name, factor in multipliers.items())
    if final <= 0:
        return Refusal(
            rule="R-SIZE-10", detail=f"{quantity} shares x {product:.3f} ({shown}) leaves none", value=0.0, limit=1.0
        )
    return SizingResult(
        quantity=final,
        risk_per_share_krw=risk_per_share,
        equity_krw=equity,
        target_quantity=target,
        target_weight_pct=target * given.price_krw / equity * 100,
        actual_weight_pct=final * given.price_krw / equity * 100,
        multipliers=multipliers,
        reasoning=f"target {target}, capped {quantity}, x {product:.3f} ({shown}) = {final}",
    )


def _tier_factor(given: SizingInput) -> float:
    if given.trade_tier is TradeTier.BLOCKED:
        return 0.0
    if given.trade_tier is TradeTier.TIER2:
        return TIER2_FACTOR
    if given.hybrid_score is None:
        return TIER1_LOWEST
    return next((factor for score, factor in TIER1_STEPS if given.hybrid_score >= score), TIER1_LOWEST)


def _risk_factor(risk_tag: RiskTag) -> float:
    if risk_tag is RiskTag.DISTRIBUTION_RISK:
        return 0.0
    return CAUTION_FACTOR if risk_tag is RiskTag.CAUTION else 1.0


def _stale_factor(stale_sessions: int | None) -> float:
    if stale_sessions is None or stale_sessions >= 3:
        return 0.3
    return 0.5 if stale_sessions == 2 else 1.0
