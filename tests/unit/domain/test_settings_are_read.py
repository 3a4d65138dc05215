"""No setting that nothing reads (R-CFG-01): each field of the trading settings is used by the product."""

import re
from pathlib import Path

import pytest

from jennie_core.domain.trading_settings import TradingSettings

ROOT = Path(__file__).parents[3]
HOME = ROOT / "jennie_core" / "domain" / "trading_settings.py"
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for package in ("jennie_core", "jennie_infra", "jennie_assets", "jennie_live")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path != HOME
)
FIELDS = [
    f"{group}.{name}"
    for group, field in TradingSettings.model_fields.items()
    for name in type(field.default).model_fields
]


@pytest.mark.rule("R-CFG-01")
@pytest.mark.parametrize("field", FIELDS)
def test_each_setting_is_read(field: str) -> None:
    assert re.search(rf"\.{field.partition('.')[2]}\b", CODE), f"nothing reads {field}"
