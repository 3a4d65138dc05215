"""Notices in words (R-TG-40), and what Telegram's limits ask for."""

from datetime import datetime

import httpx
import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import SellReason, SignalType, TradeTier
from jennie_core.domain.signals import Alert, TradeNotification
from jennie_infra.telegram import (
    MESSAGE_LIMIT,
    TelegramBusyError,
    TelegramClient,
    TelegramConflictError,
    TelegramRefusedError,
    TelegramUnavailableError,
    cut,
    plain,
)
from jennie_live.commands.notices import alert_text, packed, trade_text

AT = datetime(2025, 6, 27, 10, 0, 5, tzinfo=KST)
TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOpp"


def _notice(**changes: object) -> TradeNotification:
    values: dict[str, object] = {
        "trade_type": "BUY",
        "stock_code": "104010",
        "stock_name": "가온 <&> 전자",
        "quantity": 10,
        "price_krw": 78_400.0,
        "total_amount_krw": 784_000,
        "traded_at": AT,
    }
    return TradeNotification.model_validate(values | changes)


@pytest.mark.rule("R-MSG-04", "R-TG-40")
def test_a_buy_names_strategy_tier_and_score_with_its_text_escaped() -> None:
    text = trade_text(
        _notice(signal_type=SignalType.MOMENTUM, trade_tier=TradeTier.TIER1, hybrid_score=77.25, stock_name="<&>")
    )
    assert "&lt;&amp;&gt;" in text
    assert "MOMENTUM · TIER1 · 점수 77.2" in text
    assert "784,000원" in text


@pytest.mark.rule("R-TG-40")
def test_a_sell_names_result_reason_and_days_and_an_unknown_result_is_said() -> None:
    known = trade_text(_notice(trade_type="SELL", sell_reason=SellReason.STOP_LOSS, profit_pct=-3.1, holding_days=2))
    assert "-3.10 % · STOP_LOSS · 2일 보유" in known
    assert "알 수 없음" in trade_text(_notice(trade_type="SELL", sell_reason=SellReason.MANUAL))


@pytest.mark.rule("R-JOB-24")
def test_an_alarm_names_its_next_step_and_its_end() -> None:
    alert = Alert(alert_id="a", severity="critical", service="gateway", text="x<y", next_step="z", raised_at=AT)
    assert "🚨 x&lt;y" in alert_text(alert)
    assert "할 일: z" in alert_text(alert)
    assert "해소" in alert_text(alert.model_copy(update={"cleared": True}))


def test_many_notices_become_few_messages_within_the_limit() -> None:
    messages = packed(["x" * 1_000] * 9)
    assert len(messages) == 3
    assert all(len(message) <= MESSAGE_LIMIT for message in messages)


@pytest.mark.rule("R-BRF-06")
def test_a_long_text_is_cut_at_a_line_end() -> None:
    text = cut("\n".join(f"<b>{number}</b>" for number in range(2_000)))
    assert len(text) <= MESSAGE_LIMIT
    assert text.count("<b>") == text.count("</b>")
    assert plain("<b>1 &lt; 2</b>") == "1 < 2"


def _client(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> TelegramClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return TelegramClient("https://telegram.test", TOKEN, transport=httpx.MockTransport(handle))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 7}}, TelegramBusyError),
        (409, {"ok": False, "error_code": 409, "description": "terminated by other getUpdates"}, TelegramConflictError),
        (401, {"ok": False, "error_code": 401, "description": "Unauthorized"}, TelegramRefusedError),
        (502, {"ok": False}, TelegramUnavailableError),
    ],
)
async def test_each_failure_has_its_kind(status: int, body: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind) as found:
        await _client(httpx.Response(status, json=body)).updates(None, wait_seconds=0)
    assert TOKEN not in str(found.value)


async def test_no_network_never_shows_the_token() -> None:
    client = _client(httpx.ConnectError(f"https://telegram.test/bot{TOKEN}/getUpdates"))
    with pytest.raises(TelegramUnavailableError) as found:
        await client.updates(None, wait_seconds=0)
    assert TOKEN not in str(found.value)
    assert found.value.__cause__ is None
    assert found.value.__suppress_context__


@pytest.mark.rule("R-BRF-05", "R-TG-06")
async def test_html_that_telegram_cannot_parse_goes_out_plain() -> None:
    bodies: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if b"parse_mode" in request.content:
            return httpx.Response(400, json={"ok": False, "error_code": 400, "description": "can't parse entities"})
        return httpx.Response(200, json={"ok": True, "result": {}})

    client = TelegramClient("https://telegram.test", TOKEN, transport=httpx.MockTransport(handle))
    await client.send(1, "<b>broken")
    assert len(bodies) == 2
    assert b"<b>" not in bodies[1]


async def test_an_unreadable_update_keeps_its_id_so_that_it_is_passed_over_once() -> None:
    body = {"ok": True, "result": [{"update_id": 5, "message": {"chat": "?"}}, {"update_id": 6}]}
    updates = await _client(httpx.Response(200, json=body)).updates(None, wait_seconds=0)
    assert [update.update_id for update in updates] == [5, 6]
    assert updates[0].message is None
