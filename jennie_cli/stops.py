"""`jennie pause | halt | resume`: the stops, said to every running stack of this checkout (O4)."""

from pathlib import Path

import redis.exceptions
from rich.console import Console

from jennie_cli.errors import UserError
from jennie_cli.places import running_stacks
from jennie_core.domain.control import ControlVerb
from jennie_infra.bus.connect import connect_sync
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import make_engine
from jennie_infra.settings import Settings, load_settings
from jennie_infra.stops import StopReceipt, say

SAID = {
    ControlVerb.PAUSE: "paused: no new buys; exits go on",
    ControlVerb.HALT: "halted: no automatic buys, open buys are being cancelled",
    ControlVerb.RESUME: "resumed: buys are allowed again",
}


def say_stop(verb: ControlVerb, reason: str, console: Console) -> None:
    """Say it to every running stack, or to the state folder of this mode when none runs. Prints where it was stored."""
    base = load_settings()
    stacks = running_stacks(base.var_dir)
    targets = [load_settings(home=stack.home, mode=stack.mode, port_base=stack.port_base) for stack in stacks]
    if base.home is not None or not targets:
        targets = [base]
    for settings in targets:
        receipt = say_to(settings, verb, reason)
        exits = "protective exits are ALSO stopped" if receipt.state.halt_blocks_exits else "protective exits go on"
        detail = f" ({exits})" if verb is ControlVerb.HALT else ""
        console.print(f"{SAID[verb]}{detail}; stored in {', '.join(receipt.stored_in)} of {_short(settings.state_dir)}")
        for failure in receipt.failed:
            holds = "a stop said there still stands" if verb is ControlVerb.RESUME else "it holds all the same"
            console.print(f"  [yellow]not stored in {failure}; {holds}[/]")


def say_to(settings: Settings, verb: ControlVerb, reason: str) -> StopReceipt:
    """Say it to one state folder; every place that can be reached takes it."""
    client = connect_sync(settings.effective_redis_url, timeout_seconds=0.5)
    ledger = make_engine(settings.effective_ledger_url, durable=True) if _ledger_exists(settings) else None
    try:
        return say(settings, verb, said_by="command line", reason=reason, now=wall_now(), redis=client, ledger=ledger)
    except OSError as error:
        raise UserError(f"the stop could not be stored anywhere: {error}") from error
    finally:
        try:
            client.close()
        except redis.exceptions.RedisError as error:
            Console(stderr=True).print(f"redis: {error}")
        if ledger is not None:
            ledger.dispose()


def _ledger_exists(settings: Settings) -> bool:
    url = settings.effective_ledger_url
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).is_file()


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
