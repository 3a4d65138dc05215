"""Market-wide circuit breakers: which index values set one off, and what becomes of index and codes."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from jennie_sim.market.breaker import STEP_MS, broken_index
from jennie_sim.market.fall import Fall
from jennie_sim.market.generate import generate_market
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.market import Market
from jennie_sim.market.pack import SessionPack, read_pack
from jennie_sim.market.path import AUCTION
from jennie_sim.market.tape import Col
from jennie_sim.market.write_pack import write_pack

DAY = date(2025, 6, 27)
HOURS = SessionHours(9 * 60 * MINUTE_MS, (15 * 60 + 30) * MINUTE_MS)
STEPS = (HOURS.continuous_end_ms - HOURS.open_ms) // STEP_MS + 1
BEFORE = 3_000.0


def index(*stretches: tuple[str, float]) -> np.ndarray:
    """A path at BEFORE that stands at given per cent from given times (HH:MM:SS) on."""
    values = np.full(STEPS, BEFORE)
    for clock, percent in stretches:
        values[step(clock) :] = BEFORE * (100 + percent) / 100
    return values


def step(clock: str) -> int:
    hours, minutes, seconds = map(int, clock.split(":"))
    return (((hours * 60 + minutes) * 60 + seconds) * 1_000 - HOURS.open_ms) // STEP_MS


def clock(at_ms: int) -> str:
    return f"{at_ms // 3_600_000:02d}:{at_ms // MINUTE_MS % 60:02d}:{at_ms // 1_000 % 60:02d}"


def test_eight_per_cent_for_a_minute_stop_the_market_for_twenty_minutes_and_a_ten_minute_auction() -> None:
    values, (breaker,) = broken_index(index(("10:00:00", -8.0)), BEFORE, HOURS)
    assert [clock(at) for at in (breaker.begins_ms, breaker.resumes_ms, breaker.ends_ms)] == [
        "10:01:00", "10:21:00", "10:31:00",
    ]  # fmt: skip
    assert len(values) == STEPS
    assert set(values[step("10:01:00") : step("10:31:00")]) == {BEFORE * 0.92}


@pytest.mark.parametrize("stretches", [
    [("10:00:00", -8.5), ("10:00:50", -7.9)],
    [("10:00:00", -7.99)],
    [("14:49:10", -9.0)],
])  # fmt: skip
def test_less_shorter_or_later_sets_none_off(stretches: list[tuple[str, float]]) -> None:
    path = index(*stretches)
    values, breakers = broken_index(path, BEFORE, HOURS)
    assert breakers == ()
    assert (values == path).all()


def test_the_second_stage_needs_fifteen_per_cent_and_a_further_one_the_third_ends_the_day_even_late() -> None:
    path = index(("10:00:00", -14.9), ("10:30:00", -15.5), ("11:30:00", -16.0), ("14:55:00", -21.0))
    values, breakers = broken_index(path, BEFORE, HOURS)
    assert [row.stage for row in breakers] == [1, 2, 3]
    assert breakers[0].ends_ms < breakers[1].begins_ms
    assert values[(breakers[1].begins_ms - HOURS.open_ms) // STEP_MS] == BEFORE * 0.84  # 15.5 % are not 1 % further
    assert breakers[2].begins_ms > HOURS.close_ms - 40 * MINUTE_MS
    assert breakers[2].resumes_ms == HOURS.close_ms
    ended = (breakers[2].begins_ms - HOURS.open_ms) // STEP_MS
    assert set(values[ended:]) == {BEFORE * 0.79}
    assert len(values) == STEPS


def test_the_index_keeps_its_extremes_behind_a_breaker() -> None:
    path = index(("10:00:00", -9.0))
    path[step("13:07:20")], path[step("13:44:40")] = BEFORE * 0.9, BEFORE * 0.97
    values, _ = broken_index(path, BEFORE, HOURS)
    assert (values.min(), values.max()) == (path.min(), path.max())
    assert values[-1] == path[-1]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> SessionPack:
    folder: Path = tmp_path_factory.mktemp("pack")
    made = generate_market(folder / "market", day=DAY, seed=7, codes=12)
    write_pack(
        folder / "pack", day=DAY, seed=7, source="generated", simulated=True, listing=made.listing,
        session=made.session, history=made.daily, index=made.index, accounts=[],
    )  # fmt: skip
    return read_pack(folder / "pack")


def test_a_market_that_falls_stops_every_code_and_loses_no_share(pack: SessionPack) -> None:
    market, calm = Market(pack), Market(pack)
    assert market.let_fall(Fall(percent=10.0, after_minutes=60, minutes=10)) >= 1
    stopped = 0
    for code in market.listing:
        tape = market.tape(code)
        for breaker in market.breakers(code):
            assert tape.between(breaker.begins_ms, breaker.ends_ms - 1) == []
            assert market.is_halted(code, breaker.begins_ms)
            assert not market.is_halted(code, breaker.resumes_ms)
            if tape.times:
                stopped += 1
                (cross, *_) = tape.between(breaker.ends_ms - 1, HOURS.close_ms)
                assert (cross[Col.AT_MS], cross[Col.SIDE]) == (breaker.ends_ms, AUCTION)
        assert sum(row[Col.SIZE] for row in tape.rows) == sum(row[Col.SIZE] for row in calm.tape(code).rows)
        if tape.times:
            limits = market.limits(code)
            assert limits.lower_krw <= tape.rows[-1][Col.PRICE] < calm.tape(code).rows[-1][Col.PRICE]
    assert stopped


def test_a_calm_day_has_no_breaker_and_one_pack_always_falls_the_same_way(pack: SessionPack) -> None:
    assert [Market(pack).breakers(code) for code in pack.listing] == [()] * len(pack.listing)
    fallen = []
    for _ in range(2):
        market = Market(pack)
        market.let_fall(Fall(percent=10.0, after_minutes=60, minutes=10))
        fallen.append({code: market.tape(code).rows.tolist() for code in market.listing})
    assert fallen[0] == fallen[1]


def test_a_fall_by_a_quarter_ends_the_day(pack: SessionPack) -> None:
    market = Market(pack)
    market.let_fall(Fall(percent=26.0, after_minutes=30, minutes=180))
    path = market.index("KOSPI")
    assert path is not None
    assert path.breakers[-1].ends_the_day
    assert path.at(HOURS.close_ms).value == path.at(path.breakers[-1].begins_ms).value
    for code in market.listing:
        if market.listing[code].market.value == "KOSPI":
            assert market.tape(code).between(path.breakers[-1].begins_ms, HOURS.close_ms + MINUTE_MS) == []
