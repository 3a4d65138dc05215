"""The import contracts are the architecture's table: each forbidden import, planted once, is found."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

PACKAGES = [
    *(f"jennie_core.{part}" for part in ("domain", "krx", "strategy", "scoring", "replay")),
    *("jennie_infra", "jennie_assets", "jennie_sim", "jennie_cli"),
    *(
        f"jennie_live.{part}"
        for part in (
            *("gateway", "scanner", "buy_executor", "sell_executor", "monitor", "dashboard", "commands"),
            *("desk", "common"),
        )
    ),
]

ALLOWED = {
    "jennie_core.krx": ["jennie_core.domain"],
    "jennie_core.strategy": ["jennie_core.domain", "jennie_core.krx", "numpy"],
    "jennie_core.scoring": ["jennie_core.domain", "jennie_core.krx", "polars"],
    "jennie_core.replay": ["jennie_core.krx", "jennie_core.strategy", "jennie_core.scoring", "polars"],
    "jennie_infra": ["jennie_core.domain", "redis"],
    "jennie_assets": ["jennie_infra", "jennie_core.scoring", "jennie_core.replay", "dagster"],
    "jennie_live.scanner": ["jennie_live.common", "jennie_infra", "jennie_core.strategy", "fastapi"],
    "jennie_live.buy_executor": ["jennie_live.desk", "jennie_live.common"],
    "jennie_live.desk": ["jennie_live.common", "jennie_core.strategy"],
    "jennie_sim": ["jennie_core.domain", "jennie_core.krx", "polars"],
    "jennie_cli": ["jennie_assets", "jennie_live.gateway", "jennie_sim", "jennie_infra", "jennie_core.replay"],
}

FORBIDDEN = [
    ("jennie_core.domain", "jennie_core.krx"),
    ("jennie_core.domain", "jennie_infra"),
    ("jennie_core.krx", "jennie_core.strategy"),
    ("jennie_core.strategy", "jennie_core.scoring"),
    ("jennie_core.scoring", "jennie_core.strategy"),
    ("jennie_core.scoring", "jennie_core.replay"),
    ("jennie_core.strategy", "polars"),
    ("jennie_core.krx", "exchange_calendars"),
    ("jennie_core.strategy", "random"),
    ("jennie_core.scoring", "redis"),
    ("jennie_core.replay", "os"),
    ("jennie_infra", "jennie_live.common"),
    ("jennie_infra", "jennie_cli"),
    ("jennie_assets", "jennie_live.common"),
    ("jennie_assets", "jennie_sim"),
    ("jennie_live.scanner", "jennie_live.gateway"),
    ("jennie_live.sell_executor", "jennie_live.buy_executor"),
    ("jennie_live.desk", "jennie_live.buy_executor"),
    ("jennie_live.common", "jennie_live.desk"),
    ("jennie_live.dashboard", "jennie_core.scoring"),
    ("jennie_live.monitor", "jennie_core.replay"),
    ("jennie_live.scanner", "pandas"),
    ("jennie_live.commands", "dagster"),
    ("jennie_live.gateway", "jennie_sim"),
    ("jennie_sim", "jennie_infra"),
    ("jennie_sim", "jennie_core.strategy"),
    ("jennie_sim", "jennie_live.gateway"),
    ("jennie_live.gateway", "jennie_cli"),
]


def make_house(root: Path) -> None:
    """The packages of the architecture, empty but for the imports that are allowed."""
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for package in PACKAGES:
        parts = package.split(".")
        for depth in range(1, len(parts) + 1):
            folder = root.joinpath(*parts[:depth])
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
        allowed = ALLOWED.get(package, [])
        (folder / "allowed.py").write_text("".join(f"import {name}\n" for name in allowed))


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a checkout."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=root, capture_output=True, text=True, check=False, timeout=60)


def test_allowed_imports_pass(tmp_path: Path) -> None:
    make_house(tmp_path)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("house")
    make_house(root)
    for number, (importer, imported) in enumerate(FORBIDDEN):
        folder = root.joinpath(*importer.split("."))
        (folder / f"planted_{number}.py").write_text(f"import {imported}\n")
    (root / "jennie_core" / "unlisted").mkdir()
    (root / "jennie_core" / "unlisted" / "__init__.py").touch()
    return lint(root).stdout


@pytest.mark.parametrize(("number", "pair"), list(enumerate(FORBIDDEN)), ids=[f"{a}-{b}" for a, b in FORBIDDEN])
def test_planted_import_is_found(report: str, number: int, pair: tuple[str, str]) -> None:
    assert f"{pair[0]}.planted_{number} ->" in report


def test_a_package_outside_the_table_is_found(report: str) -> None:
    assert "unlisted" in report


@pytest.mark.parametrize("contract", [contract["name"] for contract in CONTRACTS])
def test_every_contract_can_break(report: str, contract: str) -> None:
    assert f"{contract} BROKEN" in " ".join(report.split())
