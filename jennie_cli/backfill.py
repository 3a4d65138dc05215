"""`jennie backfill`: a range of sessions of one asset as one Dagster run, with progress."""

import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jennie_assets.conduct import DataPlane
from jennie_cli.errors import UserError
from jennie_cli.places import RunFolder, require_space
from jennie_core.domain.enums import Mode
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import claim_stamp, upgrade
from jennie_infra.settings import load_settings


def run_backfill(asset: str, first: date, last: date, market_data: Path | None, console: Console) -> int:
    """Materialise and report; returns the exit code. Running it again gives the same rows."""
    settings = load_settings(market_data=market_data)
    needs_folder = settings.mode is Mode.REHEARSAL or settings.source_prices == "folder"
    if settings.market_data is None and needs_folder:
        raise UserError("no market data: give --market-data or set JENNIE_MARKET_DATA")
    if settings.market_data is not None and not settings.market_data.is_dir():
        raise UserError(f"{settings.market_data}: no such folder")
    sessions = KrxCalendar.shipped().sessions_between(first, last)
    if not sessions:
        raise UserError(f"{first} to {last} holds no KRX session")
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    require_space(settings.var_dir)
    folder = RunFolder(settings.state_dir)
    folder.make()
    engine = make_engine(settings.effective_market_url, durable=False, setting="JENNIE_MARKET_URL")
    upgrade("market", engine)
    claim_stamp("market", engine, f"{settings.mode.value}/{settings.account_hash}")
    engine.dispose()
    started = time.monotonic()
    plane = DataPlane(settings, folder.dagster_home)
    try:
        plane.prepare_stores()
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        ) as bar:
            task = bar.add_task(asset, total=len(sessions))
            result = plane.backfill(
                (asset,),
                sessions[0],
                sessions[-1],
                lambda _asset, done, _total: bar.update(task, completed=done),
                market_time=wall_now(),
            )
    finally:
        plane.close()
    if not result.ok:
        console.print(f"[red]failed[/]: {result.error or 'see Dagster run ' + result.run_id}")
        return 1
    console.print(
        f"{asset}: {len(sessions)} sessions in {time.monotonic() - started:.1f} s, Dagster run {result.run_id}"
    )
    for check in (*result.checks_failed, *result.checks_warned):
        console.print(f"[yellow]check[/] {check.asset}: {check.check}: {check.detail}")
    return 0
