"""Drill 19: the opening burst, fifty times the usual rate for a minute."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from jennie_cli.stops import say_to
from jennie_core.domain.control import ControlVerb
from jennie_infra.bus.streams import Streams
from tests.drills.exchange import HELD
from tests.drills.feed_rig import WATCHED, FeedRig, bars_of, true_bars
from tests.drills.rig import EXECUTORS, running_rig

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


class Burst(FeedRig):
    """Fifty times the usual rate for a minute; the monitor may skip to the newest price of a code."""

    exchange_module = "tests.drills.burst_exchange"

    def resident_mb(self) -> float:
        """Memory of the processes that ticks pass through."""
        names = ("kis-gateway", "buy-scanner", "price-monitor")
        return sum(psutil.Process(self.processes[name].pid).memory_info().rss for name in names) / 2**20

    def conflated(self) -> float:
        """Ticks that the monitor passed over for newer ones."""
        (figure,) = self._figures("jennie_ticks_conflated_total").values()
        return figure

    def decisions(self) -> dict[str, float]:
        """How many ticks the monitor has judged so far, by the upper bound in seconds of the time that it took."""
        return self._figures("jennie_tick_to_decision_seconds_bucket")

    def _figures(self, name: str) -> dict[str, float]:
        """Samples of one metric of the monitor by their labels."""
        text = self._http.get(f"{self.settings.url('price-monitor')}/metrics").text
        lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith(name)]
        return {label.removeprefix(name): float(value) for label, _, value in lines}


def judged(before: dict[str, float], after: dict[str, float]) -> tuple[float, float]:
    """Ticks judged between two readings, and the 99th percentile in ms as the upper bound of its bucket."""
    counts = [(bound.partition('le="')[2].partition('"')[0], after[bound] - before.get(bound, 0.0)) for bound in after]
    total = counts[-1][1]
    bound = next(bound for bound, count in counts if count >= 0.99 * total)
    return total, float(bound) * 1_000


@pytest.fixture
async def burst(
    drill_seed: int, port_bases: Iterator[int], record_property: Callable[[str, object], None]
) -> AsyncIterator[Burst]:
    """A rig before the burst."""
    folder = Path(tempfile.mkdtemp(prefix="jd-"))
    made = running_rig(folder, next(port_bases), Burst, seed=drill_seed, JENNIE_CONFLATE_TICKS="true")
    async with made as rig:
        assert isinstance(rig, Burst)
        rig.recovery.record = record_property
        yield rig


async def test_19_in_a_burst_memory_is_bounded_the_newest_price_wins_and_a_stop_waits_for_no_tick(burst: Burst) -> None:
    """Tick to decision is measured before, in and after the burst; what must hold of it is counted in market time.

    The burst's figure includes the time for which the readers are stopped, so that they certainly fall behind.
    """
    began = burst.decisions()
    await burst.slices_until(lambda: burst.now >= burst.now.replace(minute=31, second=0), "the burst begins", 40)
    before_mb, published = burst.resident_mb(), burst.feed()["ticks_published"]
    quiet = burst.decisions()
    monitor, scanner = burst.processes["price-monitor"], burst.processes["buy-scanner"]
    for reader in (monitor, scanner):
        reader.send_signal(signal.SIGSTOP)
    burst.now += timedelta(minutes=1)
    await asyncio.to_thread(burst.admin.advance, burst.now)
    await burst._passed("kis-gateway")
    assert burst.feed()["ticks_published"] - published >= 13 * 50 * 29
    say_to(burst.settings, ControlVerb.HALT, "drill")
    for name in EXECUTORS:
        await burst.until(lambda name=name: burst.health(name)["detail"]["halted"], f"{name} knows, no tick was read")
    for reader in (monitor, scanner):
        reader.send_signal(signal.SIGCONT)
    burst.fault_is_over()
    await burst.slice()
    conflated, behind = burst.conflated(), burst.decisions()
    assert conflated > 1_000
    assert burst.health("buy-scanner")["detail"]["late_ticks"] == 0, "no bar lost a trade"
    bars = bars_of(await burst.items(), WATCHED)
    for code in WATCHED:
        truth = true_bars(code, burst=True)
        assert all(bar.is_complete and bar[:6] == truth[bar.start_us][:6] for bar in bars[code][1:]), code
    await burst.slices_until(lambda: HELD not in burst.theirs(), "the held code fell in the burst's wake and is sold")
    calm = burst.decisions()
    for name, (first, last) in {"before": (began, quiet), "burst": (quiet, behind), "after": (behind, calm)}.items():
        ticks, p99_ms = judged(first, last)
        assert ticks, name
        burst.recovery.record(f"measured:tick_to_decision_p99_ms_{name}", p99_ms)
    assert burst.conflated() == conflated, "five seconds after the burst nobody is behind: every tick is judged"
    grown_mb = burst.resident_mb() - before_mb
    burst.recovery.record("measured:memory_growth_mb", round(grown_mb, 1))
    assert grown_mb < 64
    assert await burst.redis.xlen(Streams.TICKS.value) < 110_000
    await burst.slices_until(lambda: not burst.unresolved("buy"), "settled")
    await burst.holds()
