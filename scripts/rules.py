#!/usr/bin/env python
"""Which test proves which rule: docs/rules.toml against the tests that pytest collects.

    python scripts/rules.py            every rule with its tests, then what is left open
    python scripts/rules.py --brief    what is left open only

A test proves the ids of its marker, `@pytest.mark.rule("R-EXIT-09")`; an id in a comment or docstring proves nothing.
The exit code is 1 for a built rule without a test, an unknown id in a test or in the code, or an entry that explains
itself badly; also for an id of `../shared/reference/trading-rulebook.md` that the list lacks, where that book is there.
"""

import argparse
import contextlib
import io
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "docs" / "rules.toml"
RULEBOOK = ROOT.parent / "shared" / "reference" / "trading-rulebook.md"
PACKAGES = ("jennie_core", "jennie_infra", "jennie_assets", "jennie_live", "jennie_sim", "jennie_cli")
RULE_ID = re.compile(r"\bR-[A-Z]+-\d{2}\b")
STATUSES = {"built": None, "replaced": "instead", "absent": "why"}
"""Status of a rule -> the field that must explain it."""


@dataclass(frozen=True)
class Rule:
    """One line of the list."""

    rule_id: str
    text: str
    status: str = "built"
    explanation: str | None = None
    decided_in: str | None = None


@dataclass
class Findings:
    """What keeps the list from being true; empty means proven."""

    problems: list[str] = field(default_factory=list)
    without_test: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.problems or self.without_test)


def read_rules(text: str) -> dict[str, Rule]:
    """Rule id -> rule, in the order of the list; raises ValueError for fields that the list does not know."""
    rules = {}
    for family, table in tomllib.loads(text).items():
        home = table.pop("in", None)
        for number, entry in table.items():
            rule_id = f"{family}-{number}"
            fields = {"rule": entry} if isinstance(entry, str) else dict(entry)
            status = fields.pop("status", "built")
            explanation = fields.pop(STATUSES.get(status) or "", None)
            rules[rule_id] = Rule(rule_id, fields.pop("rule", ""), status, explanation, fields.pop("in", home))
            if fields:
                raise ValueError(f"{rule_id}: unknown fields {', '.join(fields)}")
    return rules


def judge(
    rules: Mapping[str, Rule],
    proofs: Mapping[str, list[str]],
    *,
    cited: Mapping[str, str],
    rulebook: set[str],
    root: Path = ROOT,
) -> Findings:
    """Compare the list with the ids in tests (id -> test names), in the code (id -> a file) and in the rulebook."""
    found = Findings()
    for rule in rules.values():
        found.problems += _flaws(rule, root)
        is_proven = rule.rule_id in proofs
        if rule.status == "absent" and is_proven:
            found.problems.append(f"{rule.rule_id} is said to be absent, yet {proofs[rule.rule_id][0]} proves it")
        elif rule.status != "absent" and not is_proven:
            found.without_test.append(rule.rule_id)
    for rule_id in sorted(proofs.keys() - rules.keys()):
        found.problems.append(f"{proofs[rule_id][0]} names {rule_id}, which the list does not know")
    for rule_id in sorted(cited.keys() - rules.keys()):
        found.problems.append(f"{cited[rule_id]} cites {rule_id}, which the list does not know")
    for rule_id in sorted(rulebook - rules.keys()):
        found.problems.append(f"{rule_id} of the rulebook is missing from the list")
    return found


def _flaws(rule: Rule, root: Path) -> list[str]:
    if rule.status not in STATUSES:
        return [f"{rule.rule_id} has the unknown status {rule.status}"]
    flaws = [] if rule.text else [f"{rule.rule_id} says nothing"]
    explains = STATUSES[rule.status]
    if explains and not rule.explanation:
        flaws.append(f"{rule.rule_id} is {rule.status} without saying {explains}")
    if rule.status != "absent" and not (rule.decided_in and (root / rule.decided_in).exists()):
        flaws.append(f"{rule.rule_id} is decided in {rule.decided_in}, which does not exist")
    return flaws


class Collector:
    """Keeps the rule ids of what pytest collects, also of tests that this machine would not run."""

    def __init__(self) -> None:
        self.proofs: dict[str, list[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            name = item.nodeid.partition("[")[0]
            for marker in item.iter_markers("rule"):
                for rule_id in marker.args:
                    tests = self.proofs.setdefault(rule_id, [])
                    if name not in tests:
                        tests.append(name)


def collect_proofs() -> dict[str, list[str]]:
    """Rule id -> the tests that carry it. Only files with a marker are collected; exits when one cannot be."""
    marked = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.rule(" in path.read_text("utf-8")]
    collector, output = Collector(), io.StringIO()
    options = ["--collect-only", "-q", "-m", "", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    with contextlib.redirect_stdout(output):
        code = pytest.main([*options, *map(str, marked)], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise SystemExit(output.getvalue())
    return collector.proofs


def cited_in_code() -> dict[str, str]:
    """Rule id -> one file of the product that names it."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {rule_id: str(path.relative_to(ROOT)) for path in paths for rule_id in RULE_ID.findall(path.read_text())}


def _print_all(rules: Mapping[str, Rule], proofs: Mapping[str, list[str]]) -> None:
    for rule in rules.values():
        print(f"{rule.rule_id}  {rule.text}")
        if rule.status != "built":
            print(f"    {rule.status}: {rule.explanation}")
        for test in proofs.get(rule.rule_id, []):
            print(f"    {test.removeprefix('tests/')}")


def main() -> int:
    """Print and judge."""
    parser = argparse.ArgumentParser(description="Which test proves which rule.")
    parser.add_argument("--brief", action="store_true", help="print what is left open only")
    brief = parser.parse_args().brief
    rules, proofs = read_rules(LIST.read_text("utf-8")), collect_proofs()
    book = set(RULE_ID.findall(RULEBOOK.read_text("utf-8"))) if RULEBOOK.exists() else set()
    found = judge(rules, proofs, cited=cited_in_code(), rulebook=book)
    if not brief:
        _print_all(rules, proofs)
    for problem in found.problems:
        print(problem)
    for rule_id in found.without_test:
        print(f"{rule_id} has no test: {rules[rule_id].text}")
    counts = {status: sum(rule.status == status for rule in rules.values()) for status in STATUSES}
    tests = len({test for names in proofs.values() for test in names})
    shown = ", ".join(f"{number} {status}" for status, number in counts.items())
    print(f"{len(rules)} rules: {shown}; {tests} tests; {len(found.without_test)} without a test")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
