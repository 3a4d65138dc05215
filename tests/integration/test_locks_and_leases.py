"""The owner-checked lock and the lease of a desk on it, against a real store and ledger (O2, drills 5 and 22)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from jennie_core.domain.enums import OrderSide
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.locks import Lock
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.repositories import leases
from jennie_infra.db.schema import upgrade
from jennie_live.desk.lease import DeskLease

LIFE_SECONDS = 5.0
KEY = RedisKeys.DESK_LEASE.of(side="buy")


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[AsyncRedis]:
    made = connect(redis_url)
    yield made
    await made.aclose()


@pytest.fixture
def ledger(tmp_path: Path) -> DatabaseThread:
    engine = make_engine(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    upgrade("ledger", engine)
    return DatabaseThread(engine, "ledger")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a lease tells nobody
            await asyncio.sleep(0.01)


async def test_a_lock_has_one_holder_and_names_it(client: AsyncRedis) -> None:
    mine, other = Lock(client, "lock:x", "me@host:1", 5_000), Lock(client, "lock:x", "other", 5_000)
    assert await mine.acquire() is None
    holder = await other.acquire()
    assert holder is not None
    assert holder.owner == "me@host:1"


async def test_only_its_owner_releases_and_renews_a_lock(client: AsyncRedis) -> None:
    """Drill 5: an owner whose lock ran out must not free the next holder's."""
    late, holder = Lock(client, "lock:x", "late", 20), Lock(client, "lock:x", "holder", 5_000)
    assert await late.acquire() is None
    async with asyncio.timeout(5):
        while await holder.acquire() is not None:  # noqa: ASYNC110 - a lock that runs out tells nobody
            await asyncio.sleep(0.005)
    assert not await late.renew()
    assert not await late.release()
    assert await client.get("lock:x") == holder.token.encode()
    assert await holder.renew()
    assert await holder.release()
    assert await client.get("lock:x") is None


async def test_renewing_extends_the_life(client: AsyncRedis) -> None:
    lock = Lock(client, "lock:x", "me", 60_000)
    await lock.acquire()
    await client.pexpire("lock:x", 1_000)
    assert await lock.renew()
    assert await client.pttl("lock:x") > 50_000


async def test_two_locks_of_one_owner_are_not_the_same(client: AsyncRedis) -> None:
    first, second = Lock(client, "lock:x", "me", 5_000), Lock(client, "lock:x", "me", 5_000)
    await first.acquire()
    assert await second.acquire() is not None
    assert not await second.release()


async def test_a_lease_that_the_store_forgot_is_held_on(client: AsyncRedis, ledger: DatabaseThread) -> None:
    lease = DeskLease(client, ledger, OrderSide.BUY, "me@host:1", LIFE_SECONDS)
    number = await lease.acquire()
    token = await client.get(KEY)
    await client.delete(KEY)
    async with asyncio.timeout(20):
        while await client.get(KEY) != token:  # noqa: ASYNC110 - a lease tells nobody
            await asyncio.sleep(0.01)
    assert lease.is_current()
    assert lease.number == number
    await lease.release()
    ledger.close()


async def test_a_lease_is_lost_when_another_took_the_desk_meanwhile(client: AsyncRedis, ledger: DatabaseThread) -> None:
    """The other one's lock is gone as well; only the ledger knows that it was there."""
    lease = DeskLease(client, ledger, OrderSide.BUY, "me@host:1", LIFE_SECONDS)
    await lease.acquire()
    await ledger.run(lambda connection: leases.take_next(connection, OrderSide.BUY, "other", now=wall_now()))
    await client.delete(KEY)
    await _until(lambda: not lease.is_current())
    assert await client.get(KEY) is None
    ledger.close()
