"""The three seats' replies and what is accepted from a model in each (R-CNL-01..03, R-CNL-05, R-CNL-06)."""

from math import isnan
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jennie_core.domain.enums import PoliticalRisk, Sentiment, SignalType
from jennie_core.scoring.sectors import SECTOR_GROUPS

JUDGE_STRATEGIES: tuple[SignalType, ...] = (
    SignalType.GOLDEN_CROSS,
    SignalType.MOMENTUM,
    SignalType.MOMENTUM_CONTINUATION,
    SignalType.DIP_BUY,
    SignalType.WATCHLIST_CONVICTION,
    SignalType.VOLUME_BREAKOUT,
)
Consensus = Literal["strong_agree", "agree", "partial_disagree", "disagree"]


def _clamped(low: float, high: float) -> BeforeValidator:
    """A number within the bounds; what is no number (NaN too, which models do write) is no reply."""

    def clamp(value: Any) -> float:
        try:
            number = float(value)
        except TypeError as error:  # the library lets it pass through, and one bad reply would end the council
            raise ValueError("not a number") from error
        if isnan(number):
            raise ValueError("not a number")
        return max(low, min(high, number))

    return BeforeValidator(clamp)


def _sentiment(value: object) -> object:
    text = str(value).strip().lower()
    return text if text in set(Sentiment) else Sentiment.NEUTRAL


def _political(value: object) -> object:
    text = str(value).strip().lower()
    return text if text in set(PoliticalRisk) else PoliticalRisk.LOW


def _consensus(value: object) -> object:
    text = str(value).strip().lower()
    return text if text in ("strong_agree", "agree", "partial_disagree", "disagree") else "partial_disagree"


def _texts(most: int) -> BeforeValidator:
    def cut(value: object) -> object:
        items = value if isinstance(value, list | tuple) else []
        return tuple(str(item).strip() for item in items if str(item).strip())[:most]

    return BeforeValidator(cut)


def _known_sectors(value: object) -> object:
    items = value if isinstance(value, list | tuple) else []
    return tuple(dict.fromkeys(str(item) for item in items if str(item) in SECTOR_GROUPS))


def _known_strategies(value: object) -> object:
    items = value if isinstance(value, list | tuple) else []
    names = {strategy.value for strategy in JUDGE_STRATEGIES}
    return tuple(dict.fromkeys(str(item) for item in items if str(item) in names))


def _sector_signals(value: object) -> object:
    if not isinstance(value, dict):
        return {}
    words = ("bullish", "neutral", "bearish")
    return {name: word for name, word in value.items() if name in SECTOR_GROUPS and word in words}


Hint = Annotated[str, BeforeValidator(lambda value: str(value).strip()[:50])]
Score = Annotated[float, _clamped(0, 100)]
PositionPct = Annotated[float, _clamped(50, 130)]
StopPct = Annotated[float, _clamped(80, 150)]
SentimentWord = Annotated[Sentiment, BeforeValidator(_sentiment)]
Sectors = Annotated[tuple[str, ...], BeforeValidator(_known_sectors)]
Strategies = Annotated[tuple[SignalType, ...], BeforeValidator(_known_strategies)]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class StrategistReply(_Reply):
    """Step 1: the market as its own prices show it. A reply without a score is no reply."""

    overall_sentiment: SentimentWord
    sentiment_score: Score
    regime_hint: Hint
    sector_signals: Annotated[dict[str, str], BeforeValidator(_sector_signals)] = Field(default_factory=dict)
    risk_factors: Annotated[tuple[str, ...], _texts(10)] = ()
    opportunity_factors: Annotated[tuple[str, ...], _texts(5)] = ()
    key_themes: Annotated[tuple[str, ...], _texts(10)] = ()


class RiskReply(_Reply):
    """Step 2: the same market through the eyes of risk."""

    agree_with_sentiment: bool
    adjusted_sentiment_score: Score
    adjustment_reason: str = ""
    political_risk_level: Annotated[PoliticalRisk, BeforeValidator(_political)] = PoliticalRisk.LOW
    position_size_pct: PositionPct
    stop_loss_adjust_pct: StopPct
    risk_reasoning: str = ""

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        """The assessment may come as its own object, as the prompt asks (R-CNL-02)."""
        if isinstance(value, dict) and isinstance(value.get("risk_assessment"), dict):
            return {**value, **value["risk_assessment"]}
        return value


_JUDGE_NAMES = {
    "final_sentiment": ("sentiment", "overall_sentiment"),
    "final_sentiment_score": ("final_score", "score", "sentiment_score"),
    "final_regime_hint": ("regime", "regime_hint", "final_regime"),
    "final_position_size_pct": ("position_size_pct", "position_size"),
    "final_stop_loss_adjust_pct": ("stop_loss_adjust_pct", "stop_loss_pct"),
    "council_consensus": ("consensus",),
    "sectors_to_favor": ("overweight", "overweight_sectors"),
    "sectors_to_avoid": ("underweight", "underweight_sectors"),
    "trading_reasoning": ("key_reasoning", "reasoning"),
}


class JudgeReply(_Reply):
    """Step 3: the verdict; other usual key names are taken as well (R-CNL-05)."""

    final_sentiment: SentimentWord
    final_sentiment_score: Score
    final_regime_hint: Hint
    final_position_size_pct: PositionPct
    final_stop_loss_adjust_pct: StopPct
    council_consensus: Annotated[Consensus, BeforeValidator(_consensus)] = "partial_disagree"
    strategies_to_favor: Strategies = ()
    strategies_to_avoid: Strategies = ()
    sectors_to_favor: Sectors = ()
    sectors_to_avoid: Sectors = ()
    trading_reasoning: str = ""

    @model_validator(mode="before")
    @classmethod
    def _alternative_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        renamed = dict(value)
        for name, others in _JUDGE_NAMES.items():
            found = next((other for other in others if other in value), None)
            if name not in renamed and found is not None:
                renamed[name] = value[found]
        return renamed
