"""`jennie up` and `jennie down`: the whole stack at wall-clock speed, and its clean end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from jennie_assets.conduct import prepare_home
from jennie_cli import places
from jennie_cli.errors import UserError
from jennie_cli.interrupts import heeded_interrupts
from jennie_cli.market import DEFAULT_SIMULATED_DAY, choose_day, prepare
from jennie_cli.places import RunFolder, RunningStack
from jennie_cli.port_lock import held_ports
from jennie_cli.progress import LiveView
from jennie_cli.reachable import require_reachable
from jennie_cli.rig import Rig, build_rig, environment_of
from jennie_cli.stack import (
    MODULES,
    Program,
    Stack,
    end_supervisor,
    require_free_ports,
    worker_programs,
)
from jennie_core.domain.enums import Mode
from jennie_infra.bus.connect import connect_sync
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import claim_stamp, upgrade
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.kis.credentials import credentials
from jennie_infra.login import mint_login_link
from jennie_infra.settings import Settings, given_variables, load_settings

READY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class UpPlan:
    """What was asked for."""

    port_base: int
    seed: int
    market_data: Path | None
    day: date | None
    detach: bool


def bring_up(plan: UpPlan, console: Console) -> None:
    """Start everything, print the addresses and a one-time login link."""
    settings = load_settings()
    port_base = plan.port_base or settings.port_base
    for stack in places.running_stacks(settings.var_dir):
        if stack.purpose == "up" and stack.port_base == port_base:
            raise UserError(
                f"a stack is already up (pid {stack.supervisor_pid}); `make down` ends it, `jennie status` shows it"
            )
    with held_ports(port_base):
        if settings.mode is Mode.REHEARSAL:
            _rehearsal(plan, port_base, settings, console)
        else:
            _for_real(load_settings(port_base=port_base), console)


def bring_down(console: Console) -> None:
    """End every running stack; says so when there is none."""
    settings = load_settings()
    stacks = places.running_stacks(settings.var_dir)
    if not stacks:
        console.print("nothing runs")
        return
    for stack in stacks:
        end_supervisor(stack.supervisor_pid)
        places.forget_running(settings.var_dir, stack.supervisor_pid)
        console.print(f"ended {stack.purpose} (pid {stack.supervisor_pid}); trading state stays in {stack.home}")


def _rehearsal(plan: UpPlan, port_base: int, base: Settings, console: Console) -> None:
    day = choose_day(plan.day or (None if plan.market_data else DEFAULT_SIMULATED_DAY), plan.market_data)
    base.trading()
    last = places.latest(base.var_dir)
    folder = places.new_rehearsal(base.var_dir, wall_now())
    try:
        rig = build_rig(folder, day=day, port_base=port_base, market_data=plan.market_data, fail_check=None)
        with _ended_if_cut_short(base.var_dir, lambda: rig.stack):
            _start_rehearsal(rig, plan, day, last, console)
            if not plan.detach:
                rig.stack.wait()
    except BaseException:
        places.drop_if_nothing_ran(folder)
        raise


@contextmanager
def _ended_if_cut_short(var_dir: Path, stack: Callable[[], Stack]) -> Iterator[None]:
    """Whatever ends the start (a failure, Ctrl-C, SIGTERM) leaves nothing running and no record of it."""
    with heeded_interrupts() as interrupts:
        try:
            yield
        except BaseException:
            with interrupts.deaf():
                stack().stop()
                if stack().was_started:
                    places.forget_running(var_dir, stack().pid)
            raise


def _start_rehearsal(rig: Rig, plan: UpPlan, day: date, last: RunFolder | None, console: Console) -> None:
    folder = rig.folder
    rig.settings = rig.settings.model_copy(update={"sensors": True})
    require_free_ports(rig.settings, [*MODULES, "sim", "sim-admin", "dagster"])
    if last is not None:
        _share_dagster(last, folder)
    prepare_home(folder.dagster_home)
    with LiveView(console, day=day, settings=rig.settings, plain=True) as view:
        view.phase("market")
        market = prepare(
            folder,
            day=day,
            seed=plan.seed,
            market_data=plan.market_data,
            credentials=rig.credentials,
            settings=rig.settings.trading(),
        )
        settings = rig.with_market(market)
        rig.make_stores(market)
        view.phase("processes")
        programs = [*rig.programs(), *_dagster_programs(settings, folder), _conductor_program(rig, folder)]
        rig.start(programs)
        _remember(settings, folder, rig.stack.pid)
        rig.stack.wait_healthy(("kis-gateway", "dashboard-api"), READY_SECONDS, accept=(200, 503))
    now = wall_now()
    console.print(
        Panel(
            f"[b]rehearsal[/]: the market day {day} starts at 08:30 [b]now[/] "
            f"({now:%Y-%m-%d %H:%M} on the wall clock), at wall-clock speed.\n"
            f"Prices are {'[yellow]simulated[/]' if market.simulated else 'replayed from real bars'}; "
            "no order leaves this machine.",
            title="jennie up",
        )
    )
    _addresses(settings, console)


def _for_real(settings: Settings, console: Console) -> None:
    credentials(settings)
    settings.trading()
    if settings.mode is Mode.LIVE:
        from jennie_cli.safety import require_green_drills

        require_green_drills(settings)
    require_free_ports(settings, [*MODULES, "dagster"])
    require_reachable(settings)
    places.require_short(settings.state_dir)
    folder = RunFolder(settings.state_dir)
    folder.make()
    prepare_home(folder.dagster_home)
    settings = load_settings(port_base=settings.port_base, home=folder.home)
    stamp = f"{settings.mode.value}/{settings.account_hash}"
    for store, url in (("ledger", settings.effective_ledger_url), ("market", settings.effective_market_url)):
        engine = make_engine(url, durable=store == "ledger", setting=f"JENNIE_{store.upper()}_URL")
        upgrade(store, engine)  # type: ignore[arg-type]
        claim_stamp(store, engine, stamp)  # type: ignore[arg-type]
        engine.dispose()
    programs = [*worker_programs(settings), *_dagster_programs(settings, folder)]
    if settings.redis_url is None:
        programs.insert(0, Program("redis", tuple(server_argv(ValkeyConfig(directory=folder.home))), 10))
    stack = Stack(folder, settings, programs, {**given_variables(), **environment_of(settings)})
    with _ended_if_cut_short(settings.var_dir, lambda: stack):
        stack.start()
        _remember(settings, folder, stack.pid)
        stack.wait_healthy(("kis-gateway", "dashboard-api"), READY_SECONDS, accept=(200, 503))
    color = "red" if settings.mode is Mode.LIVE else "yellow"
    console.print(Panel(f"[b {color}]{settings.mode.value}[/]", title="jennie up"))
    _addresses(settings, console)


def _addresses(settings: Settings, console: Console) -> None:
    redis = connect_sync(settings.effective_redis_url)
    try:
        link = mint_login_link(settings, redis)
    finally:
        redis.close()
    console.print(f"dashboard  {settings.url('dashboard-api')}")
    console.print(f"login      {link}  [dim](once, within ten minutes)[/]", soft_wrap=True)
    console.print(f"Dagster    {settings.url('dagster')}")
    console.print(f"logs       {settings.state_dir / 'logs'}", soft_wrap=True)
    console.print("[dim]make down ends it; jennie status shows it; jennie halt stops buying[/]")


def _dagster_programs(settings: Settings, folder: RunFolder) -> list[Program]:
    environment = {"DAGSTER_HOME": str(folder.dagster_home)}
    root = Path(__file__).resolve().parents[1]
    return [
        Program(
            "dagster",
            (sys.executable, "-m", "jennie_assets.webserver", "--port", str(settings.port("dagster"))),
            90,
            settings.port("dagster"),
            environment,
        ),
        Program(
            "dagster-daemon",
            (sys.executable, "-m", "dagster._daemon", "run", "-w", str(root / "workspace.yaml")),
            91,
            None,
            environment,
        ),
    ]


def _conductor_program(rig: Rig, folder: RunFolder) -> Program:
    return Program(
        "conductor",
        (sys.executable, "-m", "jennie_cli.conduct_day", str(folder.home)),
        95,
        None,
        {"DAGSTER_HOME": str(folder.dagster_home)},
        autorestart=False,
    )


def _share_dagster(last: RunFolder, folder: RunFolder) -> None:
    """The new stack's Dagster goes on with the last rehearsal's runs."""
    if last.dagster_home.exists():
        folder.dagster_home.rmdir()
        subprocess.run(["cp", "-a", str(last.dagster_home), str(folder.dagster_home)], check=True)


def _remember(settings: Settings, folder: RunFolder, pid: int) -> None:
    places.record_running(
        settings.var_dir,
        RunningStack(
            home=folder.home,
            mode=settings.mode.value,
            port_base=settings.port_base,
            supervisor_pid=pid,
            started_at=wall_now(),
            purpose="up",
        ),
    )
