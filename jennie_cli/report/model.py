"""The report of one rehearsal day (`report.json`)."""

from datetime import date

from pydantic import Field

from jennie_core.domain.base import Message


class AssetCounts(Message):
    """Materialisations through Dagster."""

    materialized: int
    failed: int
    failed_jobs: tuple[str, ...] = ()


class CheckCounts(Message):
    """Asset check evaluations; `failures` names those that did not pass."""

    passed: int
    failed: int
    warned: int
    failures: tuple[str, ...] = ()


class WatchlistSummary(Message):
    """The list in force at the end; None fields when none was ever published."""

    version: str | None
    size: int
    tradable: int
    regime: str | None
    names: tuple[str, ...] = ()
    scored: int = Field(default=0, description="stocks scored by the day's newest run")
    left_out: dict[str, int] = Field(default_factory=dict, description="scored stocks that may not be bought, by rule")


class TickCounts(Message):
    """Ticks the exchange sent and the gateway received; `lost` is the difference."""

    sent: int
    received: int
    lost: int


class SignalCounts(Message):
    """Signals raised and refused by rule."""

    buy: int
    sell: int
    refused: dict[str, int]


class OrderCounts(Message):
    """Orders by final state."""

    submitted: int
    filled: int
    partially_filled: int
    cancelled: int
    rejected: int
    unknown: int


class Pnl(Message):
    """Profit and loss in won against the buy prices, carried holdings included; costs stand beside them."""

    realized_krw: int
    unrealized_krw: int
    fees_krw: int
    taxes_krw: int


class Quantiles(Message):
    """Milliseconds; None without a sample."""

    p50: float | None
    p99: float | None
    max: float | None
    samples: int


class Latency(Message):
    """Real time from the gateway's receive stamp of the causing tick."""

    tick_to_signal: Quantiles
    signal_to_order: Quantiles
    tick_to_order: Quantiles


class PermitFacts(Message):
    """The permit in force at the end of the day."""

    granted: bool | None
    reasons: tuple[str, ...]


class Reconciliation(Message):
    """Our ledger against the exchange's, to the share and the won."""

    matches: bool
    differences: tuple[str, ...]
    compared: int
    cash_ours_krw: int | None
    cash_exchange_krw: int | None


class ProcessRow(Message):
    """One process at the end of the day."""

    name: str
    pid: int
    port: int | None
    healthy: bool | None
    restarts: int
    rss_mb: float | None


class LineageSample(Message):
    """One fill followed back to the prices it came from."""

    fill_id: str
    intent_id: str
    signal_id: str | None
    signal_type: str | None
    watchlist_version: str | None
    score_run_id: str | None
    score_partition: str | None
    price_partitions: tuple[str, ...] = ()
    price_rows: int | None = None


class OrderRow(Message):
    """One submitted order as the report shows it."""

    market_time: str
    side: str
    stock_code: str
    stock_name: str
    quantity: int
    filled_quantity: int
    average_price_krw: float | None
    reason: str
    rule: str | None
    state: str
    realized_pnl_krw: int | None


class PositionRow(Message):
    """One open position at the end of the day."""

    stock_code: str
    stock_name: str
    quantity: int
    average_price_krw: float
    last_price_krw: int | None
    unrealized_krw: int | None
    carried: bool
    sector_group: str | None


class RefusalRow(Message):
    """One refused buy in words."""

    market_time: str
    stock_code: str
    stock_name: str
    subject: str
    rule: str
    detail: str
    value: str | None
    limit: str | None


class Note(Message):
    """Something to know about the day, in both languages of the page."""

    ko: str
    en: str


class CurvePoint(Message):
    """Account value and index at one market minute."""

    minute: str
    equity_krw: int
    kospi_change_pct: float | None


class FaultRow(Message):
    """A fault of the exchange that was on for the whole day, as it was asked for, and how often it struck."""

    fault: str
    hits: int


class Report(Message):
    """Everything a person wants to know of the day."""

    mode: str
    market_day: date
    data_source: str
    simulated: bool
    seed: int
    speed: str
    slice_seconds: int
    wall_seconds: float
    phases: dict[str, float] = Field(description="wall seconds per phase")
    assets: AssetCounts
    checks: CheckCounts
    partitions_backfilled: int
    watchlist: WatchlistSummary
    ticks: TickCounts
    signals: SignalCounts
    orders: OrderCounts
    fills: int
    positions: tuple[PositionRow, ...]
    pnl: Pnl
    latency_ms: Latency
    reconciliation: Reconciliation
    processes: tuple[ProcessRow, ...]
    lineage_sample: LineageSample | None
    settings_hash: str
    settings_are_default: bool
    order_hash: str
    exchange_ledger_hash: str
    permit_granted: bool | None
    permit_reasons: tuple[str, ...]
    order_rows: tuple[OrderRow, ...]
    refusal_rows: tuple[RefusalRow, ...]
    equity_curve: tuple[CurvePoint, ...]
    start_equity_krw: int | None
    end_equity_krw: int | None
    day_pnl_krw: int | None = Field(description="end equity less start equity: costs included, deposits excluded")
    moved_values: int = Field(description="prices mapped onto legal ticks for the exchange")
    faults: tuple[FaultRow, ...] = Field(default=(), description="faults of the exchange, on for the whole day")
    limit_violations: int = Field(description="broker limits broken, as the exchange recorded")
    alerts: tuple[str, ...]
    briefing: str | None
    notes: tuple[Note, ...]
