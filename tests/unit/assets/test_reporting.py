"""The evening: the account's snapshot (R-SNAP) and the briefing in a model's words or the template's (R-BRF)."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select

from jennie_assets.briefing import told
from jennie_assets.snapshot import snapshot_row, store_snapshot
from jennie_core.domain.base import KST
from jennie_core.domain.orders import AccountBalance, Holding
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import DailyAssetSnapshot
from jennie_infra.db.repositories import market_scores as scores
from jennie_infra.db.schema import upgrade
from jennie_infra.settings import load_settings
from jennie_infra.telegram import MESSAGE_LIMIT, TelegramError, send_to_all
from tests.unit.assets.test_model_calls import Script, platform

DAY = date(2025, 6, 27)
NOW = datetime(2025, 6, 27, 15, 45, tzinfo=KST)


def holding(code: str, quantity: int, average: float, value: int) -> Holding:
    return Holding(
        stock_code=code, stock_name=code, quantity=quantity, sellable_quantity=quantity, average_price_krw=average,
        current_price_krw=1, evaluation_krw=value,
    )  # fmt: skip


@pytest.mark.rule("R-SNAP-02", "R-SNAP-03", "R-SNAP-05", "R-GW-06")
def test_the_total_is_settled_cash_and_stocks_and_costs_are_booked() -> None:
    """The broker's own total counts unsettled cash otherwise; a sold position stays there as a row of zero shares."""
    account = AccountBalance(
        deposit_krw=9_000, cash_krw=5_000, orderable_cash_krw=4_000, total_evaluation_krw=99_999,
        holdings=(holding("005930", 10, 100.0, 1_200), holding("000660", 0, 50.0, 0)), inquired_at=NOW,
    )  # fmt: skip
    fills = [{"fee_krw": 3, "tax_krw": 0}, {"fee_krw": 2, "tax_krw": 7}]
    row = snapshot_row(account, fills, -40, day=DAY, run_id="r", now=NOW)
    assert (row["total_asset_krw"], row["cash_krw"], row["stock_evaluation_krw"]) == (6_200, 5_000, 1_200)
    assert (row["unrealized_pnl_krw"], row["realized_pnl_krw"]) == (200, -40)
    assert (row["fees_krw"], row["taxes_krw"], row["position_count"]) == (5, 7, 1)


@pytest.mark.rule("R-SNAP-04")
def test_a_second_run_of_a_day_is_the_active_one_and_the_first_stays(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    upgrade("ledger", engine)
    account = AccountBalance(
        deposit_krw=1, cash_krw=1, orderable_cash_krw=1, total_evaluation_krw=1, holdings=(), inquired_at=NOW
    )
    for run_id in ("r1", "r2", "r2"):
        with engine.begin() as connection:
            store_snapshot(connection, snapshot_row(account, [], 0, day=DAY, run_id=run_id, now=NOW))
    with engine.connect() as connection:
        rows = connection.execute(select(DailyAssetSnapshot.run_id, DailyAssetSnapshot.is_active)).all()
    assert sorted(map(tuple, rows)) == [("r1", False), ("r2", True)]
    engine.dispose()


@pytest.mark.rule("R-BRF-03")
def test_a_model_tells_the_facts_in_six_parts_and_invents_nothing() -> None:
    text = "가" * 60
    model = Script({"text": text})
    assert told(platform(model), "사실", now=NOW) == (text, "model-x")
    (prompt,) = model.prompts
    assert (prompt.service, prompt.max_tokens, prompt.user) == ("briefing", 2_000, "사실")
    for word in ("시장, 거래, 보유, 관심종목, 뉴스, 전망", "3500자", "지어내지"):
        assert word in prompt.system


@pytest.mark.rule("R-BRF-04")
def test_a_model_that_fails_leaves_the_template_and_is_named() -> None:
    assert told(platform(Script(None)), "사실", now=NOW) == ("사실", "rules (instead of model-x)")


@pytest.mark.rule("R-BRF-01")
def test_a_briefing_counts_as_sent_only_once_it_went_out(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'market.db'}", durable=False)
    upgrade("market", engine)

    def write(run_id: str, sent_at: datetime | None) -> None:
        with engine.begin() as connection:
            scores.write_briefing(
                connection, day=DAY, run_id=run_id, writer="rules", text="x", sent_at=sent_at, known_at=NOW
            )

    def was_sent() -> bool:
        with engine.connect() as connection:
            return scores.briefing_was_sent(connection, DAY)

    write("r1", None)
    assert not was_sent()
    write("r2", NOW)
    assert was_sent()
    engine.dispose()


@pytest.fixture
def bot() -> Any:
    """A Bot API that refuses one chat; what it took, by chat."""
    taken: dict[int, str] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        if body["chat_id"] == 3:
            return httpx.Response(403, json={"ok": False, "error_code": 403, "description": "blocked"})
        taken[body["chat_id"]] = body["text"]
        result = {"message_id": 1, "date": 0, "chat": {"id": body["chat_id"]}}
        return httpx.Response(200, json={"ok": True, "result": result})

    return taken, httpx.MockTransport(answer)


@pytest.mark.rule("R-BRF-06")
def test_each_chat_is_sent_the_text_within_the_limit(bot: Any, tmp_path: Path) -> None:
    taken, transport = bot

    def send(*chats: int) -> int:
        settings = load_settings(
            {}, tmp_path / "absent.env", home=tmp_path, telegram_bot_token="1:x", telegram_chat_ids=chats
        )
        return send_to_all(settings, "줄\n" * 3_000, transport=transport)

    assert send(1, 2, 3) == 2
    assert sorted(taken) == [1, 2]
    assert all(len(text) <= MESSAGE_LIMIT for text in taken.values())
    with pytest.raises(TelegramError):
        send(3)
