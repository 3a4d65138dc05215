"""What a run knows of itself: partition, run id of the house, market time, and the metadata every asset leaves."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import dagster as dg
import polars as pl
from redis.exceptions import RedisError

from jennie_assets.partitions import SESSIONS, day_of
from jennie_assets.platform import Platform
from jennie_core.domain.base import KST
from jennie_core.domain.enums import Mode
from jennie_infra.bus.streams import Streams, decode_watermark
from jennie_infra.clock import wall_now

MARKET_TIME_TAG = "jennie/market_time"
BACKFILL_TAG = "jennie/backfill"
VERSION_KEY = "data_version_hash"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class RunFacts:
    """`days` are the sessions of the run, oldest first; `run_id` is what tables and documents carry (B4)."""

    dagster_run_id: str
    days: tuple[date, ...]
    now: datetime
    is_backfill: bool
    started: float = field(default_factory=time.monotonic)

    @property
    def day(self) -> date:
        """The session of a run over one partition (the last of a range)."""
        return self.days[-1]

    @property
    def run_id(self) -> str:
        """Dagster run id prefix and partition."""
        return f"{self.dagster_run_id[:8]}-{self.day:%Y%m%d}"

    def metadata(self, *, rows: int, source: str, version: str, **more: Any) -> dict[str, Any]:
        """Rows, first and last session, source, data version and seconds, as every asset shows them."""
        return {
            "rows": rows,
            "first_session": self.days[0].isoformat(),
            "last_session": self.days[-1].isoformat(),
            "source": source,
            VERSION_KEY: version,
            "seconds": round(time.monotonic() - self.started, 3),
            "market_time": self.now.isoformat(),
            **more,
        }


def facts(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext, platform: Platform
) -> RunFacts:
    """Facts of a run from its tags."""
    return facts_of(context.run.run_id, context.run.tags, platform)


def facts_of(run_id: str, tags: Mapping[str, str], platform: Platform) -> RunFacts:
    """As `facts`, from the run's id and tags; a run without a stated market time takes the market's present one."""
    stated = tags.get(MARKET_TIME_TAG)
    now = market_now(platform) if stated is None else datetime.fromisoformat(stated).astimezone(KST)
    return RunFacts(dagster_run_id=run_id, days=_days(tags, now), now=now, is_backfill=BACKFILL_TAG in tags)


def market_now(platform: Platform) -> datetime:
    """Market time outside a conducted run: in a rehearsal the newest watermark (its day may be years ago)."""
    if platform.settings.mode is not Mode.REHEARSAL:
        return wall_now()
    try:
        newest: Any = platform.redis.xrevrange(Streams.WATERMARKS.value, count=1)
    except (RedisError, OSError):
        newest = []
    return decode_watermark(newest[0][1])[1] if newest else wall_now()


def _days(tags: Mapping[str, str], now: datetime) -> tuple[date, ...]:
    if PARTITION_TAG in tags:
        return (day_of(tags[PARTITION_TAG]),)
    if RANGE_START_TAG in tags and RANGE_END_TAG in tags:
        keys = SESSIONS.get_partition_keys_in_range(dg.PartitionKeyRange(tags[RANGE_START_TAG], tags[RANGE_END_TAG]))
        return tuple(day_of(key) for key in keys)
    return (now.date(),)


def frame_version(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> str:
    """Twelve hex digits over a frame's values, whatever the order of its rows."""
    chosen = frame.select(columns) if columns is not None else frame
    if chosen.height == 0:
        return "empty"
    hashes = chosen.hash_rows(seed=0).sort()
    return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()[:12]
