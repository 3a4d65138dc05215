"""`jennie replay`: what cannot be is one line with name, value, rule and next step; the summary says what counts."""

import os
from datetime import date
from pathlib import Path

import pytest
import zstandard
from rich.console import Console
from typer.testing import CliRunner

from jennie_cli.main import app
from jennie_cli.replay.model import ReplayReport, RequestRow, RuleRow, TradeRow
from jennie_cli.replay.summary import MOST_ROWS, Summary
from jennie_cli.replay.texts import LANGUAGES, TEXTS, Language
from jennie_cli.report.model import Note
from jennie_core.domain.market import ClockMark
from jennie_infra.ticklog import TickLogHeader, mark_line
from tests.unit.strategy.builders import DAY, us

EARLIER_US = us("09:00", date(2025, 6, 26))
HEADER = TickLogHeader(day=DAY, mode="rehearsal").model_dump_json().encode()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("JENNIE_"):
            monkeypatch.delenv(name)


def refusal(*words: str) -> str:
    """The one line of a replay that must refuse."""
    answer = CliRunner().invoke(app, ["replay", *words], catch_exceptions=False)
    assert answer.exit_code == 2, answer.output
    lines = answer.output.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def log_of(folder: Path, *lines: bytes, name: str = f"{DAY}.0001.zst") -> Path:
    folder.mkdir(exist_ok=True)
    part = folder / name
    part.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b"\n".join([*lines, b""])))
    return part


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("yesterday",), "DAY=yesterday: not a date"),
        (("2025-06-28",), "DAY=2025-06-28 is no KRX session"),
        (("1999-01-04",), "DAY=1999-01-04: the calendar does not know this day"),
        (("2025-06-27", "--seed", "x"), "SEED=x: not a whole number"),
        (("2025-06-27", "--lang", "fr"), "--lang fr: no such language; choose one of ko, en"),
        (("2025-06-27", "--slippage-bps", "-1"), "--slippage-bps -1: must be from 0 to 1000"),
        (("2025-06-27", "--volume-share", "0"), "--volume-share 0: must be above 0"),
        (("2025-06-27", "--market-data", "nowhere"), "MARKET_DATA=nowhere: no such folder"),
        (("2025-06-27", "--json", "nowhere/a.json"), "--json nowhere/a.json: no such folder"),
        (("2025-06-27", "--ticks", "nowhere"), "--ticks nowhere: a log holds no scores; give --market-data"),
        (("2025-06-27", "--home", "nowhere"), "--home nowhere: no ledger.db in it"),
        (("2025-06-27", "--home", "a", "--ticks", "b"), "--home and --ticks name the same thing twice"),
        (("2025-06-27", "--home", "a", "--market-data", "b"), "--home has its own stores"),
    ],
)
def test_what_cannot_be_is_one_line(words: tuple[str, ...], named: str) -> None:
    assert named in refusal(*words)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ((b'{"format":"another","version":1}',), "a another, not a jennie-ticklog"),
        ((HEADER.replace(b'"version":1', b'"version":9'),), "version 9; this program reads version 1"),
        ((HEADER, b'["t",1]'), "record 1 cannot be read"),
        ((HEADER,), "no settled mark in it"),
        (
            (HEADER, mark_line(ClockMark(us("09:00", date(2025, 6, 26)), settled=True))),
            "is of 2025-06-26; give that day",
        ),
    ],
    ids=["foreign", "version", "broken record", "empty", "another day"],
)
def test_a_log_that_is_none_is_named(tmp_path: Path, lines: tuple[bytes, ...], named: str) -> None:
    log_of(tmp_path / "ticks", *lines)
    said = refusal("2025-06-27", "--ticks", "ticks", "--market-data", ".")
    assert named in said
    assert "ticks" in said


def test_a_damaged_log_is_named_and_not_replayed_in_part(tmp_path: Path) -> None:
    part = log_of(tmp_path / "ticks", HEADER, *[mark_line(ClockMark(us("09:00") + n, settled=True)) for n in range(9)])
    data = bytearray(part.read_bytes())
    data[-1] ^= 0xFF  # the frame's checksum
    part.write_bytes(bytes(data))
    assert "corrupt" in refusal("2025-06-27", "--ticks", str(part), "--market-data", ".")


def test_a_day_that_was_not_recorded_is_named_with_those_that_were(tmp_path: Path) -> None:
    log_of(tmp_path / "ticks", HEADER, name="2025-06-26.0001.zst")
    said = refusal("2025-06-27", "--ticks", "ticks", "--market-data", ".")
    assert "holds no tick log of that day; it has 2025-06-26" in said


def report(rows: int = 1) -> ReplayReport:
    request = RequestRow(
        market_time="09:30:00",
        side="buy",
        stock_code="005930",
        stock_name="삼성전자",
        reason="GOLDEN_CROSS",
        price_krw=10_000,
        outcome="refused",
        rule="R-BUY-08",
        detail="buys today",
        value="6.0",
        limit="6.0",
    )
    trade = TradeRow(
        market_time="09:31:00",
        side="sell",
        stock_code="000660",
        stock_name="[bold]SK하이닉스",
        quantity=10,
        filled_quantity=4,
        average_price_krw=9_990.0,
        reason="STOP_LOSS",
        rule="R-EXIT-02",
        state="cancelled",
        costs_krw=65,
        realized_pnl_krw=-1_234,
    )
    return ReplayReport(
        market_day=DAY,
        data_source="a log",
        fills="ticks",
        ticks=1_000,
        slices=10,
        requests=(request,) * rows,
        setups_refused=(),
        refused=(RuleRow(rule="R-BUY-08", count=rows, detail="buys today", value="6.0", limit="6.0"),),
        trades=(trade,),
        holdings=(),
        realized_krw=-1_234,
        unrealized_krw=0,
        fees_krw=6,
        taxes_krw=59,
        start_equity_krw=None,
        end_equity_krw=99_998_766,
        day_pnl_krw=None,
        order_hash="0123456789abcdef",
        decision_hash="fedcba9876543210",
        settings_hash="abcdef012345",
        settings_are_default=True,
        notes=(Note(ko="한국어 설명", en="English note"),),
    )


def shown(language: Language, rows: int = 1) -> str:
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115  the recorder keeps the text
    Summary(report(rows), language, 2.0).show(console, None)
    return console.export_text()


def test_the_summary_names_rule_value_limit_costs_and_hash_in_both_languages() -> None:
    korean, english = shown("ko"), shown("en")
    for text in (korean, english):
        for figure in ("R-BUY-08", "6.0 / 6.0", "R-EXIT-02", "4/10", "cancelled", "-1,234", "65", "0123456789abcdef"):
            assert figure in text
        assert "[bold]SK하이닉스" in text, "a name is no markup"
    assert "주문 해시" in korean
    assert "알 수 없음" in korean, "an unknown equity is not zero"
    assert "한국어 설명" in korean
    assert "order hash" in english
    assert "500 ticks/s" in english
    assert "English note" in english


def test_a_long_day_says_how_many_rows_are_left_out() -> None:
    assert "… 2 more in --json" in shown("en", MOST_ROWS + 2)


def test_every_text_has_both_languages() -> None:
    assert all(set(words) == set(LANGUAGES) and all(words.values()) for words in TEXTS.values())
