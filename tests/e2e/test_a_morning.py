"""One command runs a trading morning end to end and reports it (issue: a whole trading day from a bare machine)."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from jennie_cli.report.model import Report
from jennie_cli.stack import MODULES
from jennie_core.domain.trading_settings import TradingSettings
from tests.e2e.house import House, processes_of

WRITTEN = (".log", ".out", ".json", ".html", ".conf")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def report(plain: House) -> dict[str, Any]:
    return plain.report


def test_the_report_has_every_field_of_its_contract(report: dict[str, Any]) -> None:
    Report.model_validate(report)
    named = """mode market_day data_source seed speed wall_seconds assets checks partitions_backfilled watchlist ticks
    signals orders fills positions pnl latency_ms reconciliation processes lineage_sample settings_hash order_hash"""
    assert set(named.split()) <= set(report)
    nested = {
        "assets": "materialized failed",
        "checks": "passed failed warned",
        "watchlist": "version size tradable regime",
        "ticks": "sent received lost",
        "signals": "buy sell refused",
        "orders": "submitted filled partially_filled cancelled rejected unknown",
        "pnl": "realized_krw unrealized_krw fees_krw taxes_krw",
        "latency_ms": "tick_to_signal signal_to_order tick_to_order",
        "reconciliation": "matches differences",
    }
    for field, names in nested.items():
        assert set(names.split()) <= set(report[field]), field
    for name in ("tick_to_signal", "signal_to_order", "tick_to_order"):
        assert {"p50", "p99", "max"} <= set(report["latency_ms"][name])
    for row in report["processes"]:
        assert {"name", "pid", "port", "healthy", "restarts", "rss_mb"} <= set(row)


def test_the_morning_trades_and_agrees_with_the_exchange_to_the_won(report: dict[str, Any]) -> None:
    assert report["reconciliation"]["matches"] is True
    assert report["reconciliation"]["differences"] == []
    assert report["reconciliation"]["cash_ours_krw"] == report["reconciliation"]["cash_exchange_krw"]
    assert {row["side"] for row in report["order_rows"]} == {"buy", "sell"}
    assert report["orders"]["unknown"] == 0
    assert report["limit_violations"] == 0


def test_no_tick_is_lost(report: dict[str, Any]) -> None:
    assert report["ticks"]["sent"] > 1_000
    assert report["ticks"]["received"] == report["ticks"]["sent"]
    assert report["ticks"]["lost"] == 0


def test_each_worker_is_a_healthy_process_with_a_port_of_its_own(report: dict[str, Any]) -> None:
    rows = [row for row in report["processes"] if row["name"] in MODULES]
    assert {row["name"] for row in rows} == set(MODULES)
    assert all(row["healthy"] and row["restarts"] == 0 and row["rss_mb"] > 0 for row in rows)
    assert len({row["pid"] for row in rows}) == len({row["port"] for row in rows}) == len(MODULES)


def test_the_data_plane_made_its_assets_and_the_permit(report: dict[str, Any]) -> None:
    assert report["assets"]["failed"] == 0
    assert report["checks"]["failed"] == 0
    assert report["partitions_backfilled"] >= 250
    assert report["watchlist"]["tradable"] > 0
    assert report["permit_granted"] is True


def test_a_fill_leads_back_to_the_prices_it_came_from(report: dict[str, Any]) -> None:
    sample = report["lineage_sample"]
    for field in ("fill_id", "intent_id", "signal_id", "watchlist_version", "score_run_id", "score_partition"):
        assert sample[field], field
    first, last = sample["price_partitions"]
    assert first < last < sample["score_partition"]
    assert sample["price_rows"] >= 200


def test_the_report_says_why_scored_stocks_are_not_for_buying(report: dict[str, Any]) -> None:
    watchlist = report["watchlist"]
    assert watchlist["scored"] >= watchlist["size"] > 0
    assert 0 < sum(watchlist["left_out"].values()) <= watchlist["scored"] - watchlist["size"]
    assert all(":" in reason for reason in watchlist["left_out"]), "each reason names its rule"


def test_nothing_is_tuned_to_make_a_day_trade(report: dict[str, Any]) -> None:
    assert report["settings_are_default"] is True
    assert report["settings_hash"] == TradingSettings().settings_hash()
    assert report["slice_seconds"] == 5


def test_the_page_is_self_contained_and_says_that_prices_are_simulated(plain: House) -> None:
    page = (plain.var_dir / "rehearsal" / "latest" / "report.html").read_text()
    assert "simulated" in page
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']https?://""", page)


def test_no_secret_appears_in_logs_reports_or_configuration(plain: House) -> None:
    """Drill 39: no key, token or account number in any log, report or reply kept on disk."""
    secrets = {
        path.name: path.read_text().strip()
        for path in (plain.home / "secrets").iterdir()
        if path.is_file() and path.name != "kis_hts_id"  # a login name, and the product's own
    }
    tokens = _broker_tokens(plain.home / "secrets")
    assert {"kis_app_key", "kis_app_secret", "kis_account"} <= set(secrets)
    public = [
        path
        for path in plain.home.rglob("*")
        if path.is_file()
        and path.parent.name != "secrets"
        and path.suffix in (".log", ".out", ".json", ".html", ".conf")
        if path.parts[-2] != "exchange"  # the exchange's own account file
    ]
    assert any(path.name == "kis-gateway.log" for path in public)
    for path in [*public, plain.output]:
        text = path.read_text(errors="replace")
        for name, secret in {**secrets, **tokens}.items():
            assert secret not in text, f"{name} in {path.name}"


def test_secrets_and_the_supervisors_configuration_are_private(plain: House) -> None:
    private = [plain.home / "supervisord.conf", *(plain.home / "secrets").iterdir()]
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((plain.home / "secrets").stat().st_mode) == 0o700


def test_nothing_is_left_running(plain: House) -> None:
    assert processes_of(plain.var_dir) == []
    assert list((plain.var_dir / "running").iterdir()) == []


def _broker_tokens(folder: Path) -> dict[str, str]:
    """Long words inside the stored token files."""
    return {
        f"{path.name}[{index}]": word
        for path in folder.iterdir()
        if "token" in path.name
        for index, word in enumerate(re.findall(r"[A-Za-z0-9_\-.]{24,}", path.read_text()))
    }


def test_orders_are_the_same_at_every_speed_and_under_load(plain: House, slow: House) -> None:
    """T3: unlimited, and 400 market seconds per second beside a busy loop."""
    assert slow.report["speed"] == "400x"
    assert slow.report["reconciliation"]["matches"] is True
    assert slow.report["orders"]["submitted"] == plain.report["orders"]["submitted"] > 0
    assert slow.report["order_rows"] == plain.report["order_rows"]
    assert slow.report["order_hash"] == plain.report["order_hash"]
    assert slow.report["positions"] == plain.report["positions"]


def test_a_failed_check_stops_buys_with_its_reason_and_exits_go_on(refused: House, plain: House) -> None:
    """O6, I6: without a permit no position is opened; protective exits do not ask for one."""
    report = refused.report
    assert report["permit_granted"] is False
    assert any("freshness" in reason for reason in report["permit_reasons"])
    assert {row["side"] for row in report["order_rows"]} == {"sell"}
    assert [row for row in plain.report["order_rows"] if row["side"] == "buy"]
    rows = [row for row in report["refusal_rows"] if row["rule"] == "PERMIT"]
    assert rows
    assert report["signals"]["refused"]["PERMIT"] == len(rows)
    assert all(row["detail"] for row in rows)
    assert report["reconciliation"]["matches"] is True
