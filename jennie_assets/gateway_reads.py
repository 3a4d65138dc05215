"""Reads through the gateway for runs: one short session each, every code bounded in time."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import select

from jennie_assets.platform import Platform
from jennie_core.domain.market import DailyBar
from jennie_core.domain.orders import AccountBalance
from jennie_core.scoring.frames import DAILY_PRICES
from jennie_infra.db.ledger import ActivePortfolio
from jennie_infra.db.repositories.market_scores import active_entries
from jennie_infra.gateway_client import GatewayClient, GatewayError
from jennie_infra.settings import generated_secret

T = TypeVar("T")
SERVICE = "data-plane"
AT_ONCE = 8


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: the caller may be inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


def watched_codes(platform: Platform, day: date) -> list[str]:
    """Codes of the day's watchlist and of held positions, sorted."""
    with platform.market.connect() as connection:
        _, entries = active_entries(connection, day, day)
    with platform.ledger.connect() as connection:
        held = connection.execute(
            select(ActivePortfolio.stock_code).where(ActivePortfolio.quantity + ActivePortfolio.external_quantity > 0)
        ).scalars()
        return sorted({entry.code for entry in entries} | set(held))


def closing_bars(platform: Platform, codes: list[str], day: date) -> tuple[pl.DataFrame, list[str]]:
    """`frames.DAILY_PRICES` of `day` for the codes that answered, and the codes that did not."""
    bars, failed = run_apart(_bars(platform, codes, day))
    rows = [
        (
            bar.code,
            bar.trade_date,
            bar.open_krw,
            bar.high_krw,
            bar.low_krw,
            bar.close_krw,
            bar.volume,
            bar.open_krw == 0,
        )
        for bar in bars
    ]
    return pl.DataFrame(rows, schema=dict(DAILY_PRICES), orient="row"), failed


def balance(platform: Platform) -> AccountBalance:
    """The account as the broker has it; raises GatewayError."""

    async def ask() -> AccountBalance:
        client = _client(platform)
        await client.open()
        try:
            return await client.balance()
        finally:
            await client.close()

    return run_apart(ask())


async def _bars(platform: Platform, codes: list[str], day: date) -> tuple[list[DailyBar], list[str]]:
    client = _client(platform)
    gate = asyncio.Semaphore(AT_ONCE)
    failed: list[str] = []

    async def one(code: str) -> DailyBar | None:
        async with gate:
            try:
                found = await client.daily_bars(code, 1, day)
            except GatewayError:
                failed.append(code)
                return None
        return next((bar for bar in found if bar.trade_date == day), None)

    await client.open()
    try:
        bars = await asyncio.gather(*(one(code) for code in codes))
    finally:
        await client.close()
    return [bar for bar in bars if bar is not None], sorted(failed)


def _client(platform: Platform) -> GatewayClient:
    settings = platform.settings
    return GatewayClient(settings.url("kis-gateway"), generated_secret(settings, "service_token"), SERVICE)
