"""Wiring: the documented API, and one clear line for a wrong setting."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jennie_infra.settings import generated_secret, load_settings
from jennie_live.gateway.app import build

ORDER = {"intent_id": "b", "lease": 1, "stock_code": "005930", "side": "buy", "order_type": "market", "quantity": 1}


@pytest.mark.rule("R-GW-14")
def test_the_api_documents_every_path_the_client_calls(tmp_path: Path) -> None:
    app = build(load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "none"))
    paths = app.openapi()["paths"]
    assert {
        "/api/market/snapshot", "/api/market/order-book", "/api/market/daily-prices", "/api/market/minute-prices",
        "/api/market/investor-flows", "/api/market/index", "/api/market/session-days", "/api/account/balance",
        "/api/trading/orders", "/api/trading/open-orders", "/api/trading/order", "/api/trading/revise",
        "/api/trading/cancel",
        "/api/market/prices", "/api/account/buyable-cash", "/api/account/sellable-shares", "/api/capabilities",
        "/api/realtime/claims/{claimant}", "/api/realtime/status", "/health", "/metrics",
    } <= set(paths)  # fmt: skip
    order = paths["/api/trading/order"]["post"]
    assert "intent_id" in str(order["requestBody"])
    for path, methods in paths.items():
        if path.startswith("/api"):
            assert all(call["security"] for call in methods.values()), f"{path} is documented without the token"


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "value"),
    [
        ("GET", "/api/market/snapshot?code=5930", None, "code", "5930"),
        ("GET", "/api/market/daily-prices?code=005930&sessions=0", None, "sessions", "0"),
        ("GET", "/api/market/prices?codes=005930,12", None, "codes.1", "12"),
        ("GET", "/api/account/buyable-cash?code=005930&limit_price_krw=-5", None, "limit_price_krw", "-5"),
        ("GET", "/api/market/snapshot", None, "code", None),
        ("POST", "/api/trading/order", {"intent_id": "b"}, "lease", None),
        ("POST", "/api/trading/order", ORDER | {"quantity": 0}, "quantity", "0"),
        ("POST", "/api/trading/order", ORDER | {"order_type": "limit"}, "body", None),
        ("POST", "/api/trading/revise", {"revision": 0}, "intent_id", None),
        ("POST", "/api/trading/cancel", {"colour": "red"}, "intent_id", None),
    ],
)
def test_a_wrong_request_is_told_field_value_and_rule(
    tmp_path: Path, method: str, path: str, body: dict[str, Any] | None, field: str, value: str | None
) -> None:
    settings = load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "none")
    client = TestClient(build(settings))
    token = {"Authorization": f"Bearer {generated_secret(settings, 'service_token')}"}
    reply = client.request(method, path, json=body, headers=token)
    said = reply.json()
    assert (reply.status_code, said["rule"], said["field"], said["value"]) == (422, "GW-REQUEST", field, value)
    assert said["detail"].startswith(f"{field}: ")
    if value is not None:
        assert repr(value) in said["detail"]
    assert client.request(method, path, json=body).status_code in (401, 422)


@pytest.mark.parametrize("path", ["/api/trading/order", "/api/trading/revise", "/api/trading/cancel"])
def test_an_order_call_needs_the_token_and_its_method(tmp_path: Path, path: str) -> None:
    """The lane of the orders passes FastAPI's layers by; what they would refuse is refused all the same."""
    settings = load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "none")
    client = TestClient(build(settings))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \u00e9".encode("latin-1")}):
        reply = client.post(path, json=ORDER, headers=headers)  # type: ignore[arg-type]  # bytes are how such a header comes
        assert (reply.status_code, reply.json()["rule"]) == (401, "GW-TOKEN")
    assert client.get(path).status_code == 405
    assert client.post(path + "/no", json=ORDER).status_code == 404


def test_a_wrong_setting_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JENNIE_")}
    for wrong in ({"JENNIE_KIS_WIRE_REVISION": "48/1/1"}, {"JENNIE_MODE": "paper"}, {"JENNIE_NO_SUCH": "1"}):
        ended = subprocess.run(
            [sys.executable, "-m", "jennie_live.gateway"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env=clean | {"JENNIE_HOME": str(tmp_path)} | wrong, check=False,
        )  # fmt: skip
        assert ended.returncode == 2
        assert len(ended.stderr.strip().splitlines()) == 1
        assert next(iter(wrong)) in ended.stderr or "JENNIE_KIS" in ended.stderr


def test_health_shows_what_stands_in_on_paper_and_nothing_where_nothing_does(tmp_path: Path) -> None:
    """What is degraded is shown: the dashboard's system page has one badge per dependency."""
    keys = {"APP_KEY": "k" * 36, "APP_SECRET": "s" * 180, "ACCOUNT": "50123456-01", "HTS_ID": "me"}
    paper = {"JENNIE_MODE": "paper"} | {f"JENNIE_KIS_{name}": value for name, value in keys.items()}
    quotes = {"JENNIE_KIS_QUOTE_APP_KEY": "q" * 36, "JENNIE_KIS_QUOTE_APP_SECRET": "q" * 180}
    for given, shown in (
        (paper, ("index", "open_orders")),
        (paper | quotes, ("sellable_shares", "open_orders")),
        ({}, ()),
    ):
        app = build(load_settings({"JENNIE_HOME": str(tmp_path)} | given, tmp_path / "none"))
        found = TestClient(app).get("/health").json()["dependencies"]
        assert ("substitutes" in found) is bool(shown)
        assert all(name in found["substitutes"]["detail"] for name in shown)
        assert ("index" in str(found)) is ("index" in shown)
