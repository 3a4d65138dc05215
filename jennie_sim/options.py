"""The options of the exchange as a tool of its own, and the settings they make."""

import argparse
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import NoReturn

from jennie_sim.market.generate import USUAL_CODES
from jennie_sim.settings import SimSettings, WireRevision


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with an option in one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2; `--help` shows the options."""
        self.exit(2, f"{self.prog}: {message}\n")


def _number(kind: type[int] | type[float], lowest: float, what: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(lowest - 1)
        if not lowest <= value < MAX_NUMBER:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return read


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time of day; write it as 09:00 or 09:00:30") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2025-06-27") from None


COUNT = _number(int, 0, "a whole number from 0 on")
POSITIVE = _number(int, 1, "a whole number from 1 on")
PORT = _number(int, 0, "a port")
MAX_NUMBER = 1e9
FEWEST_CODES = 20


def parser() -> argparse.ArgumentParser:
    """The options (docs/exchange.md)."""
    made = OneLineParser(
        prog="jennie sim", description="A KIS-compatible rehearsal exchange on loopback; see docs/exchange.md."
    )
    made.add_argument("--pack", type=Path, help="session pack folder; without it a market is generated from the seed")
    made.add_argument("--accounts", type=Path, help="JSON file with one account or a list; replaces those of the pack")
    made.add_argument("--port", type=PORT, default=9443, help="REST and WebSocket; 0 = any free one")
    made.add_argument("--admin-port", type=PORT, default=9444, help="time, ledger, faults; 0 = any free one")
    made.add_argument("--admin-token-file", type=Path, default=Path("var/sim/admin-token"), help="made when missing")
    made.add_argument("--start", type=_clock, help="market time at start (06:00 with a pack, else 08:59:50)")
    made.add_argument(
        "--speed",
        type=_number(float, 0, "a number from 0 on"),
        help="run freely, so many times the wall clock (1 without a pack); 0 = stand",
    )
    made.add_argument("--seed", type=COUNT, default=7, help="of the generated market")
    made.add_argument("--day", type=_day, help="day of the generated market (today, open also on a weekend)")
    made.add_argument(
        "--codes",
        type=_number(int, FEWEST_CODES, f"a whole number from {FEWEST_CODES} on"),
        default=USUAL_CODES,
        help="size of the generated listing",
    )
    made.add_argument(
        "--wire-revision",
        choices=[row.value for row in WireRevision],
        default=WireRevision.R47_63_26.value,
        help="fields of H0STCNT0, H0STASP0 and H0STCNI0/9",
    )
    made.add_argument("--records-per-frame", type=POSITIVE, default=1, help="trades bundled into one frame at most")
    made.add_argument("--rest-per-second", type=COUNT, default=18, help="requests per market second; 0 = no limit")
    made.add_argument("--ledger-per-second", type=COUNT, default=0, help="order and account calls; 0 = no limit")
    made.add_argument("--approvals-per-second", type=COUNT, help="approval keys (1 with a pack, else no limit)")
    made.add_argument("--no-limits", action="store_true", help="none of the limits per second or minute")
    made.add_argument(
        "--slice-seconds",
        type=_number(float, 0.001, "a number of seconds"),
        default=5.0,
        help="usual slice when time is advanced from outside",
    )
    made.add_argument(
        "--commission-ratio",
        type=_number(float, 0, "a ratio"),
        default=0.00015,
        help="of each side; 0.00015 = 0.015 %%",
    )
    made.add_argument("--accept-any-key", action="store_true", help="any appkey, secret, account owner and login id")
    made.add_argument("--ledger-file", type=Path, help="append every event to this file as JSON lines")
    return made


def settings_of(options: argparse.Namespace) -> SimSettings:
    """The exchange's settings; raises ValidationError for values that do not fit."""
    approvals = options.approvals_per_second
    if approvals is None:  # some clients ask for a new key before every message
        approvals = 1 if options.pack else 0
    limited = not options.no_limits
    return SimSettings(
        wire_revision=WireRevision(options.wire_revision),
        records_per_frame=options.records_per_frame,
        rest_per_second=options.rest_per_second * limited,
        ledger_per_second=options.ledger_per_second * limited,
        approvals_per_second=approvals * limited,
        token_limit=limited,
        slice_seconds=options.slice_seconds,
        commission_ratio=options.commission_ratio,
        accept_any_key=options.accept_any_key,
    )
