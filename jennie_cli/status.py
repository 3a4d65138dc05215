"""`jennie status`: what runs, how it is, how old what it knows is."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from rich.console import Console
from rich.table import Table

from jennie_cli.places import latest, running_stacks
from jennie_cli.stack import MODULES
from jennie_infra.settings import load_settings
from jennie_infra.stops import read_stop_file

NO_MARKS = ("command-handler",)


def show_status(console: Console) -> int:
    """Print every running stack; returns how many services of them are not healthy."""
    base = load_settings()
    stacks = running_stacks(base.var_dir)
    if not stacks:
        console.print("nothing runs; `make up` starts the stack, `make demo` rehearses a day")
        last = latest(base.var_dir)
        if last is not None and last.report_json.is_file():
            console.print(f"last rehearsal: {last.report_json}")
        return 0
    bad = 0
    for stack in stacks:
        settings = load_settings(home=stack.home, mode=stack.mode, port_base=stack.port_base)
        stop = read_stop_file(settings)
        stopped = (
            ""
            if stop is None or not stop.blocks_buys
            else f"  [red]{'HALTED' if stop.halted else 'PAUSED'}: {stop.reason}[/]"
        )
        table = Table(
            title=f"{stack.purpose} · {stack.mode} · pid {stack.supervisor_pid}{stopped}", title_justify="left"
        )
        for column in ("service", "port", "state", "market time", "settings", "detail"):
            table.add_column(column)
        with ThreadPoolExecutor(len(MODULES)) as pool:
            answers = list(pool.map(_health, [settings.url(name) for name in MODULES]))
        for name, answer in zip(MODULES, answers, strict=True):
            state = str(answer["status"])
            bad += state not in ("healthy", "degraded")
            color = (
                "green"
                if state == "healthy"
                else "yellow"
                if state in ("degraded", "starting", "reconciling")
                else "red"
            )
            table.add_row(
                name,
                str(settings.port(name)),
                f"[{color}]{state}[/]",
                _clock(answer),
                str(answer.get("settings_hash") or ""),
                str(answer.get("why") or ""),
            )
        console.print(table)
    return bad


def _clock(answer: dict[str, object]) -> str:
    """Time of day of a worker's newest mark; the page and the chat read no marks."""
    at = answer.get("market_time")
    if isinstance(at, str):
        return at[11:19]
    return "–" if answer.get("service") in NO_MARKS else "unknown"


def _health(url: str) -> dict[str, object]:
    try:
        answer: dict[str, object] = httpx.get(f"{url}/health", timeout=3.0).json()
        return answer
    except (httpx.HTTPError, ValueError) as error:
        return {"status": "no answer", "why": type(error).__name__}
