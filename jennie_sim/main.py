"""Command line of the exchange as a tool of its own: `python -m jennie_sim`."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from pathlib import Path

from pydantic import ValidationError

from jennie_core.krx.calendar import UnknownSessionError
from jennie_sim.app import PortTakenError, run_sim
from jennie_sim.clock import today_in_seoul
from jennie_sim.market.generate import generate_market
from jennie_sim.market.hours import to_ms
from jennie_sim.market.pack import PackAccount, PackError, SessionPack, read_accounts, read_pack
from jennie_sim.market.write_pack import write_pack
from jennie_sim.options import parser, settings_of

STAND_ALONE_ACCOUNT = PackAccount(
    account_number="50123456-01",
    account_name="모의고객",
    hts_id="jennie",
    app_key="R" * 36,
    app_secret="r" * 180,
    cash_krw=100_000_000,
)
"""Published credentials of the generated market; they open nothing but this loopback exchange."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the exchange and serve until told to stop; returns the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    start = options.start or (time(6) if options.pack else time(8, 59, 50))
    speed = options.speed if options.speed is not None else (None if options.pack else 1.0)
    try:
        settings = settings_of(options)
        pack = read_pack(options.pack) if options.pack else generated_pack(options)
        if options.accounts:
            pack = replace(pack, accounts=read_accounts(options.accounts, pack.listing, pack.meta.day))
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
    except ValidationError as error:
        problem = error.errors()[0]
        _say(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}")
        return 2
    except (PackError, PortTakenError, UnknownSessionError, ValueError, OSError) as error:
        _say(str(error))
        return 2
    return 0


def _say(text: str) -> None:
    """One clear line is the contract of a bad start."""
    print(f"jennie sim: {' '.join(text.split())}", file=sys.stderr)  # noqa: T201


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
