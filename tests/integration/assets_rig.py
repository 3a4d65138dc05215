"""A data plane on a small generated market: real Dagster instance, real Redis, both stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from sqlalchemy import text

from jennie_assets.conduct import DataPlane, JobResult
from jennie_assets.partitions import CALENDAR, key_of
from jennie_core.domain.base import KST
from jennie_infra.settings import load_settings
from jennie_sim.market.generate import generate_market

DAY = date(2026, 3, 18)
MARKET_ASSETS = ("daily_prices", "index_prices", "investor_flows")
SESSIONS = 130
CODES = 90
SEED = 11


def at(hhmm: str, day: date = DAY) -> datetime:
    """An instant of the market day."""
    return datetime.combine(day, time.fromisoformat(hhmm), KST)


@dataclass
class Rig:
    """The plane and its folder."""

    plane: DataPlane
    folder: Path

    def load(self) -> list[JobResult]:
        """History, then the morning's jobs up to the council."""
        last = CALENDAR.previous_session(DAY)
        first = CALENDAR.previous_session(DAY, SESSIONS)
        return [
            self.plane.backfill(MARKET_ASSETS, first, last, market_time=at("06:00")),
            self.plane.run_job("market_data_job", key_of(last), at("06:30")),
            self.plane.run_job("macro_collect_job", key_of(DAY), at("07:20")),
            self.plane.run_job("macro_council_job", key_of(DAY), at("07:30")),
        ]

    def scout(self, hhmm: str = "08:30") -> JobResult:
        """One scout run."""
        return self.plane.run_job("scout_job", key_of(DAY), at(hhmm))

    def digest(self, table: str, columns: str, where: str = "1=1") -> tuple[object, ...]:
        """Rows of a market table in a fixed order."""
        with self.plane.platform.market.connect() as connection:
            rows = connection.execute(text(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {columns}"))
            return tuple(tuple(row) for row in rows)


def generated_folder(folder: Path) -> Path:
    """The generated market of every test, known before DAY."""
    generate_market(folder, SEED, DAY, sessions=SESSIONS + 30, codes=CODES)
    return folder


@contextmanager
def rig(folder: Path, market: Path, redis_url: str, **settings: object) -> Iterator[Rig]:
    """A plane in a folder: with empty stores, or as an earlier one left them."""
    loaded = load_settings(
        {}, folder / "absent.env", home=folder / "state", market_data=market, redis_url=redis_url, **settings
    )
    loaded.state_dir.mkdir(parents=True, exist_ok=True)
    plane = DataPlane(loaded, folder / "dagster")
    try:
        plane.prepare_stores()
        yield Rig(plane, folder)
    finally:
        plane.close()
