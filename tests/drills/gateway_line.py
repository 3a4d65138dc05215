"""A client of the rig's gateway, for what an executor would not do by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.orders import OrderRequest, ReviseRequest
from jennie_infra.gateway_client import GatewayClient
from jennie_infra.settings import generated_secret
from jennie_live.common.runtime import SERVICE_TOKEN
from tests.drills.rig import Rig


@asynccontextmanager
async def line_to(rig: Rig) -> AsyncIterator[GatewayClient]:
    """The client, opened and closed."""
    client = GatewayClient(rig.settings.url("kis-gateway"), generated_secret(rig.settings, SERVICE_TOKEN), "drill")
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def market_buy(intent_id: str, code: str, lease: int) -> OrderRequest:
    """An order for one share."""
    return OrderRequest(
        intent_id=intent_id,
        lease=lease,
        stock_code=code,
        side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        quantity=1,
    )


def amendment(rig: Rig, code: str, limit_price_krw: int) -> ReviseRequest:
    """The first amendment of the only order of a code, under the lease of the buy executor."""
    (intent,) = rig.intents(stock_code=code)
    return ReviseRequest(
        intent_id=intent["intent_id"],
        revision=1,
        lease=rig.health("buy-executor")["detail"]["lease"],
        side=OrderSide.BUY,
        stock_code=code,
        order_number=intent["order_number"],
        organisation_number=intent["organisation_number"] or "",
        limit_price_krw=limit_price_krw,
    )
