"""The broker's balance for the page: asked when somebody looks, at most every fifteen seconds."""

import asyncio
import time

from jennie_core.domain.orders import AccountBalance
from jennie_infra.bus.cache import Reading
from jennie_infra.gateway_client import GatewayClient, GatewayError

LIFE_SECONDS = 15.0
WAIT_SECONDS = 2.5


class BrokerBalance:
    """One reading shared by all viewers: the read budget belongs to the executors."""

    def __init__(self, gateway: GatewayClient | None) -> None:
        self._gateway = gateway
        self._reading: Reading[AccountBalance] = Reading(None, "the broker has not been asked yet")
        self._asked = -LIFE_SECONDS
        self._lock = asyncio.Lock()

    async def read(self) -> Reading[AccountBalance]:
        """The balance, or why it is unknown; an answer is kept for `LIFE_SECONDS`."""
        async with self._lock:
            if time.monotonic() - self._asked >= LIFE_SECONDS:
                self._reading = await self._ask()
                self._asked = time.monotonic()
            return self._reading

    async def _ask(self) -> Reading[AccountBalance]:
        if self._gateway is None:
            return Reading(None, "no gateway is configured")
        try:
            return Reading(await asyncio.wait_for(self._gateway.balance(), WAIT_SECONDS))
        except TimeoutError:
            return Reading(None, f"the gateway did not answer within {WAIT_SECONDS:g} s")
        except GatewayError as error:
            return Reading(None, str(error))
