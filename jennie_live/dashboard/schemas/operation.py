"""Stops, permit, health, jobs, logs, manual orders, live frame."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, StockCode
from jennie_core.domain.control import StopState
from jennie_core.domain.health import DependencyStatus
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.signals import Alert
from jennie_infra.dagster_client import JobRun
from jennie_live.dashboard.schemas.base import Problem, Sourced
from jennie_live.dashboard.schemas.portfolio import OrderView, PositionView


class PermitView(Sourced):
    """The permit as the buy executor would judge it now."""

    valid: bool
    refusal: str | None
    permit: TradingPermit | None


class StopsView(Sourced):
    """The stops in force."""

    state: StopState
    readable: bool
    liquidation_codes: tuple[str, ...] = ()
    liquidation_armed: bool | None = None


class StopRequest(Message):
    """Body of a stop; the word is typed by the operator in the confirm step."""

    reason: str = Field(default="", max_length=200)
    confirm: Literal["pause", "halt", "resume"]


class StopAnswer(Message):
    """Which places took the stop; one is enough."""

    state: StopState
    stored_in: tuple[str, ...]
    failed: tuple[str, ...]


class ServiceHealth(Message):
    """One process or store as it answered."""

    service: str
    port: int | None
    state: str = Field(description="healthy, degraded, unhealthy, starting, reconciling, down or unknown")
    latency_ms: float | None
    version: str | None = None
    uptime_seconds: float | None = None
    settings_hash: str | None = None
    market_time: str | None = None
    dependencies: dict[str, DependencyStatus] = Field(default_factory=dict)
    detail: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    problem: Problem | None = None


class SystemHealth(Sourced):
    """Every process and store, asked in parallel."""

    services: tuple[ServiceHealth, ...]
    settings_hash: str
    settings_differ: tuple[str, ...] = Field(description="services that run with other trading settings (R-CFG-02)")


class JobView(Message):
    """A job with its times of day and its newest run."""

    job: str
    description: str
    times_kst: tuple[str, ...]
    last_run: JobRun | None
    next_run_at: MarketTime | None
    can_run: bool


class Jobs(Sourced):
    """Jobs of the data plane."""

    jobs: tuple[JobView, ...]
    dagster_url: str


class JobRequest(Message):
    """Start a job; without a partition the current market day is taken for a partitioned job."""

    partition: date | None = None


class LogSource(Message):
    """One log file."""

    service: str
    size_bytes: int
    written_at: MarketTime


class LogSources(Sourced):
    """Services with a log."""

    services: tuple[LogSource, ...]


class LogLine(Message):
    """One line; `event` and `level` are read from JSON lines, other lines stand in `event` as they are."""

    at: str | None
    level: str | None
    event: str
    fields: dict[str, Any] = Field(default_factory=dict)


class LogPage(Sourced):
    """The newest lines, oldest first."""

    service: str
    lines: tuple[LogLine, ...]


class RehearsalView(Sourced):
    """report.json of the last rehearsal."""

    report: dict[str, Any] | None


class LlmService(Message):
    """Calls of one service on one day."""

    service: str
    figures: dict[str, int | float]


class LlmStats(Sourced):
    """Language model use of one day."""

    stats_date: date
    services: tuple[LlmService, ...]
    totals: dict[str, int | float]


class ManualBuyRequest(Message):
    """An owner's buy. `request_id` makes a repeated click one order."""

    request_id: str = Field(pattern=r"^[0-9a-zA-Z-]{8,40}$")
    stock_code: StockCode
    quantity: int = Field(gt=0, le=1_000_000)


class ManualSellRequest(Message):
    """An owner's sell; no quantity sells all managed shares."""

    request_id: str = Field(pattern=r"^[0-9a-zA-Z-]{8,40}$")
    stock_code: StockCode
    quantity: int | None = Field(default=None, gt=0, le=1_000_000)


class ManualAnswer(Message):
    """The order was handed to its executor; follow it under `signal_id`."""

    signal_id: str
    stock_code: str
    stock_name: str
    quantity: int
    reference_price_krw: int


class SignalOutcome(Sourced):
    """What became of a signal."""

    signal_id: str
    outcome: str | None
    refusal_rule: str | None = None
    refusal_text: str | None = None
    order: OrderView | None = None


class PriceView(Message):
    """Newest price of a code."""

    price_krw: int
    at: MarketTime
    source: str


class Identity(Message):
    """What the page must know before anything else."""

    mode: str
    simulated: bool
    real_market_data: bool
    version: str
    settings_hash: str
    halt_blocks_exits: bool
    dagster_url: str


class LiveFrame(Message):
    """One frame of /ws, at most once a second."""

    market_time: MarketTime | None
    phase: str
    feed_age_seconds: float | None = Field(description="real seconds since the last clock mark")
    mode: str
    stops: StopState
    stops_readable: bool
    permit_valid: bool
    permit_refusal: str | None
    prices: dict[str, PriceView]
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    alerts: tuple[Alert, ...]
    realized_today_krw: int | None
    unrealized_krw: int | None
    problems: tuple[Problem, ...]
