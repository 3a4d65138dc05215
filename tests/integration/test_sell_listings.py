"""5.5: the tax of a sale follows the market and kind of its stock, from the stock master or the broker's quote."""

from datetime import date
from pathlib import Path

from sqlalchemy import insert

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.strategy.fills import Listing
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import StockMaster
from jennie_infra.db.read_only import ReadStore, read_only_engine
from jennie_infra.db.schema import upgrade
from jennie_live.sell_executor.listings import READS_PER_MARK, Listings
from tests.integration.desk_harness import START
from tests.integration.desk_rig import desk_rig
from tests.integration.test_sell_without_ledger import carry, hold
from tests.unit.desk.fake_gateway import FakeGateway

SELLER = "sell-executor"


async def test_a_konex_sale_is_booked_at_its_own_rate(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """0.10 % instead of the 0.15 % of KOSPI on 2025-06-27."""

    def broker(gateway: FakeGateway) -> None:
        hold(gateway)
        gateway.markets["005930"] = Market.KONEX

    async with desk_rig(redis_url, sqlite_url, tmp_path, SELLER, prepare=carry, broker=broker) as rig:
        await rig.sell(stock_code="005930", order_id="konex")
        await rig.sell(stock_code="000660", order_id="unknown")
        await rig.mark()
        for order in rig.gateway.orders:
            await rig.notice(rig.gateway.execute(order, order.remaining, 10_000))
        await rig.mark()
        assert {row["stock_code"]: row["tax_krw"] for row in rig.fills()} == {"005930": 1_000, "000660": 750}


async def test_the_newest_stock_master_goes_before_the_quote(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    engine = make_engine(url, durable=False)
    upgrade("market", engine)
    rows = [
        (date(2025, 6, 25), "069500", "KOSPI", "COMMON"),
        (date(2025, 6, 26), "069500", "KOSPI", "ETF"),
        (date(2025, 6, 26), "000660", None, "COMMON"),
    ]
    with engine.begin() as connection:
        for as_of, code, market, kind in rows:
            connection.execute(
                insert(StockMaster).values(as_of=as_of, stock_code=code, market=market, asset_kind=kind, known_at=START)
            )
    gateway = FakeGateway(lambda: START)
    gateway.markets["000660"] = Market.KOSDAQ
    store = ReadStore("market", read_only_engine(url, setting="JENNIE_MARKET_URL"), threads=1)
    listings = Listings(gateway, store)
    await listings.learn({"069500", "000660"})
    assert listings.of("069500") == Listing(Market.KOSPI, AssetKind.ETF)
    assert listings.of("000660") == Listing(Market.KOSDAQ, AssetKind.COMMON)
    assert gateway.calls == ["quote"], "only what the master does not tell is asked"
    store.close()
    engine.dispose()


async def test_without_a_master_a_few_quotes_per_mark_tell(tmp_path: Path) -> None:
    gateway = FakeGateway(lambda: START)
    absent = read_only_engine(f"sqlite:///{tmp_path / 'absent.db'}", setting="JENNIE_MARKET_URL")
    listings = Listings(gateway, ReadStore("market", absent, threads=1))
    codes = {f"{number:06d}" for number in range(READS_PER_MARK + 1)}
    await listings.learn(codes)
    assert gateway.calls == ["quote"] * READS_PER_MARK
    await listings.learn(codes)
    assert gateway.calls == ["quote"] * (READS_PER_MARK + 1)
    gateway.reads_fail = True
    await listings.learn({"999999"})
    assert listings.of("999999") == Listing(Market.UNKNOWN), "unknown, taxed at the highest rate"
