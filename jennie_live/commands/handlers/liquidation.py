"""Forced liquidation by chat (R-TG-30, R-LIQ): mark, then arm in two steps; every change is on record."""

import asyncio
import uuid

from sqlalchemy import insert

from jennie_core.domain.control import ControlVerb
from jennie_infra import liquidation
from jennie_infra.db.ledger import ControlLog
from jennie_infra.liquidation import LiquidationState
from jennie_infra.telegram import escape
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.stocks import find_stock, held

USAGE = "사용법: <code>/liquidate add|remove|list|arm|disarm|clear|status [종목]</code>"


async def liquidate(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """One of the verbs; arming needs a non-empty set and a confirmation bound to that set."""
    verb = words[0].lower() if words else ""
    if verb in ("list", "status"):
        return await _show(desk)
    if verb in ("add", "remove"):
        return await _mark(desk, caller, verb, words[1:])
    if verb == "arm":
        return await _arm(desk, caller)
    if verb in ("disarm", "clear"):
        return await _disarm(desk, caller, clear=verb == "clear")
    return Reply(USAGE)


async def _state(desk: Desk) -> LiquidationState:
    return await liquidation.load(desk.settings, desk.runtime.redis)


async def _store(desk: Desk, state: LiquidationState) -> None:
    await liquidation.store(desk.settings, desk.runtime.redis, state)


async def _show(desk: Desk) -> Reply:
    state = await _state(desk)
    if not state.codes:
        return Reply("강제 청산 목록이 비어 있습니다.")
    names = {row.stock_code: row.stock_name for row in await held(desk)}
    listed = "\n".join(f"· {escape(names.get(code, '보유하지 않음'))} {code}" for code in state.codes)
    return Reply(f"{'🔴 발동됨' if state.armed else '⚪ 대기'}\n{listed}")


async def _mark(desk: Desk, caller: Caller, verb: str, words: tuple[str, ...]) -> Reply:
    if not words:
        return Reply(USAGE)
    stock = await find_stock(desk, words[0])
    state = await _state(desk)
    if verb == "remove":
        await _record(desk, caller, ControlVerb.LIQUIDATE_REMOVE, stock.code)
        await _store(desk, state.without(stock.code))
        return Reply(f"{escape(stock.name)} 목록에서 뺐습니다.")
    if stock.code not in {row.stock_code for row in await held(desk)}:
        return Reply(f"{escape(stock.name)}은(는) 보유하고 있지 않아 넣지 않았습니다.")
    if state.armed:
        return Reply("이미 발동되어 있습니다. 먼저 <code>/liquidate disarm</code> 한 뒤 넣고 다시 발동하세요.")
    await _record(desk, caller, ControlVerb.LIQUIDATE_ADD, stock.code)
    await _store(desk, state.with_code(stock.code))
    return Reply(f"{escape(stock.name)} 넣었습니다. <code>/liquidate arm</code> 으로 발동합니다.")


async def _arm(desk: Desk, caller: Caller) -> Reply:
    codes = list((await _state(desk)).codes)
    if not codes:
        return Reply("목록이 비어 있어 발동할 수 없습니다. <code>/liquidate add 종목</code> 을 먼저 보내세요.")

    async def content() -> object:
        return {"arm": list((await _state(desk)).codes), "chat": caller.chat}

    async def act() -> str:
        await _record(desk, caller, ControlVerb.LIQUIDATE_ARM, None)
        await _store(desk, LiquidationState(codes=tuple(codes), armed=True))
        return f"🔴 강제 청산을 발동했습니다: {', '.join(codes)}"

    summary = f"<b>강제 청산 발동</b>: {', '.join(codes)} 전량을 시장가로 팝니다. 정지 중에도 실행됩니다."
    bound = {"arm": codes, "chat": caller.chat}
    return Reply(summary, desk.confirmations.ask(caller.chat, summary, bound, content, act))


async def _disarm(desk: Desk, caller: Caller, *, clear: bool) -> Reply:
    state = await _state(desk)
    await _store(desk, LiquidationState(codes=() if clear else state.codes))
    await _record(desk, caller, ControlVerb.LIQUIDATE_DISARM, None)
    return Reply(
        "강제 청산을 해제하고 목록을 비웠습니다." if clear else "강제 청산을 해제했습니다. 목록은 남아 있습니다."
    )


async def _record(desk: Desk, caller: Caller, verb: ControlVerb, code: str | None) -> None:
    row = {
        "command_id": uuid.uuid4().hex,
        "verb": verb.value,
        "stock_code": code,
        "reason": "chat",
        "said_by": caller.said_by,
        "said_at": await desk.now(),
    }

    def store() -> None:
        with desk.write_ledger.begin() as connection:
            connection.execute(insert(ControlLog).values(**row))

    await asyncio.to_thread(store)
