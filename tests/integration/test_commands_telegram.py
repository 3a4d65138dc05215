"""Telegram misbehaves, and commands act once or not at all (drill 37, R-TG)."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from jennie_core.domain.control import ControlVerb
from jennie_core.domain.enums import SellReason, SignalType
from jennie_core.domain.signals import Alert, BuySignal, SellOrder, TradeNotification
from jennie_infra.bus.cache import put
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter
from jennie_infra.db.ledger import AlertLog, ControlLog, StopRow
from jennie_infra.embedded import valkey
from jennie_infra.run_config import read_max_buys
from jennie_infra.stops import read_stop_file
from tests.integration.command_rig import (
    CHAT,
    NOW,
    STRANGER,
    TOKEN,
    CommandRig,
    StubTelegram,
    problem,
    serving,
    stub_gateway,
    until,
)
from tests.unit.strategy.builders import entry, watchlist


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[tuple[StubTelegram, int]]:
    stub, port = StubTelegram(), _free_port()
    async with serving(stub.app, port):
        yield stub, port


@pytest_asyncio.fixture
async def rig(redis_url: str, tmp_path: Path, telegram: tuple[StubTelegram, int]) -> AsyncIterator[CommandRig]:
    made = CommandRig(redis_url, tmp_path, telegram[1])
    await made.mark()
    yield made
    await made.close()


@pytest.fixture
def bot(telegram: tuple[StubTelegram, int]) -> StubTelegram:
    return telegram[0]


def _stop_row(rig: CommandRig) -> Any:
    with rig.engine.connect() as connection:
        return connection.execute(select(StopRow.__table__)).first()


def _controls(rig: CommandRig) -> list[str]:
    with rig.engine.connect() as connection:
        return list(connection.execute(select(ControlLog.verb).order_by(ControlLog.said_at)).scalars())


@pytest.mark.rule("R-TG-14")
async def test_stop_by_chat_is_in_file_redis_and_ledger_within_a_second(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        await until(lambda: bot.offsets)
        started = time.monotonic()
        assert "전면 정지" in await bot.answer("/stop 긴급")
        assert time.monotonic() - started < 1.0
    state = read_stop_file(rig.settings)
    assert state is not None
    assert state.halted
    assert await rig.redis.get(RedisKeys.EMERGENCY_STOP.value) is not None
    assert _stop_row(rig).halted


@pytest.mark.rule("R-TG-14")
async def test_stop_without_its_word_stops_nothing(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        assert "아직 멈추지 않았습니다" in await bot.answer("/stop")
    assert read_stop_file(rig.settings) is None


@pytest.mark.rule("R-TG-01")
async def test_an_unknown_chat_gets_no_answer_and_no_effect(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        bot.say("/stop 긴급", chat=STRANGER)
        bot.press("ok:1234", chat=STRANGER)
        await bot.answer("/help")
    assert bot.texts(STRANGER) == []
    assert read_stop_file(rig.settings) is None


@pytest.mark.rule("R-TG-01")
async def test_an_empty_list_of_chats_allows_nobody(
    redis_url: str, tmp_path: Path, telegram: tuple[StubTelegram, int]
) -> None:
    rig = CommandRig(redis_url, tmp_path, telegram[1], telegram_chat_ids=())
    async with rig.handler() as client:
        taken = telegram[0].say("/stop 긴급")
        await until(lambda: taken + 1 in telegram[0].offsets)
        health = (await client.get("/health")).json()
    assert telegram[0].sent == []
    assert read_stop_file(rig.settings) is None
    assert "nobody" in health["detail"]["note"]
    await rig.close()


@pytest.mark.rule("R-TG-05")
async def test_the_same_update_acts_once_also_across_a_restart(rig: CommandRig, bot: StubTelegram) -> None:
    bot.ignores_offset = True
    async with rig.handler():
        bot.say("/pause 첫 번째", update_id=700)
        await until(lambda: len(bot.offsets) > 3 and bot.sent)
    async with rig.handler():
        await until(lambda: len(bot.offsets) > 8)
    assert len(bot.sent) == 1
    assert _controls(rig) == [ControlVerb.PAUSE.value]


@pytest.mark.rule("R-TG-05")
async def test_an_update_acts_once_when_redis_was_lost_between_two_starts(rig: CommandRig, bot: StubTelegram) -> None:
    bot.ignores_offset = True
    async with rig.handler():
        bot.say("/pause", update_id=700)
        await until(lambda: bot.sent)
    await rig.redis.flushdb()
    async with rig.handler():
        seen = len(bot.offsets)
        await until(lambda: len(bot.offsets) > seen + 2)
    assert len(bot.sent) == 1


@pytest.mark.rule("R-TG-05")
async def test_an_old_command_is_answered_and_not_executed(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        bot.say("/stop 긴급", age=120)
        (text,) = await until(lambda: bot.texts())
    assert "실행하지 않았습니다" in text
    assert read_stop_file(rig.settings) is None


async def test_two_pollers_act_once_and_a_conflict_is_said_once(
    redis_url: str, tmp_path: Path, telegram: tuple[StubTelegram, int], bot: StubTelegram
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (CommandRig(redis_url, tmp_path / name, telegram[1]) for name in ("a", "b"))
    async with first.handler(), second.handler():
        await until(lambda: len(bot.offsets) > 3)
        bot.ignores_offset = True
        bot.say("/status")
        await until(lambda: bot.sent)
        seen = len(bot.offsets)
        await until(lambda: len(bot.offsets) > seen + 4)
        assert len(bot.sent) == 1
        bot.faults += [problem(409, "Conflict: terminated by other getUpdates request")]
        await until(lambda: not bot.faults)
        alerts = await until(lambda: _alerts(first))
    assert [alert.alert_id for alert in alerts] == ["telegram:poll"]
    await first.close()
    await second.close()


async def _alerts(rig: CommandRig) -> list[Alert]:
    return [entry.message for entry in await rig.entries(Streams.ALERTS) if isinstance(entry.message, Alert)]


async def test_too_many_requests_and_a_bad_gateway_are_waited_out(rig: CommandRig, bot: StubTelegram) -> None:
    bot.faults += [problem(429, "Too Many Requests", retry_after=0), problem(502, "Bad Gateway")]
    async with rig.handler():
        assert "가동 중" in await bot.answer("/status")


@pytest.mark.rule("R-TG-02")
async def test_one_command_in_five_seconds_but_a_stop_never_waits(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        await bot.answer("/status")
        assert "5초에 하나" in await bot.answer("/status")
        assert "전면 정지" in await bot.answer("/stop 확인")


@pytest.mark.rule("R-MSG-02", "R-TG-17")
async def test_a_sell_is_published_typed_after_its_confirmation_only(rig: CommandRig, bot: StubTelegram) -> None:
    rig.hold("104010", 12)
    async with rig.handler():
        asked = await bot.answer("/sell 104010 5")
        assert "104010 5주" in asked
        assert await rig.entries(Streams.SELL_ORDERS) == []
        code = asked.rpartition("/confirm ")[2][:4]
        buttons = bot.sent[-1]["reply_markup"]["inline_keyboard"][0]
        assert buttons[0]["callback_data"] == f"ok:{code}"
        bot.press(buttons[0]["callback_data"])
        (entry,) = await until(lambda: rig.entries(Streams.SELL_ORDERS))
    order = entry.message
    assert isinstance(order, SellOrder)
    assert (order.stock_code, order.quantity, order.sell_reason) == ("104010", 5, SellReason.MANUAL)
    assert (order.trigger_price_krw, order.profit_pct) == (48_000, None), "no quote: the result is unknown"
    assert order.raised_at == NOW


@pytest.mark.rule("R-TG-16")
async def test_a_buy_without_a_quantity_asks_for_a_fifth_of_the_cash(rig: CommandRig, bot: StubTelegram) -> None:
    async with serving(stub_gateway(), rig.settings.port("kis-gateway")), rig.handler():
        asked = await bot.answer("/buy 104010")
        assert "40주" in asked
        assert "넘겼습니다" in await bot.answer(f"/confirm {asked.rpartition('/confirm ')[2][:4]}")
        (entry,) = await until(lambda: rig.entries(Streams.BUY_SIGNALS))
    signal = entry.message
    assert isinstance(signal, BuySignal)
    assert (signal.source, signal.signal_type, signal.requested_quantity) == ("manual", SignalType.MANUAL, 40)


@pytest.mark.rule("R-TG-16", "R-TG-22")
async def test_a_buy_at_an_unknown_price_is_not_sent(rig: CommandRig, bot: StubTelegram) -> None:
    async with rig.handler():
        assert "알 수 없습니다" in await bot.answer("/buy 104010 3")
    assert await rig.entries(Streams.BUY_SIGNALS) == []


@pytest.mark.rule("R-TG-18")
async def test_sell_all_is_bound_to_what_was_held_when_it_was_asked(rig: CommandRig, bot: StubTelegram) -> None:
    rig.hold("104010", 12)
    async with rig.handler() as client:
        asked = (await client.post("/commands", json={"text": "/sellall 확인"})).json()
        rig.hold("104020", 3, "한빛반도체")
        late = (await client.post("/commands", json={"text": f"/confirm {asked['code']}"})).json()
        assert "바뀌어" in late["plain"]
        assert await rig.entries(Streams.SELL_ORDERS) == []
        asked = (await client.post("/commands", json={"text": "/sellall 확인"})).json()
        await client.post("/commands", json={"text": f"/confirm {asked['code']}"})
    orders = [entry.message for entry in await rig.entries(Streams.SELL_ORDERS)]
    assert {order.stock_code: order.quantity for order in orders if isinstance(order, SellOrder)} == {
        "104010": 12,
        "104020": 3,
    }


@pytest.mark.rule("R-TG-12", "R-TG-13")
async def test_lifting_a_full_stop_takes_a_confirmation_and_lifting_a_pause_does_not(rig: CommandRig) -> None:
    async with rig.handler() as client:
        await client.post("/commands", json={"text": "/pause"})
        assert (await client.post("/commands", json={"text": "/resume"})).json()["code"] is None
        await client.post("/commands", json={"text": "/stop 긴급"})
        asked = (await client.post("/commands", json={"text": "/resume"})).json()
        state = read_stop_file(rig.settings)
        assert state is not None
        assert state.halted
        await client.post("/commands", json={"text": f"/confirm {asked['code']}"})
    state = read_stop_file(rig.settings)
    assert state is not None
    assert not state.blocks_buys


@pytest.mark.rule("R-LIQ-01", "R-TG-30")
async def test_arming_a_liquidation_needs_a_marked_stock_and_a_confirmation(rig: CommandRig) -> None:
    rig.hold("104010", 12)
    async with rig.handler() as client:

        async def say(text: str) -> dict[str, Any]:
            found: dict[str, Any] = (await client.post("/commands", json={"text": text})).json()
            return found

        assert (await say("/liquidate arm"))["code"] is None
        assert "보유하고 있지 않아" in (await say("/liquidate add 104020"))["plain"]
        await say("/liquidate add 가온전자")
        asked = await say("/liquidate arm")
        assert await rig.redis.exists(RedisKeys.FORCED_LIQUIDATION_ARMED.value) == 0
        await say(f"/confirm {asked['code']}")
        assert await rig.redis.exists(RedisKeys.FORCED_LIQUIDATION_ARMED.value) == 1
        await say("/liquidate clear")
        assert await rig.redis.exists(RedisKeys.FORCED_LIQUIDATION.value) == 0
    assert _controls(rig) == ["liquidate_add", "liquidate_arm", "liquidate_disarm"]


@pytest.mark.rule("R-MSG-04", "R-TG-25", "R-TG-40")
async def test_notices_reach_the_chat_and_a_mute_lets_stop_losses_and_faults_pass(
    rig: CommandRig, bot: StubTelegram
) -> None:
    notices, alerts = StreamWriter(rig.redis, Streams.TRADE_NOTIFICATIONS), StreamWriter(rig.redis, Streams.ALERTS)

    def sale(reason: SellReason) -> TradeNotification:
        return TradeNotification(
            trade_type="SELL",
            stock_code="104010",
            stock_name="가온전자",
            quantity=1,
            price_krw=1.0,
            total_amount_krw=1,
            sell_reason=reason,
            traded_at=NOW,
        )

    def alert(severity: str) -> Alert:
        return Alert.model_validate(
            {"alert_id": severity, "severity": severity, "service": "gateway", "text": severity, "raised_at": NOW}
        )

    async with rig.handler() as client:
        await notices.publish(sale(SellReason.TIME_EXIT), NOW)
        await until(lambda: any("TIME_EXIT" in text for text in bot.texts()))
        await client.post("/commands", json={"text": "/mute 10"})
        for reason in (SellReason.PROFIT_TARGET, SellReason.STOP_LOSS):
            await notices.publish(sale(reason), NOW)
        for severity in ("info", "critical"):
            await alerts.publish(alert(severity), NOW)
        await until(lambda: any("critical" in text for text in bot.texts()))
        await until(lambda: any("STOP_LOSS" in text for text in bot.texts()))
    heard = "\n".join(bot.texts())
    assert "PROFIT_TARGET" not in heard
    assert "info" not in heard


async def test_notices_wait_for_telegram_and_nobody_waits_for_them(rig: CommandRig, bot: StubTelegram) -> None:
    bot.send_fault = problem(500, "Internal Server Error")
    alerts = StreamWriter(rig.redis, Streams.ALERTS)
    alert = Alert(alert_id="x", severity="critical", service="gateway", text="heard late", raised_at=NOW)
    async with rig.handler() as client:
        started = time.monotonic()
        await alerts.publish(alert, NOW)
        assert time.monotonic() - started < 0.5
        assert (await client.post("/commands", json={"text": "/status"})).status_code == 200
    async with rig.handler():
        bot.send_fault = None
        await until(lambda: any("heard late" in text for text in bot.texts()))
    assert sum("heard late" in text for text in bot.texts()) == 1


async def test_what_was_said_is_kept_in_the_ledger_with_its_end(rig: CommandRig) -> None:
    """I5: every service's alert is on record, once, also without a chat that hears it."""
    writer = StreamWriter(rig.redis, Streams.ALERTS)
    raised = Alert(alert_id="y", severity="warning", service="gateway", text="said", next_step="look", raised_at=NOW)
    ended = raised.model_copy(update={"cleared": True, "text": "over", "raised_at": NOW + timedelta(seconds=9)})
    async with rig.handler():
        for alert in (raised, raised, ended):
            await writer.publish(alert, alert.raised_at)
        rows = await until(lambda: _ended_alerts(rig))
    assert [(row.text, row.next_step, row.raised_at, row.cleared_at) for row in rows] == [
        ("said", "look", NOW, NOW + timedelta(seconds=9))
    ]


