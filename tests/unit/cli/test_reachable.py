"""A server that the settings name must answer before a stack starts, or one line names the setting."""

from pathlib import Path

import pytest

from jennie_cli.errors import UserError
from jennie_cli.reachable import require_reachable
from jennie_infra.settings import load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JENNIE_REDIS_URL", "redis://:secret@127.0.0.1:1/0"),
        ("JENNIE_LEDGER_URL", "mysql+pymysql://u:secret@127.0.0.1:1/x"),
        ("JENNIE_MARKET_URL", "sqlite:////nonexistent/secret/x.db"),
    ],
)
def test_a_store_that_does_not_answer_is_named_without_its_password(tmp_path: Path, name: str, value: str) -> None:
    settings = load_settings({name: value}, tmp_path / "none")
    with pytest.raises(UserError, match=rf"^{name}: .*mend the address$") as caught:
        require_reachable(settings)
    assert "secret" not in str(caught.value)


def test_embedded_stores_need_not_answer_before_they_are_started(tmp_path: Path) -> None:
    require_reachable(load_settings({}, tmp_path / "none", home=tmp_path))
