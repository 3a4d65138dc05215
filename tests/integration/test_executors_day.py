"""A signal becomes an order, a fill, a position and a sale, through both executors and real stores."""

from pathlib import Path

import pytest

from jennie_infra.db.repositories.tables import COOLDOWN, TRADE_LOG
from tests.integration.desk_rig import desk_rig

BUYER, SELLER = "buy-executor", "sell-executor"


@pytest.mark.rule(
    "R-BUY-07",
    "R-BUY-13",
    "R-BUY-15",
    "R-DATA-12",
    "R-SELL-06",
    "R-SELL-07",
    "R-SELL-08",
    "R-SELL-09",
    "R-SELL-10",
    "R-SELL-11",
    "R-SELL-12",
)
@pytest.mark.parametrize("store", ["sqlite_url", "mariadb_url"])
async def test_signal_to_position_to_sale(
    redis_url: str, store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Both sides of a trade, equal to the broker's ledger."""
    ledger_url = request.getfixturevalue(store)
    async with desk_rig(redis_url, ledger_url, tmp_path, BUYER, SELLER) as rig:
        await rig.signal()
        await rig.mark()
        assert rig.outcomes() == [("ordered", None)]
        order = rig.gateway.orders[0]
        await rig.notice(rig.gateway.execute(order, order.remaining, 10_000))
        await rig.mark()
        bought = rig.gateway.held["005930"][0]
        assert rig.holdings() == {"005930": (bought, 0)}
        await rig.mark()

        await rig.sell()
        await rig.mark()
        sale = rig.gateway.orders[1]
        assert sale.request.quantity == bought
        await rig.notice(rig.gateway.execute(sale, bought, 9_500))
        await rig.mark()
        assert rig.gateway.held == {}
        assert rig.holdings() == {}
        assert [row["state"] for row in rig.intents()] == ["filled", "filled"]
        trades = {row["trade_type"]: row for row in rig.rows(TRADE_LOG)}
        amount = bought * 9_500
        costs = amount * 15 // 100_000 + amount * 1_500 // 1_000_000
        assert trades["SELL"]["realized_pnl_krw"] == -500 * bought - costs
        assert trades["BUY"]["watchlist_version"] == "wl-1"
        bought_by, sold_by = sorted(rig.intents(), key=lambda row: row["side"])
        assert sold_by["context"]["opened_by"] == bought_by["intent_id"], "a sale leads to its buy's scores and regime"
        assert trades["BUY"]["hybrid_score"] is not None
        assert {row["kind"] for row in rig.rows(COOLDOWN)} == {"stop_loss", "sell"}
        await rig.mark()
        await rig.signal()
        await rig.mark()
        assert ("refused", "R-BUY-07") in rig.outcomes()