def _ended_alerts(rig: CommandRig) -> list[Any]:
    with rig.engine.connect() as connection:
        rows = connection.execute(select(AlertLog.__table__).where(AlertLog.alert_id == "y")).all()
    return rows if rows and rows[0].cleared_at is not None else []


async def test_a_stop_is_taken_with_redis_down(tmp_path: Path, telegram: tuple[StubTelegram, int]) -> None:
    bot = telegram[0]
    with valkey.running(valkey.ValkeyConfig(tmp_path / "v", durable=False)) as url:
        rig = CommandRig(url, tmp_path, telegram[1])
        await rig.mark()
        handler = rig.handler()
        await handler.__aenter__()
        await until(lambda: bot.offsets)
    bot.say("/stop 긴급")
    started = time.monotonic()
    state = await until(lambda: read_stop_file(rig.settings))
    assert state.halted
    assert time.monotonic() - started < 1.5, "0.5 s of it may be the stub's long poll"
    await until(lambda: any("전면 정지" in text for text in bot.texts()))
    assert _stop_row(rig).halted
    await handler.__aexit__(None, None, None)
    await rig.close()


@pytest.mark.rule("R-TG-28")
async def test_the_daily_buy_limit_is_kept_in_the_ledger(rig: CommandRig) -> None:
    async with rig.handler() as client:
        for text in ("/maxbuy 21", "/maxbuy x", "/maxbuy"):
            assert "사용법" in (await client.post("/commands", json={"text": text})).json()["plain"]
        await client.post("/commands", json={"text": "/maxbuy 0"})
    with rig.engine.connect() as connection:
        assert read_max_buys(connection) == 0


