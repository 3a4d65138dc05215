"""Health, jobs, logs, language model use and the last rehearsal (R-DASH-07..10)."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from redis.exceptions import RedisError

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.schedule import SCHEDULE
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.clock import wall_now
from jennie_infra.dagster_client import DagsterError, JobRun, JobState
from jennie_live.common.web import version
from jennie_live.dashboard import logs
from jennie_live.dashboard.context import Context
from jennie_live.dashboard.probes import OWN, probe_all
from jennie_live.dashboard.problems import ProblemError, of_dagster
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.operation import (
    JobRequest,
    Jobs,
    JobView,
    LlmService,
    LlmStats,
    LogPage,
    LogSources,
    RehearsalView,
    ServiceHealth,
    SystemHealth,
)

router = APIRouter(prefix="/api", tags=["system"])
START = "start the stack with `make up`"


@router.get("/system/health")
async def health(context: Context) -> SystemHealth:
    """Every process and store, asked at once; those with other trading settings are named."""
    ours = context.runtime.trading.settings_hash()
    own = ServiceHealth(
        service=OWN,
        port=context.settings.port(OWN),
        state=context.runtime.state,
        latency_ms=0.0,
        version=version(),
        settings_hash=ours,
        market_time=context.runtime.clock.now().isoformat() if context.runtime.clock.is_known else None,
    )
    found = (*await probe_all(context), own)
    return SystemHealth(
        source="probes",
        as_of=wall_now(),
        services=found,
        settings_hash=ours,
        settings_differ=tuple(s.service for s in found if s.settings_hash not in (None, ours)),
    )


@router.get("/jobs")
async def jobs(context: Context) -> Jobs:
    """Jobs of the schedule table with their last run; without Dagster the states are unknown and it says so."""
    problem: Problem | None = None
    states: dict[str, JobState] = {}
    try:
        states = {state.job: state for state in await context.dagster.jobs()}
    except DagsterError as error:
        problem = of_dagster(error)
    times: dict[str, list[str]] = {}
    described: dict[str, str] = {}
    for row in SCHEDULE:
        times.setdefault(row.job, []).append(row.at.strftime("%H:%M"))
        described[row.job] = row.description
    names = list(times) + sorted(name for name in states if name not in times)
    views = tuple(
        JobView(
            job=name,
            description=described.get(name) or (states[name].description if name in states else ""),
            times_kst=tuple(times.get(name, ())),
            last_run=states[name].last_run if name in states else None,
            next_run_at=states[name].next_run_at if name in states else None,
            can_run=name in states,
        )
        for name in names
    )
    return Jobs(
        source="dagster" if problem is None else "schedule table",
        as_of=wall_now() if problem is None else None,
        problem=problem,
        jobs=views,
        dagster_url=context.settings.effective_dagster_url,
    )


@router.post("/jobs/{job}/run", status_code=202)
async def run_job(context: Context, job: str, body: JobRequest) -> JobRun:
    """Start a job through Dagster for a daily partition: the one asked for, else the current market day."""
    day = body.partition or context.now().date()
    offset = next((row.partition_offset for row in SCHEDULE if row.job == job), 0)
    partition = day.isoformat()
    if body.partition is None and offset:
        partition = KrxCalendar.shipped().previous_session(day, -offset).isoformat()
    return await context.dagster.launch(job, partition=partition, said_by="dashboard")


@router.get("/logs/services")
async def log_services(context: Context) -> LogSources:
    """Services with a log file."""
    found = await asyncio.to_thread(logs.sources, _logs_folder(context.settings.state_dir))
    problem = None
    if not found:
        problem = Problem(rule="LOGS-ABSENT", detail="there are no log files yet", next_step=START)
    newest = max((source.written_at for source in found), default=None)
    return LogSources(source="files", as_of=newest, problem=problem, services=found)


@router.get("/logs/stream")
async def log_stream(
    context: Context,
    service: str,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    contains: Annotated[str, Query(max_length=100)] = "",
    level: Annotated[str, Query(pattern="^(|debug|info|warning|error|critical)$")] = "",
) -> LogPage:
    """The newest lines of one service, oldest first."""
    lines = await asyncio.to_thread(
        logs.tail, _logs_folder(context.settings.state_dir), service, limit=limit, contains=contains, level=level
    )
    if lines is None:
        raise ProblemError(404, "LOGS-ABSENT", f"there is no log of {service!r}", "choose a service from the list")
    return LogPage(source="files", as_of=wall_now(), service=service, lines=lines)


@router.get("/llm/stats")
@router.get("/llm/stats/{stats_date}")
async def llm_stats(context: Context, stats_date: date | None = None) -> LlmStats:
    """Calls and tokens per service on a day; services are found by their keys, none is forgotten (R-DASH-07)."""
    day = stats_date or context.now().date()
    pattern = RedisKeys.LLM_STATS.of(date=day.isoformat(), service="*")
    services: list[LlmService] = []
    totals: dict[str, int | float] = {}
    try:
        async for key in context.runtime.redis.scan_iter(match=pattern, count=500):
            raw: Any = await context.runtime.redis.hgetall(key)
            figures = {text(name): _number(text(value)) for name, value in raw.items()}
            known = {name: value for name, value in figures.items() if value is not None}
            services.append(LlmService(service=text(key).rpartition(":")[2], figures=known))
            for name, value in known.items():
                totals[name] = totals.get(name, 0) + value
    except (RedisError, OSError) as error:
        problem = Problem(rule="REDIS-DOWN", detail=type(error).__name__, next_step="see System")
        return LlmStats(source="redis", problem=problem, stats_date=day, services=(), totals={})
    services.sort(key=lambda service: service.service)
    return LlmStats(source="redis", as_of=wall_now(), stats_date=day, services=tuple(services), totals=totals)


@router.get("/rehearsal/latest")
async def rehearsal(context: Context) -> RehearsalView:
    """The report of the last rehearsal."""
    path = context.settings.var_dir / "rehearsal" / "latest" / "report.json"
    try:
        raw, written = await asyncio.to_thread(lambda: (path.read_bytes(), path.stat().st_mtime))
        report = orjson.loads(raw)
    except FileNotFoundError:
        problem = Problem(rule="REHEARSAL-NONE", detail="no rehearsal has ended yet", next_step="run `make demo`")
        return RehearsalView(source="file", report=None, problem=problem)
    except (OSError, orjson.JSONDecodeError) as error:
        problem = Problem(rule="REHEARSAL-BAD", detail=f"{path.name}: {error}", next_step="run `make demo` again")
        return RehearsalView(source="file", report=None, problem=problem)
    return RehearsalView(source="file", as_of=from_epoch_us(int(written * 1e6)), report=report)


def _logs_folder(state_dir: Path) -> Path:
    return state_dir / "logs"


def _number(raw: str) -> int | float | None:
    try:
        value = float(raw)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value
