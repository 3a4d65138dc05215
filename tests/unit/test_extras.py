"""Each service's code loads with its own extra alone; data frames and Dagster stay off the hot path."""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

SERVICES = {
    "gateway": "jennie_live.gateway",
    "scanner": "jennie_live.scanner",
    "buy-executor": "jennie_live.buy_executor",
    "sell-executor": "jennie_live.sell_executor",
    "monitor": "jennie_live.monitor",
    "dashboard": "jennie_live.dashboard",
    "commands": "jennie_live.commands",
    "sim": "jennie_sim",
    "assets": "jennie_assets",
}

# Runs in a fresh interpreter: hide what the extra does not bring, then load every module of the package.
PROGRAM = """
import importlib, json, pkgutil, sys

hidden, package = json.loads(sys.argv[1])

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is not in the extra", name=name)

sys.meta_path.insert(0, Hide())
root = importlib.import_module(package)
for module in pkgutil.walk_packages(root.__path__, package + "."):
    importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@cache
def closure(name: str, extras: frozenset[str]) -> frozenset[str]:
    """Names of the distributions that `name[extras]` brings in this environment, itself included."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(name), extras)]
    while waiting:
        item = waiting.pop()
        if item in found:
            continue
        found.add(item)
        try:
            requirements = distribution(item[0]).requires or []
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, requirements):
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in item[1] | {""}
            )
            if wanted:
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return frozenset(name for name, _ in found)


def load(extra: str, package: str) -> subprocess.CompletedProcess[str]:
    """Load a package with nothing but its extra."""
    brought = closure("jennie", frozenset({extra}))
    hidden = [
        module
        for module, owners in packages_distributions().items()
        if not module.startswith(("_", "jennie")) and not {canonicalize_name(owner) for owner in owners} & brought
    ]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([hidden, package])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("extra", "package"), SERVICES.items(), ids=SERVICES)
def test_service_loads_with_its_extra_alone(extra: str, package: str) -> None:
    """H2."""
    done = load(extra, package)
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
    if package.startswith("jennie_live"):
        loaded = set(json.loads(done.stdout))
        assert loaded.isdisjoint({"pandas", "polars", "pyarrow", "dagster", "exchange_calendars"})


def test_data_frames_and_dagster_are_not_in_the_trading_plane_s_extras() -> None:
    """H2."""
    live = closure("jennie", frozenset({"gateway", "scanner", "buy-executor", "sell-executor", "monitor", "commands"}))
    assert live.isdisjoint({"pandas", "polars", "pyarrow", "dagster", "exchange-calendars"})


def test_a_missing_distribution_is_noticed() -> None:
    """The dashboard's extra has no polars, so the exchange cannot load with it."""
    assert "is not in the extra" in load("dashboard", "jennie_sim").stderr
