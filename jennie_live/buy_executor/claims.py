"""Tells the gateway which codes have open buys, so that they stay in real time (S4)."""

import time

from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.desk.desk import Desk

CLAIM_SECONDS = 60.0
"""Real time after which the gateway is told again; it keeps claims in memory only."""


class OpenOrderClaims:
    """Claims codes when they change, and again every CLAIM_SECONDS."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._claimed: list[str] = []
        self._claimed_at = 0.0

    async def renew(self) -> None:
        """Claim the codes of unresolved orders; a gateway that does not answer is told at the next mark."""
        codes = sorted({order.intent.stock_code for order in self._desk.orders.unresolved()})
        if codes == self._claimed and time.monotonic() - self._claimed_at < CLAIM_SECONDS:
            return
        try:
            await self._desk.gateway.claim_codes("open_orders", codes)
            self._claimed, self._claimed_at = codes, time.monotonic()
        except GatewayError as error:
            get_logger().warning("claim failed", error=str(error))
