"""Command line of the exchange as a tool of its own: `python -m jennie_sim`."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path

from jennie_core.krx.calendar import UnknownSessionError
from jennie_sim.app import PortTakenError, run_sim
from jennie_sim.clock import today_in_seoul
from jennie_sim.market.generate import USUAL_CODES, generate_market
from jennie_sim.market.hours import to_ms
from jennie_sim.market.pack import PackAccount, PackError, SessionPack, read_pack
from jennie_sim.market.write_pack import write_pack
from jennie_sim.settings import SimSettings, WireRevision

STAND_ALONE_ACCOUNT = PackAccount(
    account_number="50123456-01",
    account_name="모의고객",
    hts_id="jennie",
    app_key="R" * 36,
    app_secret="r" * 180,
    cash_krw=100_000_000,
)
"""Published credentials of the generated market; they open nothing but this loopback exchange."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="jennie sim", description="A KIS-compatible rehearsal exchange on loopback.")
    made.add_argument("--pack", type=Path, help="session pack folder; without it a market is generated from the seed")
    made.add_argument("--port", type=int, default=9443, help="REST and WebSocket")
    made.add_argument("--admin-port", type=int, default=9444, help="time, ledger, faults")
    made.add_argument("--admin-token-file", type=Path, default=Path("var/sim/admin-token"), help="made when missing")
    made.add_argument(
        "--start", type=time.fromisoformat, help="market time at start (06:00 with a pack, else 08:59:50)"
    )
    made.add_argument(
        "--speed", type=float, help="run freely, so many times the wall clock (1 without a pack); 0 = stand"
    )
    made.add_argument("--seed", type=int, default=7, help="of the generated market")
    made.add_argument(
        "--day", type=date.fromisoformat, help="day of the generated market (today, open also on a weekend)"
    )
    made.add_argument("--codes", type=int, default=USUAL_CODES, help="size of the generated listing")
    made.add_argument(
        "--wire-revision", choices=[row.value for row in WireRevision], default=WireRevision.R47_63_26.value
    )
    made.add_argument("--records-per-frame", type=int, default=1)
    made.add_argument("--rest-per-second", type=int, default=18, help="requests per market second; 0 = no limit")
    made.add_argument("--slice-seconds", type=float, default=5.0, help="usual slice when time is advanced from outside")
    made.add_argument("--commission-ratio", type=float, default=0.00015)
    made.add_argument("--accept-any-key", action="store_true", help="any appkey, secret and login id will do")
    made.add_argument("--ledger-file", type=Path, help="append every event to this file as JSON lines")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the exchange and serve until told to stop; returns the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    start = options.start or (time(6) if options.pack else time(8, 59, 50))
    speed = options.speed if options.speed is not None else (None if options.pack else 1.0)
    try:
        pack = read_pack(options.pack) if options.pack else generated_pack(options)
        settings = SimSettings(
            wire_revision=WireRevision(options.wire_revision),
            records_per_frame=options.records_per_frame,
            rest_per_second=options.rest_per_second,
            slice_seconds=options.slice_seconds,
            commission_ratio=options.commission_ratio,
            accept_any_key=options.accept_any_key,
        )
        run_sim(
            pack,
            port=options.port,
            admin_port=options.admin_port,
            admin_token_file=options.admin_token_file,
            settings=settings,
            start_ms=to_ms(start),
            speed=speed or None,
            ledger_file=options.ledger_file,
        )
    except (PackError, PortTakenError, UnknownSessionError, ValueError, OSError) as error:
        print(f"jennie sim: {error}", file=sys.stderr)  # noqa: T201  one clear line is the contract of a bad start
        return 2
    return 0


def generated_pack(options: argparse.Namespace) -> SessionPack:
    """The market of a stand-alone exchange: one account, prices from the seed, today whatever the calendar says."""
    day = options.day or today_in_seoul()
    made = generate_market(None, options.seed, day, codes=options.codes)
    with tempfile.TemporaryDirectory(prefix="jennie-sim-") as folder:
        write_pack(
            Path(folder),
            day=day,
            seed=options.seed,
            source="generated",
            simulated=True,
            listing=made.listing,
            session=made.session,
            history=made.daily,
            index=made.index,
            accounts=[STAND_ALONE_ACCOUNT],
        )
        return read_pack(Path(folder))
