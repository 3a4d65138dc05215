"""The live view of a rehearsal: phase, market clock, ticks, signals, orders, fills, equity, time left."""

import time
from datetime import date, datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from jennie_cli.conductor import Progress
from jennie_infra.settings import Settings

REFRESH_PER_SECOND = 2
PLAIN_SECONDS = 10.0
COUNTS = text(
    "SELECT (SELECT COUNT(*) FROM signal_log WHERE market_day = :day),"
    " (SELECT COUNT(*) FROM order_intent WHERE market_day = :day),"
    " (SELECT COUNT(*) FROM fill WHERE market_day = :day)"
)


class LiveView:
    """Context manager around a run; draws from `Progress` and a read-only look at the ledger."""

    def __init__(self, console: Console, *, day: date, settings: Settings, plain: bool) -> None:
        self._console = console
        self._day = day
        self._ledger = Path(settings.effective_ledger_url.removeprefix("sqlite:///"))
        self._engine: Engine | None = None
        self._plain = plain or not console.is_terminal
        self._said_at = 0.0
        self._history = ""
        self.progress = Progress()
        self._live = Live(
            console=console, refresh_per_second=REFRESH_PER_SECOND, get_renderable=self._draw, transient=True
        )

    def __enter__(self) -> "LiveView":
        if not self._plain:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._plain:
            self._live.__exit__(kind, error, trace)
        if self._engine is not None:
            self._engine.dispose()

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self.progress.phase = name
        if self._plain:
            elapsed = time.monotonic() - self.progress.started_real
            self._console.print(f"[{elapsed:6.1f} s] {name}", markup=False)

    def job(self, name: str) -> None:
        """A data-plane job begins; empty when it ended."""
        self.progress.job = name

    def history(self, done: int, total: int) -> None:
        """Sessions backfilled so far."""
        self._history = f"{done}/{total} sessions"

    def tell(self, now: datetime) -> None:
        """Plain mode: one line every ten seconds of real time."""
        if not self._plain or time.monotonic() - self._said_at < PLAIN_SECONDS:
            return
        self._said_at = time.monotonic()
        signals, orders, fills = self._counts()
        elapsed = time.monotonic() - self.progress.started_real
        self._console.print(
            f"[{elapsed:6.1f} s] {now:%H:%M:%S} ticks {self.progress.ticks_sent:,} signals {signals} orders {orders} "
            f"fills {fills} equity {_won(self.progress.equity_krw)} left {_left(self.progress)}",
            markup=False,
        )

    def _draw(self) -> Table:
        progress = self.progress
        signals, orders, fills = self._counts()
        table = Table.grid(padding=(0, 2))
        market = "—" if progress.market_time is None else f"{progress.market_time:%H:%M:%S}"
        table.add_row(
            Text(f"jennie rehearsal {self._day}", style="bold"),
            Text(progress.phase + (f" · {progress.job}" if progress.job else "") or "", style="cyan"),
        )
        table.add_row(f"market clock {market}", f"time left {_left(progress)}")
        if self._history and progress.market_time is None:
            table.add_row("history", self._history)
        table.add_row(
            f"ticks {progress.ticks_sent:,}",
            f"signals {signals}  orders {orders}  fills {fills}  equity {_won(progress.equity_krw)}",
        )
        return table

    def _counts(self) -> tuple[int, int, int]:
        """Rows of the day; zeros are true before the ledger exists."""
        if not self._ledger.exists():
            return 0, 0, 0
        if self._engine is None:
            self._engine = create_engine(f"sqlite:///file:{self._ledger}?mode=ro&uri=true")
        try:
            with self._engine.connect() as connection:
                row = connection.execute(COUNTS, {"day": self._day.isoformat()}).one()
        except SQLAlchemyError:
            return 0, 0, 0
        return int(row[0]), int(row[1]), int(row[2])


def _won(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}원"


def _left(progress: Progress) -> str:
    left = progress.seconds_left()
    return "—" if left is None else f"{left:.0f} s"
