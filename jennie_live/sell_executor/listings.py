"""Market and kind of the held stocks: from the stock master where there is one, else from the broker's quote (5.5)."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.strategy.fills import Listing
from jennie_infra.db.market import StockMaster
from jennie_infra.db.read_only import ReadStore, StoreUnreadableError
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.desk.ports import BrokerDoor

READS_PER_MARK = 4
_MARKETS = {each.value for each in Market}
_KINDS = {each.value for each in AssetKind}
_TABLE = StockMaster.__table__.c


class Listings:
    """Learns a few codes at each settled mark; a code that is not known yet pays the highest rate."""

    def __init__(self, gateway: BrokerDoor, master: ReadStore | None) -> None:
        self._gateway = gateway
        self._master = master
        self._known: dict[str, Listing] = {}

    def of(self, code: str) -> Listing:
        """What is known of a code."""
        return self._known.get(code, Listing())

    async def learn(self, codes: Iterable[str]) -> None:
        """Look up what is missing, at most READS_PER_MARK codes at the broker."""
        missing = [code for code in sorted(codes) if code not in self._known]
        if not missing:
            return
        self._known |= await self._from_master(missing)
        for code in [code for code in missing if code not in self._known][:READS_PER_MARK]:
            try:
                quote = await self._gateway.quote(code)
            except GatewayError as error:
                get_logger().warning("listing unknown", code=code, error=str(error))
                return
            self._known[code] = Listing(quote.market, quote.asset_kind or AssetKind.COMMON)

    async def _from_master(self, codes: list[str]) -> dict[str, Listing]:
        if self._master is None:
            return {}
        try:
            return await self._master.read(lambda connection: _newest(connection, codes))
        except StoreUnreadableError as error:
            get_logger().info("no stock master", error=str(error))
            self._master = None  # asked once: without it the broker's quotes tell
            return {}


def _newest(connection: Connection, codes: list[str]) -> dict[str, Listing]:
    """Rows of the newest master that name both market and kind."""
    newest = select(func.max(_TABLE.as_of)).scalar_subquery()
    statement = select(_TABLE.stock_code, _TABLE.market, _TABLE.asset_kind).where(
        _TABLE.as_of == newest, _TABLE.stock_code.in_(codes)
    )
    return {
        code: Listing(Market(market), AssetKind(kind))
        for code, market, kind in connection.execute(statement)
        if market in _MARKETS and kind in _KINDS
    }