@pytest.mark.rule("R-TG-11", "R-TG-15", "R-TG-19", "R-TG-20", "R-TG-21", "R-TG-22", "R-TG-23", "R-TG-27", "R-TG-29")
async def test_questions_are_answered_with_what_is_known(rig: CommandRig) -> None:
    rig.hold("104010", 12)
    await put(rig.redis, RedisKeys.WATCHLIST_ACTIVE, watchlist(*(entry(f"{n:06d}", rank=n) for n in range(1, 26))))
    async with serving(stub_gateway(), rig.settings.port("kis-gateway")), rig.handler() as client:

        async def ask(text: str) -> str:
            return str((await client.post("/commands", json={"text": text}, timeout=20)).json()["plain"])

        status = await ask("/status")
        assert "모의 리허설" in status
        assert "시장 시각: 2025-06-27" in status
        assert "거래 허가: 없음" in status
        assert "JENNIE_MODE로만" in await ask("/dryrun off")
        assert "가온전자 12주 · 평단 48,000" in await ask("/portfolio")
        assert "거래가 없습니다" in await ask("/pnl")
        assert "예수금 10,000,000원" in await ask("/balance")
        assert "50,000원 (+2.04 %)" in await ask("/price 104010")
        listed = await ask("/watchlist")
        assert "20. name-000020" in listed
        assert "21. " not in listed
        config = await ask("/config")
        assert "하루 매수 6회" in config
        assert "일 −2 % · 주 −5 %" in config
        diagnosis = await ask("/diagnose")
        assert all(f"✅ {name}" in diagnosis for name in ("redis", "ledger", "gateway"))


