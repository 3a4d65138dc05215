"""Wiring: the documented API, and one clear line for a wrong setting."""

import os
import subprocess
import sys
from pathlib import Path

from jennie_infra.settings import load_settings
from jennie_live.gateway.app import build


def test_the_api_documents_every_path_the_client_calls(tmp_path: Path) -> None:
    app = build(load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "none"))
    paths = app.openapi()["paths"]
    assert {
        "/api/market/snapshot", "/api/market/order-book", "/api/market/daily-prices", "/api/market/minute-prices",
        "/api/market/investor-flows", "/api/market/index", "/api/market/session-days", "/api/account/balance",
        "/api/trading/orders", "/api/trading/open-orders", "/api/trading/order", "/api/trading/revise",
        "/api/trading/cancel",
        "/api/realtime/claims/{claimant}", "/api/realtime/status", "/health", "/metrics",
    } <= set(paths)  # fmt: skip
    order = paths["/api/trading/order"]["post"]
    assert "intent_id" in str(order["requestBody"])


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
