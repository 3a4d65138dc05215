"""`jennie sources check` against a local server: what works, what does not, and that nothing is written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jennie_cli.main import app
from tests.contract.sources.conftest import Answer, Asked, ReplayServer
from tests.contract.sources.test_dart import REPORT, good, zipped
from tests.contract.sources.test_krx import KEY, market

DAY = "2025-06-27"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ReplayServer) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("JENNIE_KRX_URL", server.url)
    monkeypatch.setenv("JENNIE_DART_URL", server.url)
    return tmp_path


def check(*more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["sources", "check", "--day", DAY, *more])
    return result.exit_code, result.output


def services(asked: Asked) -> Answer:
    if asked.path == "/corpCode.xml":
        return Answer(zipped())
    if asked.path == "/fnlttMultiAcnt.json":
        return Answer(good(REPORT))
    return market(asked)


def test_suppliers_with_keys_are_asked_and_the_rest_is_not(
    place: Path, server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENNIE_KRX_API_KEY", KEY)
    monkeypatch.setenv("JENNIE_DART_API_KEY", "d" * 40)
    monkeypatch.setenv("JENNIE_SOURCE_PRICES", "krx")
    server.script = services
    code, output = check()
    assert code == 0
    assert "4행, 최신 2025-06-27" in output
    assert "3행, 최신 2025-06-27" in output
    assert "1행, 최신 2025-03-11" in output
    assert "키만 있음" in output
    assert not any(asked.path.startswith("/v1") for asked in server.asked)
    assert list(place.iterdir()) == []


@pytest.mark.rule("R-SMK-02")
def test_an_impossible_roe_of_the_sentinel_fails_the_check(
    place: Path, server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENNIE_DART_API_KEY", "d" * 40)
    monkeypatch.setenv("JENNIE_SOURCE_PRICES", "krx")
    monkeypatch.setenv("JENNIE_KRX_API_KEY", KEY)
    wrong = [dict(row, thstrm_amount="1,000") if row["account_nm"] == "자본총계" else row for row in REPORT]
    server.script = lambda asked: Answer(good(wrong)) if asked.path == "/fnlttMultiAcnt.json" else services(asked)
    code, output = check("--lang", "en")
    assert code == 1
    assert "R-SMK-02: ROE of 005930" in output


def test_a_chosen_supplier_without_its_key_fails_in_one_line(
    place: Path, server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENNIE_SOURCE_PRICES", "krx")
    code, output = check("--lang", "en")
    assert code == 1
    assert "JENNIE_KRX_API_KEY is not set" in output
    assert server.asked == []


def test_a_refused_reply_is_told_and_not_kept(
    place: Path, server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENNIE_SOURCE_PRICES", "krx")
    monkeypatch.setenv("JENNIE_KRX_API_KEY", KEY)
    server.always({"respMsg": f"Unauthorized {KEY}", "respCode": "401"}, 401)
    code, output = check("--lang", "en")
    assert code == 1
    assert "the key is not accepted" in output
    assert KEY not in output
    assert list(place.iterdir()) == []


def test_with_nothing_set_nothing_is_asked_and_nothing_fails(place: Path, server: ReplayServer) -> None:
    code, output = check("--lang", "en")
    assert code == 0
    assert "mode rehearsal reads the market folder alone" in output
    assert server.asked == []


def test_paper_without_a_folder_or_another_source_of_prices_fails(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENNIE_MODE", "paper")
    code, output = check("--lang", "en")
    assert code == 1
    assert "JENNIE_MARKET_DATA is not set" in output
