"""The check that every rule has a test: what it finds wrong, and that the list itself reads."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "rules.py"))
LIST = """
[R-A]
in = "docs"
01 = "Built."
02 = { rule = "Replaced.", status = "replaced", instead = "another" }
03 = { rule = "Absent.", status = "absent", why = "not needed" }
04 = { rule = "Elsewhere.", in = "scripts" }
"""
PROOFS = {"R-A-01": ["tests/a"], "R-A-02": ["tests/b"], "R-A-04": ["tests/a"]}


def findings(
    text: str = LIST,
    proofs: dict[str, list[str]] = PROOFS,
    cited: dict[str, str] | None = None,
    rulebook: set[str] | None = None,
) -> Any:
    return SCRIPT["judge"](SCRIPT["read_rules"](text), proofs, cited=cited or {}, rulebook=rulebook or set())


def test_a_list_with_a_test_for_every_rule_is_proven() -> None:
    found = findings(cited={"R-A-03": "x.py"}, rulebook={"R-A-01"})
    assert not found
    assert (found.problems, found.without_test) == ([], [])


@pytest.mark.parametrize("missing", ["R-A-01", "R-A-02", "R-A-04"])
def test_a_rule_without_a_test_is_a_gap(missing: str) -> None:
    found = findings(proofs={rule: tests for rule, tests in PROOFS.items() if rule != missing})
    assert found.without_test == [missing]
    assert found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proofs": PROOFS | {"R-A-99": ["tests/c"]}}, "tests/c names R-A-99"),
        ({"proofs": PROOFS | {"R-A-03": ["tests/c"]}}, "R-A-03 is said to be absent"),
        ({"cited": {"R-B-01": "x.py"}}, "x.py cites R-B-01"),
        ({"rulebook": {"R-C-01"}}, "R-C-01 of the rulebook is missing"),
        ({"text": LIST.replace(', why = "not needed"', "")}, "R-A-03 is absent without saying why"),
        ({"text": LIST.replace(', instead = "another"', "")}, "R-A-02 is replaced without saying instead"),
        ({"text": LIST.replace('"replaced", instead', '"mended", instead')}, "unknown"),
        ({"text": LIST.replace('in = "scripts"', 'in = "nowhere.py"')}, "decided in nowhere.py, which does not exist"),
        ({"text": LIST.replace('"Built."', '""')}, "R-A-01 says nothing"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    try:
        problems = findings(**changes).problems
    except ValueError as error:
        problems = [str(error)]
    assert any(words in problem for problem in problems), problems


def test_the_list_reads_and_explains_itself() -> None:
    rules = SCRIPT["read_rules"](SCRIPT["LIST"].read_text(encoding="utf-8"))
    found = SCRIPT["judge"](rules, {}, cited=SCRIPT["cited_in_code"](), rulebook=set())
    assert found.problems == []
    assert len(rules) > 450


@pytest.mark.rule("R-EXIT-01")
@pytest.mark.parametrize("case", [1, pytest.param(2, marks=pytest.mark.rule("R-EXIT-02"))])
def test_a_collected_test_proves_what_its_marker_names(case: int, request: pytest.FixtureRequest) -> None:
    """This docstring's R-EXIT-03 proves nothing; a case of its own may prove more."""
    collector = SCRIPT["Collector"]()
    collector.pytest_collection_modifyitems([request.node, request.node])
    name = request.node.nodeid.partition("[")[0]
    expected = {"R-EXIT-01": [name]} | ({"R-EXIT-02": [name]} if case == 2 else {})
    assert collector.proofs == expected
