"""Enumerations of the rulebook (R-ENUM)."""

from enum import StrEnum


class Mode(StrEnum):
    """Where orders go: the rehearsal exchange, the broker's mock trading, or real money."""

    REHEARSAL = "rehearsal"
    PAPER = "paper"
    LIVE = "live"


class MarketRegime(StrEnum):
    """R-ENUM-01, ordered from the mildest to the harshest in `severity`."""

    STRONG_BULL = "STRONG_BULL"
    BULL = "BULL"
    SIDEWAYS = "SIDEWAYS"
    BEAR = "BEAR"
    STRONG_BEAR = "STRONG_BEAR"

    @property
    def severity(self) -> int:
        """0 for STRONG_BULL up to 4 for STRONG_BEAR (R-THR-08)."""
        return _SEVERITY[self]

    @property
    def is_bull(self) -> bool:
        """BULL or STRONG_BULL."""
        return self in _BULL


_SEVERITY = {regime: rank for rank, regime in enumerate(MarketRegime)}
_BULL = frozenset({MarketRegime.BULL, MarketRegime.STRONG_BULL})


class TradeTier(StrEnum):
    """R-ENUM-02."""

    TIER1 = "TIER1"
    TIER2 = "TIER2"
    BLOCKED = "BLOCKED"


class RiskTag(StrEnum):
    """R-ENUM-03."""

    BULLISH = "BULLISH"
    NEUTRAL = "NEUTRAL"
    CAUTION = "CAUTION"
    DISTRIBUTION_RISK = "DISTRIBUTION_RISK"


class SignalType(StrEnum):
    """R-ENUM-04, plus MANUAL for an owner's own order."""

    GOLDEN_CROSS = "GOLDEN_CROSS"
    RSI_REBOUND = "RSI_REBOUND"
    MOMENTUM = "MOMENTUM"
    MOMENTUM_CONTINUATION = "MOMENTUM_CONTINUATION"
    DIP_BUY = "DIP_BUY"
    VOLUME_BREAKOUT = "VOLUME_BREAKOUT"
    WATCHLIST_CONVICTION = "WATCHLIST_CONVICTION"
    ORB_BREAKOUT = "ORB_BREAKOUT"
    MANUAL = "MANUAL"

    @property
    def is_momentum_family(self) -> bool:
        """R-ENUM-11: uses a limit order and a confirmation bar."""
        return self in (SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION)


class SellReason(StrEnum):
    """R-ENUM-05."""

    PROFIT_TARGET = "PROFIT_TARGET"
    STOP_LOSS = "STOP_LOSS"
    TRAILING_STOP = "TRAILING_STOP"
    BREAKEVEN_STOP = "BREAKEVEN_STOP"
    RSI_OVERBOUGHT = "RSI_OVERBOUGHT"
    TIME_EXIT = "TIME_EXIT"
    PROFIT_FLOOR = "PROFIT_FLOOR"
    DEATH_CROSS = "DEATH_CROSS"
    RISK_OFF = "RISK_OFF"
    MANUAL = "MANUAL"
    FORCED_LIQUIDATION = "FORCED_LIQUIDATION"

    @property
    def is_operator_order(self) -> bool:
        """MANUAL and FORCED_LIQUIDATION pass every stop (R-SELL-01, O4)."""
        return self in (SellReason.MANUAL, SellReason.FORCED_LIQUIDATION)


class SectorTier(StrEnum):
    """R-ENUM-06."""

    HOT = "HOT"
    WARM = "WARM"
    COOL = "COOL"


class OrderSide(StrEnum):
    """매수 / 매도."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """R-ENUM-07 (시장가 / 지정가)."""

    MARKET = "market"
    LIMIT = "limit"


class OrderState(StrEnum):
    """Life of an order intent in the ledger."""

    INTENT = "intent"
    SENT = "sent"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_PLACED = "not_placed"

    @property
    def is_terminal(self) -> bool:
        """No further fill can follow without an external cause."""
        return self in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.NOT_PLACED)


class Sentiment(StrEnum):
    """R-ENUM-08."""

    BULLISH = "bullish"
    NEUTRAL_TO_BULLISH = "neutral_to_bullish"
    NEUTRAL = "neutral"
    NEUTRAL_TO_BEARISH = "neutral_to_bearish"
    BEARISH = "bearish"


class VixRegime(StrEnum):
    """R-ENUM-09, bounds in R-MACD-03."""

    LOW_VOL = "low_vol"
    NORMAL = "normal"
    ELEVATED = "elevated"
    CRISIS = "crisis"


class IntradayRiskLevel(StrEnum):
    """R-ENUM-10, ordered from calm to harsh."""

    NORMAL = "NORMAL"
    CAUTION = "CAUTION"
    WARNING = "WARNING"
    DANGER = "DANGER"
    CRITICAL = "CRITICAL"


class PoliticalRisk(StrEnum):
    """R-ENUM-12."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Market(StrEnum):
    """Market segment of a listing."""

    KOSPI = "KOSPI"
    KOSDAQ = "KOSDAQ"
    KONEX = "KONEX"
    UNKNOWN = "UNKNOWN"


class ListingStatus(StrEnum):
    """Why a listed code may not be bought (Q3); NORMAL may."""

    NORMAL = "normal"
    ADMINISTRATIVE = "administrative"  # 관리종목
    INVESTMENT_WARNING = "investment_warning"  # 투자경고
    INVESTMENT_RISK = "investment_risk"  # 투자위험
    HALTED = "halted"  # 거래정지
    LIQUIDATION_TRADING = "liquidation_trading"  # 정리매매
    OVERHEATED = "overheated"  # 단기과열


class AssetKind(StrEnum):
    """Kind of security (증권 종류)."""

    COMMON = "COMMON"
    PREFERRED = "PREFERRED"
    SPAC = "SPAC"
    REIT = "REIT"
    ETF = "ETF"
    ETN = "ETN"
