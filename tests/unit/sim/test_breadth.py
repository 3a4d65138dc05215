"""An index's volume, value and advancers are those of its codes."""

from datetime import date
from pathlib import Path

import pytest

from jennie_sim.market import breadth
from jennie_sim.market.breadth import SHARES, Breadth, IndexFigures
from jennie_sim.market.generate import generate_market
from jennie_sim.market.market import Market
from jennie_sim.market.pack import read_pack
from jennie_sim.market.snapshot import take_snapshot
from jennie_sim.market.write_pack import write_pack

DAY = date(2025, 6, 27)
NINE = 9 * 3_600_000


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    folder: Path = tmp_path_factory.mktemp("pack")
    made = generate_market(folder / "market", day=DAY, seed=3, codes=30)
    write_pack(
        folder / "pack", day=DAY, seed=3, source="generated", simulated=True, listing=made.listing,
        session=made.session, history=made.daily, index=made.index, accounts=[],
    )  # fmt: skip
    return Market(read_pack(folder / "pack"))


def counted(market: Market, index_code: str, at_ms: int) -> IndexFigures:
    """The same from the quotes of every code."""
    rows = [
        take_snapshot(market, code, at_ms)
        for code, listed in market.listing.items()
        if listed.market.value == index_code and listed.kind in SHARES
    ]
    traded = [row for row in rows if row.volume]
    return IndexFigures(
        volume=sum(row.volume for row in rows),
        turnover_krw=sum(row.turnover for row in rows),
        previous_volume=sum(row.previous_volume for row in rows),
        up=sum(row.change > 0 for row in traded),
        limit_up=sum(row.price == row.upper for row in traded),
        flat=sum(row.change == 0 for row in traded),
        down=sum(row.change < 0 for row in traded),
        limit_down=sum(row.price == row.lower for row in traded),
    )


@pytest.mark.parametrize("index_code", ["KOSPI", "KOSDAQ"])
@pytest.mark.parametrize("minutes", [1, 97, 395])
def test_the_figures_are_the_sum_of_the_quotes(market: Market, index_code: str, minutes: int) -> None:
    at_ms = NINE + minutes * 60_000
    found = Breadth(market).of(index_code, at_ms)
    assert found == counted(market, index_code, at_ms)
    assert found.volume > 0
    assert found.up + found.down > 0


def test_unknown_stays_unknown(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Breadth(market).of("KOSPI", NINE - 1) is None
    assert Breadth(market).of("KONEX", NINE) is None
    monkeypatch.setattr(breadth, "MOST_CODES", 3)
    assert Breadth(market).of("KOSPI", NINE) is None
