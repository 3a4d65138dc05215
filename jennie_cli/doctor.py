"""`jennie doctor`: clock, calendar, disk, ports, databases, Redis, keys, with the repair beside each failure."""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from jennie_cli.places import MIN_FREE_BYTES, RunningStack, running_stacks
from jennie_core.domain.enums import Mode
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.bus.connect import connect_sync
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import SchemaMismatchError, Store, revisions, upgrade
from jennie_infra.settings import PORTS, Settings, load_settings

MIN_KNOWN_SESSIONS = 60
SCOPES = {
    "kis_app_key": "quotes and orders (KIS)",
    "kis_app_secret": "quotes and orders (KIS)",
    "kis_account": "orders (KIS)",
    "kis_hts_id": "execution notices (KIS)",
    "telegram_bot_token": "commands and alerts (Telegram)",
    "llm_api_key": "analyst and council (LLM)",
}
REQUIRED_OUTSIDE_REHEARSAL = ("kis_app_key", "kis_app_secret", "kis_account", "kis_hts_id")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` None means: nothing to complain about, but worth knowing."""

    subject: str
    ok: bool | None
    detail: str
    repair: str = ""


def examine(console: Console, *, repair: bool) -> int:
    """Print every finding with its repair; returns how many failed. With `repair`, schemas are upgraded first."""
    settings = load_settings()
    stacks = running_stacks(settings.var_dir)
    findings = list(_findings(settings, stacks, repair=repair))
    for stack in stacks:
        own = load_settings(home=stack.home, mode=stack.mode, port_base=stack.port_base)
        findings += [
            *_stores(own, f"{stack.purpose}: ", repair=repair),
            _redis(own, f"{stack.purpose}: ", must_run=True),
        ]
    table = Table(title=f"jennie doctor · mode {settings.mode.value}", title_justify="left", show_lines=False)
    for column in ("", "what", "finding", "repair"):
        table.add_column(column)
    for finding in findings:
        mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]–[/]"}[finding.ok]
        table.add_row(mark, finding.subject, finding.detail, "" if finding.ok else finding.repair)
    console.print(table)
    failed = sum(finding.ok is False for finding in findings)
    console.print("[green]all is well[/]" if failed == 0 else f"[red]{failed} to mend[/]")
    return failed


def _findings(settings: Settings, stacks: list[RunningStack], *, repair: bool) -> Iterator[Finding]:
    yield _clock()
    yield from _calendar()
    yield _disk(settings.var_dir)
    yield from _ports(settings, busy_is_fine=any(stack.port_base == settings.port_base for stack in stacks))
    if not stacks:
        yield from _stores(settings, "", repair=repair)
        yield _redis(settings, "", must_run=settings.redis_url is not None)
    yield from _keys(settings)
    yield from _environment(settings)


def _clock() -> Finding:
    synchronized = Path("/run/systemd/timesync/synchronized").exists()
    now = wall_now()
    plausible = now.year >= 2025
    detail = f"{now:%Y-%m-%d %H:%M:%S} KST" + (
        "; synchronised" if synchronized else "; synchronisation not visible here"
    )
    return Finding("clock", plausible, detail, "set the machine's clock, e.g. `timedatectl set-ntp true`")


def _calendar() -> Iterator[Finding]:
    calendar = KrxCalendar.shipped()
    today = wall_now().date()
    ahead = calendar.known_days_ahead(today)
    session = calendar.is_session(today)
    words = {True: "a KRX session", False: "no KRX session", None: "unknown: closed for buying"}[session]
    yield Finding(
        "calendar",
        ahead >= MIN_KNOWN_SESSIONS,
        f"{ahead} days known ahead; today is {words}",
        "extend the calendar: python scripts/make_calendar.py, then update jennie",
    )


def _disk(var_dir: Path) -> Finding:
    place = next(parent for parent in [var_dir.resolve(), *var_dir.resolve().parents] if parent.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        "disk", free >= MIN_FREE_BYTES, f"{free // 2**20:,} MB free at {place}", "free some space or set JENNIE_VAR_DIR"
    )


def _ports(settings: Settings, *, busy_is_fine: bool) -> Iterator[Finding]:
    taken = [f"{settings.port(name)} ({name})" for name in PORTS if _is_taken(settings.port(name))]
    if busy_is_fine:
        yield Finding("ports", True, f"in use by the running stack: {len(taken)} of {len(PORTS)}")
    else:
        yield Finding(
            "ports",
            not taken,
            "free" if not taken else "taken: " + ", ".join(taken),
            "end what listens there, or choose other ports with JENNIE_PORT_BASE / PORT_BASE",
        )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _stores(settings: Settings, prefix: str, *, repair: bool) -> Iterator[Finding]:
    urls: tuple[tuple[Store, str], ...] = (
        ("ledger", settings.effective_ledger_url),
        ("market", settings.effective_market_url),
    )
    for store, url in urls:
        name = f"{prefix}{store} store"
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            yield Finding(name, None, "not made yet; the first start makes it")
            continue
        engine = make_engine(url, durable=store == "ledger", setting=f"JENNIE_{store.upper()}_URL")
        try:
            yield _store(name, store, engine, repair=repair)
        finally:
            engine.dispose()


def _store(name: str, store: Store, engine: Engine, *, repair: bool) -> Finding:
    try:
        if repair:
            upgrade(store, engine)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        current, wanted = revisions(store, engine)
    except SchemaMismatchError as error:
        return Finding(name, False, str(error), "run the version of jennie that made it, or restore a backup")
    except SQLAlchemyError as error:
        return Finding(
            name,
            False,
            f"cannot be reached: {str(error.__cause__ or error)[:120]}",
            f"check JENNIE_{store.upper()}_URL and that the server runs",
        )
    return Finding(
        name, current == wanted, f"schema {current or 'none'}, needed {wanted}", "run `jennie doctor --repair`"
    )


def _redis(settings: Settings, prefix: str, *, must_run: bool) -> Finding:
    client = connect_sync(settings.effective_redis_url, timeout_seconds=1.0)
    try:
        info: dict[str, object] = client.info("server")
        return Finding(f"{prefix}redis", True, f"version {info.get('valkey_version') or info.get('redis_version')}")
    except (RedisError, OSError) as error:
        if not must_run:
            return Finding(f"{prefix}redis", None, "embedded server not running; it starts with the stack")
        return Finding(
            f"{prefix}redis", False, f"no answer ({type(error).__name__})", "start the server or mend JENNIE_REDIS_URL"
        )
    finally:
        client.close()


def _keys(settings: Settings) -> Iterator[Finding]:
    for field, scope in SCOPES.items():
        present = bool(settings.secret(field, required=False))
        needed = settings.mode is not Mode.REHEARSAL and field in REQUIRED_OUTSIDE_REHEARSAL
        if present:
            yield Finding(f"key: {scope}", True, f"JENNIE_{field.upper()} is set")
        else:
            yield Finding(
                f"key: {scope}",
                False if needed else None,
                f"JENNIE_{field.upper()} is not set",
                f"put JENNIE_{field.upper()} into .env (mode 0600)",
            )


def _environment(settings: Settings) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[], Path | None]], ...] = (
        (".env", lambda: Path(".env")),
        ("secrets", lambda: settings.secrets_dir),
    )
    for name, place in checks:
        path = place()
        if path is None or not path.exists():
            continue
        is_private = not path.stat().st_mode & 0o077
        yield Finding(
            f"permissions of {name}", is_private, f"mode {path.stat().st_mode & 0o777:04o}", f"chmod go= {path}"
        )
