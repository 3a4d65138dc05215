"""Connections to Redis that wait for a loading or absent server instead of dying (R-RDS-04)."""

import asyncio
import time
from typing import Any

import redis
import redis.asyncio as aioredis
from redis import exceptions
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

AsyncRedis = aioredis.Redis
SyncRedis = redis.Redis

_RETRY_ON: list[type[Exception]] = [
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
]


def connect(url: str, *, timeout_seconds: float = 2.0, retries: int = 3) -> AsyncRedis:
    """A client for quick commands: bounded time, few jittered retries. Never use it for blocking reads.

    `retries=0` for a writer whose commands must not be sent twice behind its back (a repeated XADD is a second entry).
    """
    return aioredis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.02), retries),
        retry_on_error=_RETRY_ON,
        protocol=3,
    )


def connect_blocking(url: str) -> AsyncRedis:
    """A client for blocking reads: no socket timeout, no retry (redis-py would retry a block for a minute)."""
    return aioredis.Redis.from_url(
        url, socket_timeout=None, socket_connect_timeout=2.0, retry=Retry(ExponentialWithJitterBackoff(), 0), protocol=3
    )


def connect_sync(url: str, *, timeout_seconds: float = 2.0) -> SyncRedis:
    """A blocking client for the data plane and the command line."""
    return redis.Redis.from_url(url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, protocol=3)


async def wait_until_ready(client: AsyncRedis, *, seconds: float = 60.0) -> None:
    """Wait for a server that is starting or loading; raises the last error after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.05
    while True:
        try:
            await client.ping()
            return
        except (RedisError, OSError):
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(1.0, pause * 2)


def text(value: Any) -> str:
    """Redis bytes as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
