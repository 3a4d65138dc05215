"""Questions by chat (R-TG-19..23, R-TG-27, R-TG-29). What cannot be read is said to be unknown."""

import asyncio
from typing import Any

from sqlalchemy import select

from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.ledger import TradeLog
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.gateway_client import GatewayError
from jennie_infra.run_config import read_max_buys
from jennie_infra.telegram import escape
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.handlers.stops import MODES, status
from jennie_live.commands.stocks import find_stock, held

SHOWN = 20


async def portfolio(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Positions of the ledger at the broker's prices where these can be had."""
    rows = await held(desk)
    if not rows:
        return Reply("보유 종목이 없습니다.")
    prices: dict[str, int] = {}
    note = ""
    try:
        prices = {h.stock_code: h.current_price_krw for h in (await desk.gateway.balance()).holdings}
    except GatewayError:
        note = "\n현재가를 알 수 없습니다 (증권사 무응답)."
    lines = []
    for row in rows:
        price = prices.get(row.stock_code)
        gain = f"{(price / row.average_price_krw - 1) * 100:+.2f} %" if price else "손익 알 수 없음"
        flag = "" if row.reconciled else " ⚠️대조 안 됨"
        lines.append(
            f"<b>{escape(row.stock_name)}</b> {row.quantity:,}주 · 평단 {row.average_price_krw:,.0f} · {gain}{flag}"
        )
    return Reply("\n".join(lines) + note)


async def pnl(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Today's trades and what they realised, net of costs."""
    day = (await desk.now()).date()
    table = TradeLog.__table__
    rows: list[Any] = await desk.ledger.read(
        lambda c: list(c.execute(select(table).where(table.c.market_day == day).order_by(table.c.traded_at)))
    )
    if not rows:
        return Reply(f"{day} 거래가 없습니다.")
    sells = [row for row in rows if row.trade_type == "SELL"]
    unknown = any(row.realized_pnl_krw is None for row in sells)
    total = sum(row.realized_pnl_krw for row in sells if row.realized_pnl_krw is not None)
    lines = [f"<b>{day}</b> 매수 {len(rows) - len(sells)}건, 매도 {len(sells)}건"]
    lines.append(
        "실현 손익: 알 수 없음 (값이 없는 매도가 있음)" if unknown else f"실현 손익: {total:+,}원 (비용 제외 후)"
    )
    for row in rows[-SHOWN:]:
        gain = f" {row.profit_pct:+.2f} %" if row.profit_pct is not None else ""
        side = "매수" if row.trade_type == "BUY" else "매도"
        lines.append(f"{side} {escape(row.stock_name)} {row.quantity:,}주 @ {row.price_krw:,.0f}{gain}")
    return Reply("\n".join(lines))


async def balance(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Cash and account value as the broker has them."""
    found = await desk.gateway.balance()
    return Reply(
        f"예수금 {found.deposit_krw:,}원 · 정산 후 {found.cash_krw:,}원\n주문 가능 {found.orderable_cash_krw:,}원\n"
        f"총평가 {found.total_evaluation_krw:,}원\n기준 {found.inquired_at:%m-%d %H:%M:%S}"
    )


async def price(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Quote of one stock."""
    if not words:
        return Reply("사용법: <code>/price 종목</code>")
    quote = await desk.gateway.quote((await find_stock(desk, words[0])).code)
    status_note = "" if quote.status.value == "normal" else f"\n⚠️ {quote.status.value}"
    return Reply(
        f"<b>{escape(quote.name)}</b> {quote.code}\n{quote.price_krw:,}원 ({quote.change_pct:+.2f} %)\n"
        f"거래량 {quote.volume:,}{status_note}\n기준 {quote.quoted_at:%m-%d %H:%M:%S}"
    )


async def watchlist(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """The active list, at most twenty."""
    reading = await get(desk.runtime.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
    if reading.value is None:
        return Reply(f"관심 종목이 없습니다: {escape(reading.problem)}. /scout 로 실행할 수 있습니다.")
    found = reading.value
    lines = [f"<b>{escape(found.version)}</b> · {found.market_regime.value} · 기준 {found.known_at:%m-%d %H:%M}"]
    lines += [
        f"{entry.rank}. {escape(entry.name)} {entry.hybrid_score:.1f} {entry.trade_tier.value}"
        + ("" if entry.is_tradable else " (매매 불가)")
        for entry in found.entries[:SHOWN]
    ]
    return Reply("\n".join(lines))


async def config(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Limits in force with the hash that every worker shows."""
    risk = desk.runtime.trading.risk
    try:
        changed = await desk.ledger.read(read_max_buys)
        max_buys = f"{risk.max_buys_per_day}회" + ("" if changed is None else f" (지정 {changed}회)")
    except StoreUnreadableError:
        max_buys = f"{risk.max_buys_per_day}회 (지정값 알 수 없음)"
    return Reply(
        f"모드 {MODES[desk.settings.mode]}\n설정 {desk.runtime.trading.settings_hash()}\n"
        f"하루 매수 {max_buys} · 종목 {risk.max_positions}개 · 업종 {risk.max_sector_stocks}종목\n"
        f"손실 한도 일 −{risk.daily_loss_limit_pct:g} % · 주 −{risk.weekly_loss_limit_pct:g} %\n"
        f"정지 중 자동 매도: {'멈춤' if desk.settings.halt_blocks_exits else '계속'}"
    )


async def diagnose(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Redis, ledger, market store, gateway and the stops, asked at once."""

    async def store(name: str, read: Any) -> str:
        try:
            await read(lambda c: c.exec_driver_sql("SELECT 1").scalar())
            return f"✅ {name}"
        except StoreUnreadableError as error:
            return f"❌ {name}: {escape(error.detail)} → {escape(error.next_step)}"

    async def redis() -> str:
        found = await desk.runtime.redis_status()
        return f"✅ redis {found.latency_ms:.1f} ms" if found.ok else f"❌ redis: {escape(found.detail)}"

    async def gateway() -> str:
        try:
            await desk.gateway.balance()
            return "✅ gateway"
        except GatewayError as error:
            return f"❌ gateway: {escape(error)} → kis-gateway를 확인하세요"

    lines = await asyncio.gather(
        redis(), store("ledger", desk.ledger.read), store("market", desk.market.read), gateway()
    )
    return Reply("\n".join([*lines, (await status(desk, caller, ())).text]))
