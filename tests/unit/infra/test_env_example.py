""".env.example documents every variable and is taken by the loader as it stands and with every line switched on."""

import runpy
from pathlib import Path

import pytest

from jennie_infra.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_it_is_up_to_date() -> None:
    fresh = runpy.run_path(str(ROOT / "scripts" / "make_env_example.py"))["example"]()
    assert fresh == TEXT, "run python scripts/make_env_example.py"


def test_it_names_every_variable_once() -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith(f"# {PREFIX}") and "=" in line]
    named = [line.removeprefix("# ").split("=")[0] for line in lines]
    assert sorted(named) == sorted(PREFIX + name.upper() for name in Settings.model_fields)


def test_as_it_stands_it_changes_nothing(tmp_path: Path) -> None:
    assert load_settings({}, ROOT / ".env.example") == load_settings({}, tmp_path / "absent.env")


def test_with_every_line_switched_on_it_gives_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(TEXT.replace(f"# {PREFIX}", PREFIX))
    assert load_settings({}, path) == load_settings({}, tmp_path / "absent.env")


@pytest.mark.parametrize("word", ["/work", "/home/", "/root", "@"])
def test_it_holds_no_path_or_address_of_a_machine(word: str) -> None:
    assert word not in TEXT