EVERY_COMMAND = """
/help|/status|/dryrun off|/portfolio|/pnl|/balance|/price 104010|/watchlist|/watch 104010|/unwatch 104010|/mute|/unmute
/alert 104010 60000|/alerts|/config|/diagnose|/liquidate|/liquidate status|/scout|/council|/briefing|/cancel|/confirm
/buy|/buy 없는종목 1|/sell|/sell 104010|/sellall|/sellall 확인|/report|/nonsense|words
"""


async def test_every_command_answers_in_words_when_nothing_else_runs(rig: CommandRig) -> None:
    async with rig.handler() as client:
        for text in EVERY_COMMAND.strip().replace("\n", "|").split("|"):
            answer = await client.post("/commands", json={"text": text}, timeout=20)
            assert answer.status_code == 200, text
            assert answer.json()["plain"].strip(), text


async def test_commands_by_http_need_the_service_token(rig: CommandRig) -> None:
    async with rig.handler() as client:
        answer = await client.post("/commands", json={"text": "/stop 긴급"}, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert read_stop_file(rig.settings) is None


async def test_without_a_token_it_is_healthy_and_keeps_no_notices(redis_url: str, tmp_path: Path) -> None:
    rig = CommandRig(redis_url, tmp_path, 1, telegram_bot_token=None)
    alert = Alert(alert_id="x", severity="info", service="gateway", text="x", raised_at=NOW)
    async with rig.handler() as client:
        answer = await client.get("/health")
        await StreamWriter(rig.redis, Streams.ALERTS).publish(alert, NOW)
        await asyncio.sleep(0)

        async def read() -> bool:
            (group,) = await rig.redis.xinfo_groups(Streams.ALERTS.value)
            return bool(group["pending"] == 0 and group["last-delivered-id"] not in (b"0-0", "0-0"))

        await until(read)
    assert answer.status_code == 200
    assert answer.json()["detail"]["telegram"] == "no token"
    await rig.close()


async def test_neither_token_nor_chat_is_in_any_log_line(
    rig: CommandRig, bot: StubTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    bot.faults += [problem(401, "Unauthorized"), problem(502, "Bad Gateway")]
    async with rig.handler():
        await until(lambda: len(bot.faults) < 2)
    said = "".join(capfd.readouterr())
    assert TOKEN not in said
    assert str(CHAT) not in said
