"""One rehearsal in which every worker is killed in turn and the operator halts and resumes; the day ends reconciled.

The tests of this module share the run and read in its order.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from jennie_cli.stack import MODULES
from tests.e2e.house import House, until

pytestmark = pytest.mark.timeout(600)

OBEYED_SECONDS = 1.0
STARTING = ("command-handler", "dashboard-api")
"""Killed while market time is held, which they do not hold themselves; the others while it runs."""


class Disturbed:
    """The run, and what was seen while it went on."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.killed: dict[str, tuple[int, int]] = {}
        self.moved: dict[str, list[str]] = {}
        self.halted_after: dict[str, float] = {}
        self.halted_at = self.resumed_at = ""
        self.survived: dict[str, Any] = {}

    def kill_each(self) -> None:
        """SIGKILL one worker after the other."""
        with self.house.held():
            self.kill(*STARTING)
        self.kill(*(each for each in MODULES if each not in STARTING))

    def kill(self, *names: str) -> None:
        """SIGKILL these, each when the last one is back."""
        for name in names:
            before = self.house.pids()
            os.kill(before[name], signal.SIGKILL)
            after = until(lambda name=name, before=before: self._back(name, before), f"{name} back", 120)
            self.killed[name] = (before[name], after[name])
            self.moved[name] = [each for each in MODULES if each != name and before[each] != after[each]]

    def _back(self, name: str, before: dict[str, int]) -> dict[str, int] | None:
        assert self.house.is_running
        now = self.house.pids()
        is_new = now[name] not in (0, before[name])
        return now if is_new and self.house.health(name).get("status") in ("healthy", "degraded") else None

    def halt(self) -> None:
        """Say it, then look how long scanner and buy executor take to know."""
        assert self.house.say("halt", "the test says so").returncode == 0
        said = time.monotonic()
        self.halted_at = self.house.market_clock()
        for name in ("buy-scanner", "buy-executor") * 40:
            if name not in self.halted_after and self.house.health(name).get("detail", {}).get("halted"):
                self.halted_after[name] = time.monotonic() - said

    def kill_while_halted(self) -> None:
        """The buy executor comes back halted."""
        before = self.house.pids()
        os.kill(before["buy-executor"], signal.SIGKILL)
        until(lambda: self._back("buy-executor", before), "buy executor back", 120)
        self.survived = self.house.health("buy-executor")["detail"]

    def resume(self) -> None:
        """Lift it."""
        self.resumed_at = self.house.market_clock()
        assert self.house.say("resume", "--yes").returncode == 0
        until(lambda: not self.house.health("buy-executor")["detail"]["halted"], "resumed", 60)


@pytest.fixture(scope="module")
def disturbed(new_house: Callable[[], House]) -> Disturbed:
    house = new_house().rehearse("--until", "09:55", "--speed", "120")
    run = Disturbed(house)
    until(lambda: house.market_clock() > "08:58", "the opening auction")
    run.kill_each()
    until(lambda: house.market_clock() > "09:31", "half past nine")
    with house.held():
        run.halt()
        run.kill_while_halted()
    until(lambda: house.market_clock() > "09:45", "signals while halted")
    with house.held():
        run.resume()
    assert house.wait() == 0, house.output.read_text(errors="replace")[-3000:]
    return run


def test_each_killed_worker_comes_back_and_the_others_go_on(disturbed: Disturbed) -> None:
    """H3."""
    assert set(disturbed.killed) == set(MODULES)
    assert all(new != old for old, new in disturbed.killed.values())
    assert disturbed.moved == {name: [] for name in MODULES}


def test_the_day_ends_reconciled_all_the_same(disturbed: Disturbed) -> None:
    """Drills 3 and 38: a restart loses no fill and doubles no order."""
    report = disturbed.house.report
    assert report["reconciliation"]["matches"] is True, report["reconciliation"]["differences"]
    assert report["orders"]["unknown"] == 0
    rows = {row["name"]: row for row in report["processes"]}
    assert {name: rows[name]["restarts"] for name in MODULES} == {**dict.fromkeys(MODULES, 1), "buy-executor": 2}
    assert all(rows[name]["healthy"] for name in MODULES)


def test_a_halt_is_obeyed_within_a_second(disturbed: Disturbed) -> None:
    """O4: real time, by scanner and buy executor."""
    assert set(disturbed.halted_after) == {"buy-scanner", "buy-executor"}
    assert max(disturbed.halted_after.values()) <= OBEYED_SECONDS, disturbed.halted_after


def test_no_buy_reaches_the_exchange_while_halted_and_exits_go_on(disturbed: Disturbed) -> None:
    report = disturbed.house.report
    buys = [row["market_time"] for row in report["order_rows"] if row["side"] == "buy"]
    slice_after = f"{disturbed.halted_at[:6]}59"  # orders of the slice in hand when it was said
    assert [clock for clock in buys if slice_after < clock < disturbed.resumed_at] == []
    refused = _refused_by_the_halt(report)
    assert refused
    assert all(disturbed.halted_at <= row["market_time"] for row in refused)


def test_a_halt_survives_the_restart_of_the_buy_executor(disturbed: Disturbed) -> None:
    assert disturbed.survived["halted"] is True


def test_a_resume_lifts_it(disturbed: Disturbed) -> None:
    """Later refusals have other reasons."""
    minute = disturbed.resumed_at[:5]
    assert [row for row in _refused_by_the_halt(disturbed.house.report) if row["market_time"][:5] > minute] == []


def _refused_by_the_halt(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Setups that the scanner (R-SCAN-04) or the buy executor refused because of it."""
    return [row for row in report["refusal_rows"] if row["rule"] in ("R-SCAN-04", "O4-HALT", "R-BUY-02")]


def test_nothing_of_it_is_left(disturbed: Disturbed) -> None:
    assert not psutil.pid_exists(disturbed.killed["kis-gateway"][1])
