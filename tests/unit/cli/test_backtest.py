"""`jennie backtest` over a small generated market folder: the page, the terminal, bad words, no half-written report."""

import re
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from markupsafe import escape
from rich.console import Console

from jennie_cli.backtest import command
from jennie_cli.backtest.command import backtest, write
from jennie_cli.backtest.findings import findings
from jennie_cli.backtest.page import render
from jennie_cli.backtest.request import BacktestRequest, parse_terms, read_request
from jennie_cli.backtest.run import Outcome, known_before
from jennie_cli.errors import UserError
from jennie_cli.main import main
from jennie_core.krx.calendar import KrxCalendar

START, END = date(2024, 9, 2), date(2024, 12, 30)
CODES = [f"{number * 10:06d}" for number in range(1, 31)]
SETTINGS = "[scout]\nmin_coverage_ratio = 0.0\nentry_threshold = 30.0\nexit_threshold = 20.0\nhard_floor = 0.0\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty codes and an index over two years of random walks; a list of listed codes that names one more."""
    place = tmp_path_factory.mktemp("market")
    days = KrxCalendar.shipped().sessions_between(date(2023, 6, 1), END)
    walk = np.random.default_rng(5).normal(0.0003, 0.02, (len(CODES) + 1, len(days)))
    closes = np.round(40_000 * np.exp(walk.cumsum(axis=1)), -1).astype(int)
    for part in ("daily", "index", "marketcap"):
        (place / part).mkdir()
    rows = [
        (code, day, before, int(max(before, close) * 1.01), int(min(before, close) * 0.99), int(close), 900_000)
        for code, series in zip(CODES, closes, strict=False)
        for day, before, close in zip(days, [40_000, *series[:-1].tolist()], series.tolist(), strict=True)
    ]
    names = ["code", "date", "open", "high", "low", "close", "volume"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(place / "daily" / "bars.parquet")
    levels = closes[-1] / 16
    index = [("KOSPI", day, level, level * 1.01, level * 0.985, level) for day, level in zip(days, levels, strict=True)]
    pl.DataFrame(index, schema=["index_code", "date", "open", "high", "low", "close"], orient="row").write_parquet(
        place / "index" / "krx_index_daily.parquet"
    )
    listed = [
        (code, f"종목{code}", "KOSPI", day, 40_000 * 10_000_000, 10_000_000)
        for code in [*CODES, "999990"]
        for day in (date(2024, 6, 3), date(2024, 10, 2))
    ]
    columns = ["code", "name", "market", "date", "market_cap_krw", "shares_outstanding"]
    pl.DataFrame(listed, schema=columns, orient="row").write_parquet(place / "marketcap" / "caps.parquet")
    (place / "settings.toml").write_text(SETTINGS)
    return place


def asked(folder: Path, place: Path, **changes: object) -> BacktestRequest:
    words: dict[str, object] = {
        "start": START.isoformat(), "end": END.isoformat(), "data": folder, "out": place, "var_dir": place.parent,
        "language": "ko", "settings_file": folder / "settings.toml", "terms": {},
    }  # fmt: skip
    return read_request(**(words | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, str, str]:
    """The outcome, the page and what the terminal said."""
    out = tmp_path_factory.mktemp("report") / "backtest.html"
    console = Console(record=True, width=120, force_terminal=False)
    outcome = backtest(asked(folder, out), console)
    return outcome, out.read_text(encoding="utf-8"), console.export_text()


def test_the_market_trades_and_every_figure_is_on_the_page(done: tuple[Outcome, str, str]) -> None:
    outcome, page, _ = done
    figures = outcome.figures
    assert figures.buys > 10
    assert figures.exits
    for shown in (
        f"{figures.return_pct:+.2f} %",
        f"{figures.index_return_pct:+.2f} %",
        f"{figures.drawdown.depth_pct:+.2f} %",
        f"{figures.commissions_krw:,.0f}원",
        f"{outcome.scores.mean_ic:+.4f}",
        outcome.trade_hash,
        outcome.request.settings.settings_hash(),
        f"{figures.end_krw:,.0f}원",
    ):
        assert shown in page
    for row in figures.exits:
        assert f"{row.net_krw:+,.0f}원" in page
    for rule, count in figures.refusals.items():
        assert re.search(rf"<code>{rule}</code>.*?<td class=\"n\">{count:,}</td>", page, re.DOTALL), rule
    assert re.search(r"<td>2024</td><td class=\"n\">1</td><td class=\"n\">31</td><td class=\"n\">3\.2 %", page)


def test_the_page_shows_the_twenty_worst_days_with_what_the_guard_did(done: tuple[Outcome, str, str]) -> None:
    outcome, page, _ = done
    falls = sorted(
        (day.index_change_pct, day.day) for day in outcome.days if day.index_change_pct and day.index_change_pct < 0
    )
    table = page[page.index("worst days of KOSPI") :]
    table = table[: table.index("</table>")]
    shown = re.findall(r'<td class="day">(\d{4}-\d\d-\d\d)</td>', table)
    assert shown == [day.isoformat() for _, day in falls[:20]]


@pytest.mark.rule("R-BT-04")
def test_the_page_says_what_daily_bars_do_not_validate(done: tuple[Outcome, str, str]) -> None:
    page = done[1]
    section = page[page.index("What this does not validate</span></h2>") :]
    for part in ("being on the list is the signal", "jennie replay", "The order of prices within a bar", "permit"):
        assert part in section


def test_the_page_stands_alone_in_both_languages(done: tuple[Outcome, str, str]) -> None:
    outcome, page, _ = done
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "http://" not in without_scripts
    assert "https://" not in without_scripts
    assert without_scripts.count('class="ko"') == without_scripts.count('class="en"') > 50
    for korean, english in findings(outcome):
        assert str(escape(korean)) in page
        assert str(escape(english)) in page


def test_english_is_the_first_language_when_asked(done: tuple[Outcome, str, str], folder: Path, tmp_path: Path) -> None:
    outcome, page, _ = done
    assert '<html lang="ko">' in page
    assert 'aria-label="English">' in page
    english = asked(folder, tmp_path / "x.html", language="en")
    turned = render(Outcome(**{name: getattr(outcome, name) for name in Outcome.__slots__} | {"request": english}))
    assert '<html lang="en">' in turned
    assert 'aria-label="English" checked>' in turned


def test_the_terminal_names_the_phases_the_findings_and_the_place(done: tuple[Outcome, str, str]) -> None:
    outcome, _, said = done
    for part in ("데이터 읽기", "전 기간 채점", outcome.trade_hash, str(outcome.request.out), findings(outcome)[0][0]):
        assert part in said


def test_a_second_run_gives_the_same_hash(done: tuple[Outcome, str, str], folder: Path, tmp_path: Path) -> None:
    again = backtest(asked(folder, tmp_path / "again.html"), Console(quiet=True))
    assert again.trade_hash == done[0].trade_hash
    assert [day.equity_krw for day in again.days] == [day.equity_krw for day in done[0].days]


def test_a_failure_leaves_the_old_report_and_nothing_beside_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")

    def fail(*_: object) -> str:
        raise UserError("the page cannot be made")

    monkeypatch.setattr(command.page, "render", fail)
    with pytest.raises(UserError):
        backtest(asked(folder, out), Console(quiet=True))
    assert out.read_text() == "old"
    with pytest.raises(UnicodeEncodeError):
        write("half \ud800", out)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": "2024-13-01"}, r"^START=2024-13-01: not a date"),
        ({"start": "2025-01-02"}, r"^START=2025-01-02 END=2024-12-30: the first day must lie before the last$"),
        ({"start": "1980-01-02"}, r"^START=1980-01-02: the exchange calendar is known from"),
        ({"language": "fr"}, r"^--lang=fr: must be ko or en$"),
        ({"data": Path("nowhere")}, r"^--data=nowhere: no such directory"),
        ({"out": Path(".")}, r"^--out=\.: is a folder"),
        ({"out": Path("report.pdf")}, r"^--out=report\.pdf: .*must end in \.html"),
        ({"terms": {"seed_cash_krw": "much"}}, r"^--seed-cash=much: must be a whole number at least 1,000,000"),
        ({"terms": {"seed_cash_krw": "5"}}, r"^--seed-cash=5: .*at least 1,000,000 and at most 1,000,000,000,000$"),
        ({"terms": {"slippage_bps": "-1"}}, r"^--slippage-bps=-1: .*at least 0 and at most 500$"),
        ({"terms": {"volume_share_pct": "0"}}, r"^--volume-share-pct=0: .*above 0 and at most 100$"),
        ({"terms": {"delisting_haircut_pct": "nan"}}, r"^--delisting-haircut-pct=nan: "),
        ({"terms": {"score_horizon_sessions": "1.5"}}, r"^--score-horizon-sessions=1\.5: "),
    ],
)  # fmt: skip
def test_words_that_cannot_be_name_field_value_and_rule(
    folder: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        asked(folder, tmp_path / "x.html", **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": "2020-01-02"}, r"^START=2020-01-02: outside the data; the data run from 2023-06-01 to 2024-12-30$"),
        ({"end": "2025-06-30"}, r"^END=2025-06-30: outside the data"),
        ({"end": "2025-01-02"}, r"^END=2025-01-02: outside the data"),
        ({"start": "2024-12-28"}, r"^START=2024-12-28 END=2024-12-30: 1 sessions; 2 are needed"),
        ({"start": "2023-07-03"}, r"^START=2023-07-03: 21 sessions before it, scores need 60"),
    ],
)
def test_a_range_outside_the_data_is_refused(
    folder: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        backtest(asked(folder, tmp_path / "x.html", **changes), Console(quiet=True))
    assert not list(tmp_path.iterdir())


def changed(folder: Path, place: Path, file: str, rows: pl.Expr) -> Path:
    """A copy of the folder in which one file keeps only some rows."""
    for path in folder.rglob("*.parquet"):
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.read_parquet(path)
        (frame.filter(rows) if path.name == file else frame).write_parquet(target)
    (place / "settings.toml").write_text(SETTINGS)
    return place


def test_bars_after_a_day_change_no_list_and_no_trade_up_to_it(
    done: tuple[Outcome, str, str], folder: Path, tmp_path: Path
) -> None:
    """The whole chain: everything after the middle of the range is doubled, scores and fills up to it stay."""
    cut, bars = date(2024, 11, 1), pl.read_parquet(folder / "daily" / "bars.parquet")
    other = changed(folder, tmp_path / "data", "none", pl.lit(value=True))
    prices = [
        pl.when(pl.col("date") > cut).then(pl.col(name) * 2).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    ]
    bars.with_columns(prices).write_parquet(other / "daily" / "bars.parquet")
    turned = backtest(asked(other, tmp_path / "x.html"), Console(quiet=True))
    both = [[day for day in outcome.days if day.day <= cut] for outcome in (done[0], turned)]
    assert both[0] == both[1]
    assert sum(len(day.fills) for day in both[0]) > 10
    assert turned.trade_hash != done[0].trade_hash


def test_a_missing_stretch_is_named_with_its_days(folder: Path, tmp_path: Path) -> None:
    hole = ~pl.col("date").is_between(date(2024, 10, 7), date(2024, 10, 31))
    broken = changed(folder, tmp_path / "data", "bars.parquet", hole)
    with pytest.raises(UserError, match=r"no bars from 2024-10-07 to 2024-10-31 \(18 sessions\)"):
        backtest(asked(broken, tmp_path / "x.html"), Console(quiet=True))


def test_an_index_that_does_not_cover_the_range_is_named(folder: Path, tmp_path: Path) -> None:
    broken = changed(folder, tmp_path / "data", "krx_index_daily.parquet", pl.col("date") < date(2024, 11, 1))
    with pytest.raises(UserError, match=r"KOSPI bars of \d+ sessions are missing, the first 2024-11-01"):
        backtest(asked(broken, tmp_path / "x.html"), Console(quiet=True))


def test_a_file_that_is_none_is_one_line_with_exit_code_2(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = changed(folder, tmp_path / "data", "bars.parquet", pl.lit(value=True))
    (broken / "daily" / "bars.parquet").write_bytes(b"PAR1 no")
    words = ["backtest", START.isoformat(), END.isoformat(), "--data", str(broken), "--out", str(tmp_path / "x.html")]
    monkeypatch.setattr(sys, "argv", ["jennie", *words, "--plain"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2
    assert len(said) == 1
    assert "bars.parquet" in said[0]
    assert not (tmp_path / "x.html").exists()


def test_terms_are_read_from_texts() -> None:
    assert parse_terms({"seed_cash_krw": "50000000", "slippage_bps": "20"}).slippage_bps == 20


def test_a_foreign_value_counts_from_the_day_after_its_date() -> None:
    """A US close of Thursday is known on Friday, not on Thursday (Korean mornings come first)."""
    days = [date(2025, 6, 26), date(2025, 6, 27), date(2025, 6, 30)]
    macro = pl.DataFrame(
        [("VIX", days[0], 20.0), ("VIX", days[1], None), ("SP500", days[1], 6_000.0)],
        schema={"series": pl.String, "observed_on": pl.Date, "value": pl.Float64},
        orient="row",
    )
    assert known_before(macro, "VIX", days) == {days[1]: 20.0, days[2]: 20.0}
