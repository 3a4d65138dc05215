"""The page in a real browser: what an operator sees, says and is told."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, insert

from jennie_core.domain.signals import SellOrder
from jennie_infra.bus.connect import connect_sync
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.db.ledger import SignalLog
from jennie_infra.stops import read_stop_file
from tests.ui.conftest import Stage

pytestmark = pytest.mark.ui
PAGES = ("overview", "portfolio", "scout", "macro", "system")


def _go(page: Page, stage: Stage, name: str) -> None:
    page.goto(f"{stage.url}/#/{name}")
    expect(page.locator("nav a[aria-current=page]")).to_have_attribute("href", f"#/{name}")


def test_without_a_login_the_page_says_how_to_get_one(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.url, expect_errors=True)
    expect(page.get_by_text("로그인이 필요합니다")).to_be_visible()
    expect(page.get_by_text("jennie login")).to_be_visible()


@pytest.mark.rule("R-DASH-01", "R-DASH-11")
def test_overview_shows_account_clock_mode_and_permit(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    expect(page.get_by_text("모의 리허설 - 가격은 시뮬레이션")).to_be_visible()
    expect(page.locator(".account").get_by_text(re.compile(r"^56,416,000$"))).to_be_visible()
    expect(page.locator(".top").get_by_text("매수 가능")).to_be_visible()
    expect(page.locator(".top-clock")).to_contain_text("정규장")
    expect(page.get_by_text("증권사 잔고와 대조되지 않은 종목: 104080")).to_be_visible()
    first = page.locator(".top-clock b").inner_text()
    expect(page.locator(".top-clock b")).not_to_have_text(first, timeout=10_000)
    assert "token=" not in page.url


def test_a_full_stop_takes_two_steps_and_is_lifted_in_two(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    page.get_by_role("button", name="전면 정지", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("보호 매도는 계속됩니다")
    page.keyboard.press("Escape")
    assert read_stop_file(stage.settings) is None
    page.get_by_role("button", name="전면 정지", exact=True).click()
    page.get_by_label("사유").fill("브라우저 시험")
    page.get_by_role("button", name="확인: 전면 정지").click()
    expect(page.get_by_text("file, redis, ledger에 기록했습니다.")).to_be_visible()
    expect(page.locator(".top").get_by_text("전면 정지")).to_be_visible()
    state = read_stop_file(stage.settings)
    assert state is not None
    assert (state.halted, state.reason) == (True, "브라우저 시험")
    page.get_by_role("button", name="재개", exact=True).click()
    page.get_by_role("button", name="확인: 재개").click()
    expect(page.locator(".stops").get_by_text("가동 중")).to_be_visible()


def test_a_trade_is_followed_back_to_its_prices(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    _go(page, stage, "portfolio")
    page.get_by_role("button", name="근거 두레방산").first.click()
    chain = page.get_by_role("dialog")
    expect(chain).to_contain_text("가격 자료까지 모두 이어집니다")
    expect(chain.locator(".chain > li")).to_have_count(7)
    expect(chain).to_contain_text("wl-20250627-0830")


def test_a_manual_sell_is_handed_over_and_its_verdict_is_shown(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    _go(page, stage, "portfolio")
    page.get_by_role("button", name="수동 매도 두레방산").click()
    page.get_by_label("수량").fill("3")
    page.get_by_role("button", name=re.compile("확인: 수동 매도")).click()
    expect(page.get_by_text("두레방산 3주를 주문 담당에 넘겼습니다")).to_be_visible()
    redis = connect_sync(stage.settings.effective_redis_url)
    (raw,) = redis.xrange(Streams.SELL_ORDERS.value)
    redis.close()
    order = decode_entry(raw[0], raw[1]).message
    assert isinstance(order, SellOrder)
    assert (order.stock_code, order.quantity) == ("104110", 3)
    engine = create_engine(stage.settings.effective_ledger_url)
    with engine.begin() as connection:
        verdict = {
            "signal_id": order.order_id,
            "side": "sell",
            "market_day": order.raised_at.date(),
            "stock_code": order.stock_code,
            "stock_name": order.stock_name,
            "strategy": "MANUAL",
            "price_krw": order.trigger_price_krw,
            "outcome": "refused",
            "refusal_rule": "R-CAL-02",
            "refusal_text": "outside the session",
            "payload": {},
            "raised_at": order.raised_at,
        }
        connection.execute(insert(SignalLog).values(**verdict))
    engine.dispose()
    expect(page.get_by_text("결과: 거절")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("dialog")).to_contain_text("장 시간 아님")


def test_scout_names_the_nearest_rule_with_value_and_limit(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    _go(page, stage, "scout")
    row = page.locator("table.watch tr", has_text="나래항공우주")
    expect(row).to_contain_text("보유 종목과 상관")
    expect(row).to_contain_text("값 0.91 · 한도 0.85")
    expect(page.locator("table.watch tr", has_text="아라엔터")).to_contain_text("매수 금지")
    page.get_by_role("button", name="온누리금융지주").click()
    expect(page.get_by_role("dialog").locator(".factors")).to_contain_text("알 수 없음")


@pytest.mark.rule("R-DASH-09", "R-DASH-10")
def test_system_runs_a_job_in_two_steps_and_shows_logs_and_the_last_rehearsal(
    stage: Stage, open_page: Callable[..., Page]
) -> None:
    page = open_page(stage.login_link())
    _go(page, stage, "system")
    expect(page.locator("tr", has_text="price-monitor")).to_contain_text("저하")
    expect(page.locator("tr", has_text="sim")).to_contain_text("중단")
    page.get_by_role("button", name="작업", exact=True).click()
    expect(page.locator("tr", has_text="일일 브리핑")).to_contain_text("실패")
    page.get_by_role("button", name="실행 종목 발굴").click()
    page.get_by_role("button", name="확인: 실행").click()
    expect(page.get_by_text("실행을 요청했습니다: run-manual")).to_be_visible()
    page.get_by_role("button", name="로그", exact=True).click()
    expect(page.get_by_text("order accepted")).to_be_visible()
    page.get_by_role("button", name="error", exact=True).click()
    expect(page.get_by_text("order accepted")).to_have_count(0)
    page.get_by_role("button", name="지난 리허설").click()
    expect(page.get_by_text("2025-06-26 장")).to_be_visible()


@pytest.mark.rule("R-DASH-11")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1_440])
def test_no_page_is_wider_than_the_screen(stage: Stage, open_page: Callable[..., Page], width: int, theme: str) -> None:
    page = open_page(stage.login_link(), width=width, theme=theme)
    for name in PAGES:
        _go(page, stage, name)
        page.locator(".card").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_the_language_switch_changes_every_page_and_is_remembered(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Rehearsal - prices are simulated")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="Portfolio")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    for name in PAGES:
        _go(page, stage, name)
        page.locator(".card").first.wait_for()
        expect(page.locator("main")).not_to_contain_text("알 수 없음")


def test_the_keyboard_reaches_every_control_and_each_has_a_name(stage: Stage, open_page: Callable[..., Page]) -> None:
    page = open_page(stage.login_link())
    for name in PAGES:
        _go(page, stage, name)
        page.locator(".card").first.wait_for()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, a, select, input')].filter(e =>
                 !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)"""
        )
        assert nameless == [], name
    _go(page, stage, "overview")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()


def test_with_nothing_running_every_page_says_what_is_missing_and_what_to_do(
    empty_stage: Stage, open_page: Callable[..., Page]
) -> None:
    page = open_page(empty_stage.login_link())
    expect(page.locator(".account")).to_contain_text("알 수 없음")
    expect(page.locator(".account")).to_contain_text("증권사 잔고를 확인할 수 없습니다")
    expect(page.locator(".top")).to_contain_text("매수 불가")
    for name, words in (
        ("portfolio", "보유 종목이 없습니다"),
        ("scout", "관심 종목이 아직 없습니다"),
        ("macro", "기록된 거시 판단이 없습니다"),
        ("system", "중단"),
    ):
        _go(page, empty_stage, name)
        expect(page.locator("main")).to_contain_text(words)
    page.get_by_role("button", name="작업", exact=True).click()
    expect(page.locator("main")).to_contain_text("Dagster가 응답하지 않아")
