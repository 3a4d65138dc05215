"""Log lines as the page shows them: newest last, without secrets (drill 39)."""

import json
from pathlib import Path

import pytest

from jennie_live.dashboard import logs


def _write(folder: Path, lines: list[str]) -> None:
    (folder / "buy-executor.log").write_text("\n".join(lines) + "\n")


@pytest.mark.rule("R-DASH-10")
def test_the_newest_lines_come_oldest_first(tmp_path: Path) -> None:
    _write(tmp_path, [json.dumps({"event": f"e{number}", "level": "info"}) for number in range(50)])
    found = logs.tail(tmp_path, "buy-executor", limit=3)
    assert found is not None
    assert [line.event for line in found] == ["e47", "e48", "e49"]


def test_lines_are_filtered_by_level_and_words(tmp_path: Path) -> None:
    _write(
        tmp_path,
        [json.dumps({"event": "Alpha", "level": "error"}), json.dumps({"event": "alpha", "level": "info"}), "beta"],
    )
    by_level = logs.tail(tmp_path, "buy-executor", limit=10, level="error")
    by_word = logs.tail(tmp_path, "buy-executor", limit=10, contains="ALPHA")
    assert by_level is not None
    assert by_word is not None
    assert [line.event for line in by_level] == ["Alpha"]
    assert len(by_word) == 2


def test_secrets_are_struck_out_of_every_kind_of_line(tmp_path: Path) -> None:
    _write(
        tmp_path,
        [
            json.dumps({"event": "x", "app_key": "PSabcdef", "chat_id": 12345, "stock_code": "104010"}),
            "GET /login?token=Zm9vYmFy-_123 HTTP/1.1",
            "POST https://api.example/bot123456789:AAbbCCddEEffGGhhIIjjKKllMM/sendMessage",
        ],
    )
    found = logs.tail(tmp_path, "buy-executor", limit=10)
    assert found is not None
    text = "".join(line.model_dump_json() for line in found)
    for secret in ("PSabcdef", "12345", "Zm9vYmFy", "AAbbCCdd"):
        assert secret not in text
    assert "104010" in text


def test_a_name_that_leaves_the_folder_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.log").write_text("x\n")
    for name in ("../secret", "..", "a/b", ""):
        assert logs.tail(tmp_path / "inner", name, limit=1) is None
    assert logs.sources(tmp_path / "absent") == ()
