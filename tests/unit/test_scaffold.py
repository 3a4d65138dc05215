"""The build scaffold: a lock that covers every extra, quick set-up, targets that explain themselves."""

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def pins(lock: str) -> dict[str, set[str]]:
    """Name to the versions pinned for it (one per marker)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_lock_pins_every_requirement_within_its_range(extra: str) -> None:
    locked = pins("requirements-web.lock" if extra == "web" else "requirements.lock")
    for line in EXTRAS[extra] if extra else PROJECT["dependencies"]:
        requirement = Requirement(line)
        if requirement.name != "jennie":
            versions = locked.get(canonicalize_name(requirement.name), set())
            assert versions, f"{line}: run `make lock`"
            assert all(version in requirement.specifier for version in versions), f"{line}: run `make lock`"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-web.lock"])
def test_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=\S)", text.strip()))


def test_a_second_set_up_ends_at_once() -> None:
    started = time.monotonic()
    subprocess.run([ROOT / "scripts/bootstrap.sh"], check=True, timeout=60, capture_output=True)
    first = time.monotonic() - started
    started = time.monotonic()
    done = subprocess.run([ROOT / "scripts/bootstrap.sh"], check=True, timeout=60, capture_output=True, text=True)
    assert done.stderr == ""
    assert time.monotonic() - started < max(1.0, first)


def test_make_help_lists_every_target_in_one_line_each() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[0].split())
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=20
    ).stdout
    assert targets == phony == {line.split()[1] for line in shown.splitlines()}


@pytest.mark.parametrize(("target", "command"), [("demo", "rehearse"), ("up", "up")])
def test_variables_become_options_that_the_command_has(target: str, command: str) -> None:
    values = {"MARKET_DATA": "/a b", "DAY": "2025-06-27", "SPEED": "60", "SEED": "8", "FAIL_CHECK": "freshness"}
    values["PORT_BASE"] = "20000"
    shown = subprocess.run(
        ["make", "-n", target, *(f"{name}={value}" for name, value in values.items())],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout
    words = shlex.split(shown.split(f"jennie {command}", 1)[1].split("\n", 1)[0])
    passed = dict(zip(words[::2], words[1::2], strict=True))
    wanted = {f"--{name.lower().replace('_', '-')}": value for name, value in values.items()}
    assert passed == (wanted if target == "demo" else {k: wanted[k] for k in wanted if k in passed})
    assert "--market-data" in passed
    help_text = subprocess.run(
        [sys.executable, "-m", "jennie_cli", command, "--help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
    ).stdout
    assert all(option in help_text for option in passed)


def test_needs_name_what_is_missing_where_nothing_can_be_installed(tmp_path: Path) -> None:
    """Without apt-get the script says in one line what to install or which variable to set."""
    for tool in ("bash", "id", "dirname", "head"):
        (tmp_path / tool).symlink_to(next(p / tool for p in map(Path, ("/usr/bin", "/bin")) if (p / tool).exists()))
    script = (ROOT / "scripts/test_needs.sh").read_text()
    # Absolute folders are searched too: look into an empty one instead.
    moved = tmp_path / "test_needs.sh"
    moved.write_text(re.sub(r"/(usr/sbin|usr/libexec|opt/homebrew\S*|usr/local/opt\S*)/", "/nonexistent/", script))
    environment = {"PATH": str(tmp_path)}
    done = subprocess.run(
        [tmp_path / "bash", moved], env=environment, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "TEST_MARIADB_URL" in done.stderr
    given = environment | {"TEST_MARIADB_URL": "mysql+pymysql://u:p@h/jennie"}
    subprocess.run([tmp_path / "bash", moved], env=given, check=True, timeout=20)
