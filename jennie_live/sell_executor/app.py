"""Wiring of sell-executor."""

from fastapi import FastAPI

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.signals import SellOrder
from jennie_infra.bus.streams import Streams
from jennie_infra.db.read_only import ReadStore, read_only_engine
from jennie_infra.settings import Settings
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.web import create_app
from jennie_live.desk.ports import BrokerDoor
from jennie_live.desk.wiring import build_desk, build_inputs
from jennie_live.sell_executor.listings import Listings
from jennie_live.sell_executor.worker import SellWorker

SERVICE = "sell-executor"


def build(settings: Settings) -> FastAPI:
    """The process from its settings."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=True, needs_gateway=True)
    engine = read_only_engine(settings.effective_market_url, setting="JENNIE_MARKET_URL")
    return create_app(runtime, build_worker(runtime, master=ReadStore("market", engine, threads=1)), title=SERVICE)


def build_worker(runtime: Runtime, door: BrokerDoor | None = None, master: ReadStore | None = None) -> SellWorker:
    """The worker; `door` stands in for the gateway in tests, `master` is where the stock master is read."""
    parts = build_desk(runtime, OrderSide.SELL, door)
    inputs = build_inputs(runtime, Streams.SELL_ORDERS, SellOrder, lambda order: order.raised_at)
    return SellWorker(runtime, parts, inputs, Listings(parts.desk.gateway, master))
