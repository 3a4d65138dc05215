"""The intraday risk throttle (R-THR): worse at once, better one level at a time, NORMAL only by a council run."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jennie_core.domain.base import KST
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.krx.sessions import session_times

NO_DATA_LIMIT = timedelta(minutes=15)
VALIDITY = timedelta(minutes=15)
LEVELS = tuple(IntradayRiskLevel)


@dataclass(frozen=True, slots=True)
class LevelRule:
    """One row of the table R-THR-01..05; limits are "at or beyond", None never triggers."""

    rule: str
    level: IntradayRiskLevel
    kospi_change_pct: float | None
    vix: float | None
    position_multiplier: float
    minimum_regime: MarketRegime | None
    leave_after: timedelta


LEVEL_RULES: tuple[LevelRule, ...] = (
    LevelRule("R-THR-01", IntradayRiskLevel.CRITICAL, -4.0, None, 0.0, MarketRegime.STRONG_BEAR, timedelta(minutes=30)),
    LevelRule("R-THR-02", IntradayRiskLevel.DANGER, -3.0, 40.0, 0.3, MarketRegime.BEAR, timedelta(minutes=20)),
    LevelRule("R-THR-03", IntradayRiskLevel.WARNING, -2.0, 35.0, 0.6, MarketRegime.BEAR, timedelta(minutes=10)),
    LevelRule("R-THR-04", IntradayRiskLevel.CAUTION, -1.0, 30.0, 0.8, None, timedelta(minutes=5)),
    LevelRule("R-THR-05", IntradayRiskLevel.NORMAL, None, None, 1.0, None, timedelta(0)),
)
_RULE_OF = {rule.level: rule for rule in LEVEL_RULES}


@dataclass(frozen=True, slots=True)
class ThrottleUpdate:
    """The throttle's new state, and what is worth saying about the step (R-THR-10)."""

    risk: IntradayRisk
    previous_level: IntradayRiskLevel
    data_missing: bool

    @property
    def level_changed(self) -> bool:
        """Alerts go out on a change of level only."""
        return self.risk.level is not self.previous_level

    @property
    def text(self) -> str:
        """Old and new level, index, VIX and multiplier in one line."""
        kospi = "unknown" if self.risk.kospi_change_pct is None else f"{self.risk.kospi_change_pct:+.2f} %"
        vix = "unknown" if self.risk.vix_value is None else f"{self.risk.vix_value:.1f}"
        return (
            f"intraday risk {self.previous_level} -> {self.risk.level}: KOSPI {kospi}, VIX {vix}, "
            f"multiplier {self.risk.position_multiplier}"
        )


def measured_level(kospi_change_pct: float, vix: float | None) -> IntradayRiskLevel:
    """The level a reading calls for, first match; an unknown VIX triggers nothing (R-THR-09)."""
    for rule in LEVEL_RULES:
        by_index = rule.kospi_change_pct is not None and kospi_change_pct <= rule.kospi_change_pct
        by_vix = rule.vix is not None and vix is not None and vix >= rule.vix
        if by_index or by_vix:
            return rule.level
    return IntradayRiskLevel.NORMAL


class IntradayThrottle:
    """State of the throttle over one session; every instant is market time and comes as an argument."""

    def __init__(self, started_at: datetime) -> None:
        """Index changes are expected from the day's open (or from a later start) on."""
        self._level = IntradayRiskLevel.NORMAL
        self._minimum_regime: MarketRegime | None = None
        self._recovery_started_at: datetime | None = None
        self._last_data_at = max(started_at, session_times(started_at.astimezone(KST).date()).open_at)
        self._council_known_at = started_at
        self._kospi_change_pct: float | None = None
        self._vix: float | None = None

    def restore(self, risk: IntradayRisk) -> None:
        """Go on from a stored state of the same market day after a restart."""
        self._level = risk.level
        self._minimum_regime = risk.minimum_regime
        self._recovery_started_at = risk.recovery_started_at
        self._last_data_at = risk.known_at
        self._council_known_at = risk.known_at
        self._kospi_change_pct = risk.kospi_change_pct
        self._vix = risk.vix_value

    def on_context(self, context: TradingContext) -> None:
        """A council run newer than the throttle's state resets it to NORMAL and clears the timer (R-REG-08)."""
        if context.known_at <= self._council_known_at:
            return
        self._council_known_at = context.known_at
        self._level = IntradayRiskLevel.NORMAL
        self._minimum_regime = None
        self._recovery_started_at = None

    def observe(self, kospi_change_pct: float | None, vix: float | None, market_time: datetime) -> ThrottleUpdate:
        """One cycle with the latest reading (every 5 minutes).

        An unknown index change moves nothing; 15 minutes without one raise the level to CAUTION at least (R-THR-09).
        """
        previous = self._level
        self._vix = vix
        if kospi_change_pct is not None:
            self._last_data_at = market_time
            self._kospi_change_pct = kospi_change_pct
            self._move(measured_level(kospi_change_pct, vix), market_time)
        data_missing = market_time - self._last_data_at >= NO_DATA_LIMIT
        if data_missing and self._level is IntradayRiskLevel.NORMAL:
            self._worsen(IntradayRiskLevel.CAUTION)
        return ThrottleUpdate(self.risk(market_time), previous, data_missing)

    def risk(self, market_time: datetime) -> IntradayRisk:
        """The state as it is published, valid for 15 minutes."""
        return IntradayRisk(
            level=self._level,
            position_multiplier=_RULE_OF[self._level].position_multiplier,
            minimum_regime=self._minimum_regime,
            kospi_change_pct=self._kospi_change_pct,
            vix_value=self._vix,
            recovery_started_at=self._recovery_started_at,
            known_at=market_time,
            expires_at=market_time + VALIDITY,
        )

    def missing_data_refusal(self, market_time: datetime) -> Refusal | None:
        """The alarm of R-THR-09 as a refusal text, or None while data arrives."""
        silence = market_time - self._last_data_at
        if silence < NO_DATA_LIMIT:
            return None
        return Refusal(
            rule="R-THR-09",
            detail="no index change for 15 minutes: level CAUTION at least",
            value=silence.total_seconds(),
            limit=NO_DATA_LIMIT.total_seconds(),
        )

    def _move(self, measured: IntradayRiskLevel, market_time: datetime) -> None:
        if _severity(measured) > _severity(self._level):
            self._worsen(measured)
        elif measured is self._level:
            self._recovery_started_at = None
        elif _severity(self._level) > _severity(IntradayRiskLevel.CAUTION):
            self._recover(market_time)

    def _worsen(self, level: IntradayRiskLevel) -> None:
        self._level = level
        self._recovery_started_at = None
        demanded = _RULE_OF[level].minimum_regime
        known = self._minimum_regime
        if demanded is not None and (known is None or demanded.severity > known.severity):
            self._minimum_regime = demanded

    def _recover(self, market_time: datetime) -> None:
        if self._recovery_started_at is None:
            self._recovery_started_at = market_time
            return
        if market_time - self._recovery_started_at >= _RULE_OF[self._level].leave_after:
            self._level = LEVELS[_severity(self._level) - 1]
            self._recovery_started_at = market_time


def _severity(level: IntradayRiskLevel) -> int:
    return LEVELS.index(level)
