"""Rehearsals that many tests look at: each runs once per session, with ports and a folder of its own."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import pytest

from tests.e2e.house import House, free_port_bases, processes_of, until

UNTIL = "09:45"
FAULTS = (
    "accept_then_drop_reply:probability=0.05",
    "accept_then_drop_reply@order-cash:probability=0.5,seed=3",
    "reorder_notices",
    "duplicate_notice:probability=0.3",
)
"""Of the disturbed morning: replies lost, those of orders more often, notices shuffled and repeated."""


@pytest.fixture(scope="session")
def new_house() -> Iterator[Callable[[], House]]:
    """Makes houses on free ports; at the end everything is ended, nothing may be left, and the folders go."""
    bases = iter(free_port_bases())
    made: list[House] = []
    one_at_a_time = Lock()

    def make() -> House:
        with one_at_a_time:
            made.append(House(next(bases)))
            return made[-1]

    yield make
    for house in made:
        house.end()
    left = {str(house.var_dir): processes for house in made if (processes := processes_of(house.var_dir))}
    for house in made:
        shutil.rmtree(house.var_dir, ignore_errors=True)
    assert not left, f"processes left running: {left}"


Finished = tuple[House, int]


@pytest.fixture(scope="session")
def runs(new_house: Callable[[], House]) -> Iterator[dict[str, Future[Finished]]]:
    """The rehearsals of the session, already on their way: two at a time while other tests go on."""

    def run(busy: bool, *options: str) -> Finished:
        house = new_house().rehearse(*options)
        with busy_core(house) if busy else _quiet():
            return house, house.wait()

    with ThreadPoolExecutor(2) as pool:
        started = {
            "plain": pool.submit(run, False, "--until", UNTIL),
            "refused": pool.submit(run, False, "--until", UNTIL, "--fail-check", "freshness"),
            "slow": pool.submit(run, True, "--until", UNTIL, "--speed", "400"),
        }
        faults = [word for fault in FAULTS for word in ("--fault", fault)]
        started["disturbed"] = pool.submit(run, False, "--until", UNTIL, *faults)
        yield started
        for future in started.values():
            future.cancel()


@contextmanager
def _quiet() -> Iterator[None]:
    yield


@contextmanager
def busy_core(house: House) -> Iterator[None]:
    """From the market's first minute a process that takes all of one core."""
    until(lambda: not house.is_running or house.market_clock() > "08:26", "the market day")
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            yield
        finally:
            busy.kill()


def _finished(future: Future[Finished]) -> House:
    house, code = future.result()
    assert code == 0, house.output.read_text(errors="replace")[-3000:]
    return house


@pytest.fixture(scope="session")
def plain(runs: dict[str, Future[Finished]]) -> House:
    """A finished rehearsal of the generated market's morning, as fast as the workers answer."""
    return _finished(runs["plain"])


@pytest.fixture(scope="session")
def refused(runs: dict[str, Future[Finished]]) -> House:
    """The same morning with a blocking asset check that fails."""
    return _finished(runs["refused"])


@pytest.fixture(scope="session")
def slow(runs: dict[str, Future[Finished]]) -> House:
    """The same morning at 400 market seconds per second beside a process that takes a whole core."""
    return _finished(runs["slow"])


@pytest.fixture(scope="session")
def disturbed(runs: dict[str, Future[Finished]]) -> House:
    """The same morning with faults of the exchange switched on from before the open."""
    return _finished(runs["disturbed"])
