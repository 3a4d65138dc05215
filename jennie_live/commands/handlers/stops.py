"""Stops by chat (R-TG-11..15): stopping is one step, lifting a full stop is two."""

import asyncio
from datetime import datetime

from jennie_core.domain.control import ControlVerb, StopState
from jennie_core.domain.enums import Mode
from jennie_core.domain.permit import TradingPermit
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.permit import check, permit_key
from jennie_infra.stops import StopReceipt, say
from jennie_infra.telegram import escape
from jennie_infra.telemetry import get_logger
from jennie_live.commands.context import Caller, Desk, Reply

STOP_WORDS = ("확인", "긴급")
MODES = {Mode.REHEARSAL: "모의 리허설", Mode.PAPER: "모의투자", Mode.LIVE: "실거래"}


async def pause(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Stop new buys; no expiry."""
    receipt = await _say(desk, ControlVerb.PAUSE, caller, " ".join(words) or "텔레그램에서 일시 정지")
    return Reply(f"⏸ <b>일시 정지</b>: 새 매수를 멈췄습니다. 청산과 수동 주문은 계속됩니다.\n{_places(receipt)}")


async def stop(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Full stop; the word is required."""
    if not words or words[0] not in STOP_WORDS:
        return Reply(
            "전면 정지는 <code>/stop 확인</code> 또는 <code>/stop 긴급</code> 으로 보내세요. 아직 멈추지 않았습니다."
        )
    receipt = await _say(desk, ControlVerb.HALT, caller, " ".join(words[1:]) or f"텔레그램 /stop {words[0]}")
    return Reply(
        f"🛑 <b>전면 정지</b>: 자동 매수를 막고 미체결 매수를 취소합니다. {_exits(receipt.state)}\n{_places(receipt)}"
    )


async def resume(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Lift a pause at once, a full stop after a confirmation (R-TG-13)."""
    await desk.runtime.stops.refresh()
    state = desk.runtime.stops.state
    reason = " ".join(words) or "텔레그램에서 재개"

    async def act() -> str:
        receipt = await _say(desk, ControlVerb.RESUME, caller, reason)
        return f"▶️ <b>재개</b>: 정지를 모두 풀었습니다.\n{_places(receipt)}"

    if not state.halted:
        return Reply(await act())

    async def content() -> object:
        await desk.runtime.stops.refresh()
        return desk.runtime.stops.state.model_dump(mode="json")

    summary = f"전면 정지를 풉니다 (사유: {escape(state.reason)}, {escape(state.said_by)})"
    return Reply(summary, desk.confirmations.ask(caller.chat, summary, await content(), content, act))


async def dryrun(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Whether orders are real is the mode's, fixed at the start of the process: it cannot be switched by chat."""
    mode = MODES[desk.settings.mode]
    return Reply(
        f"지금은 <b>{mode}</b> 모드입니다. 모의와 실거래는 JENNIE_MODE로만 바뀌고, 바꾸려면 다시 시작해야 합니다. "
        "매수만 멈추려면 /pause 를 쓰세요."
    )


async def status(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Stops, permit, mode and market time."""
    await desk.runtime.stops.refresh()
    state = desk.runtime.stops.state
    refusal = desk.runtime.stops.refuse_buy()
    readable = refusal is None or refusal.rule != "O4-UNREADABLE"
    stopped = "🛑 전면 정지" if state.halted else "⏸ 일시 정지" if state.paused else "▶️ 가동 중"
    lines = [f"<b>{MODES[desk.settings.mode]}</b> · {stopped if readable else '⚠️ 정지 상태를 읽을 수 없음'}"]
    if state.blocks_buys:
        since = f"{state.since:%m-%d %H:%M:%S}" if state.since else "시각 알 수 없음"
        lines.append(f"사유: {escape(state.reason)} ({escape(state.said_by)}, {since})\n{_exits(state)}")
    try:
        now = await desk.market_now()
        lines.append(f"시장 시각: {now:%Y-%m-%d %H:%M:%S}")
        lines.append(await _permit_line(desk, now))
    except MarketTimeUnknownError:
        lines.append("시장 시각: 알 수 없음 (kis-gateway를 확인하세요)")
    return Reply("\n".join(lines))


async def _permit_line(desk: Desk, now: datetime) -> str:
    reading = await get(desk.runtime.redis, RedisKeys.PERMIT_TRADING, TradingPermit)
    refusal = check(
        reading.value,
        permit_key(desk.settings),
        now=now,
        mode=desk.settings.mode.value,
        account_hash=desk.settings.account_hash,
        settings_hash=desk.runtime.trading.settings_hash(),
    )
    if refusal is None and reading.value is not None:
        return f"거래 허가: 있음 ({reading.value.expires_at:%H:%M}까지)"
    return f"거래 허가: 없음 - {escape(refusal.detail if refusal else reading.problem)}"


async def _say(desk: Desk, verb: ControlVerb, caller: Caller, reason: str) -> StopReceipt:
    """In a thread of its own with a client of one try: a dead store must not hold up the stop."""
    receipt = await asyncio.to_thread(
        say,
        desk.settings,
        verb,
        said_by=caller.said_by,
        reason=reason[:200],
        now=await desk.now(),
        redis=desk.stop_redis,
        ledger=desk.write_ledger,
    )
    get_logger().warning("stop said", verb=verb.value, stored_in=receipt.stored_in, failed=receipt.failed)
    return receipt


def _exits(state: StopState) -> str:
    return "자동 매도도 멈춥니다." if state.blocks_automatic_exits else "보호 매도는 계속됩니다."


def _places(receipt: StopReceipt) -> str:
    text = f"기록: {', '.join(receipt.stored_in)}"
    return text + (f"\n⚠️ 기록하지 못함: {escape('; '.join(receipt.failed))}" if receipt.failed else "")
