"""Wiring of sell-executor."""

from fastapi import FastAPI

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.signals import SellOrder
from jennie_infra.bus.streams import Streams
from jennie_infra.settings import Settings
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.web import create_app
from jennie_live.desk.ports import BrokerDoor
from jennie_live.desk.wiring import build_desk, build_inputs
from jennie_live.sell_executor.worker import SellWorker

SERVICE = "sell-executor"


def build(settings: Settings) -> FastAPI:
    """The process from its settings."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=True, needs_gateway=True)
    return create_app(runtime, build_worker(runtime), title=SERVICE)


def build_worker(runtime: Runtime, door: BrokerDoor | None = None) -> SellWorker:
    """The worker; `door` stands in for the gateway in tests."""
    parts = build_desk(runtime, OrderSide.SELL, door)
    inputs = build_inputs(runtime, Streams.SELL_ORDERS, SellOrder, lambda order: order.raised_at)
    return SellWorker(runtime, parts, inputs)
