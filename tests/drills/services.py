"""Services that ask the gateway for prices: many at once, one after another without end, or until they hang."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from jennie_infra.gateway_client import GatewayClient, GatewayError, GatewayRefusedError
from jennie_infra.settings import generated_secret
from jennie_live.common.runtime import SERVICE_TOKEN
from tests.drills.rig import Rig

READERS_EACH = 4
PAUSE_SECONDS = 0.02
"""Between two reads of one reader: a refusal comes at once, and the machine has two cores."""


@asynccontextmanager
async def service(rig: Rig, name: str) -> AsyncIterator[GatewayClient]:
    """A client under a service's name."""
    client = GatewayClient(rig.settings.url("kis-gateway"), generated_secret(rig.settings, SERVICE_TOKEN), name)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


class Readers:
    """What each service was served and refused so far."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.served: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()

    async def read_on(self, client: GatewayClient, name: str, code: str) -> None:
        """Read without end; every refusal is counted by its rule."""
        while True:
            try:
                await client.order_book(code)
                self.served[name] += 1
            except GatewayError as error:
                self.refused[name] += 1
                self.rules[error.rule if isinstance(error, GatewayRefusedError) else "no answer"] += 1
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def saturating(rig: Rig, code: str, *names: str) -> AsyncIterator[Readers]:
    """Several services that want far more than the budget has."""
    readers = Readers(names)
    async with AsyncExitStack() as stack:
        clients = [(name, await stack.enter_async_context(service(rig, name))) for name in names]
        tasks = [
            asyncio.create_task(readers.read_on(client, name, code))
            for name, client in clients
            for _ in range(READERS_EACH)
        ]
        try:
            yield readers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
