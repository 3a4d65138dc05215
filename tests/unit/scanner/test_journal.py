"""What the scanner writes down of its decisions (R-SCAN-04, R-SCAN-05)."""

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import SignalType
from jennie_core.strategy.scan_state import SignalRefusal
from jennie_live.scanner.journal import Journal
from tests.unit.strategy.builders import CODE, DAY, at, signal, us

STOP = Refusal(rule="R-SCAN-04", detail="paused")
HOT = Refusal(rule="R-GATE-04", detail="RSI too high", value=80.0, limit=75.0)


def refused(refusal: Refusal, *, suppressed: bool = False) -> SignalRefusal:
    held_back = signal() if suppressed else None
    return SignalRefusal(CODE, SignalType.ORB_BREAKOUT, refusal, us("09:30"), 10_000, held_back)


@pytest.mark.rule("R-SCAN-05")
def test_a_raised_signal_is_one_row_with_all_it_carries() -> None:
    journal = Journal()
    journal.note(DAY, signal(), "Samsung")
    [(table, row)] = journal.take()
    assert (table.name, row["outcome"], row["refusal_rule"], row["settled_at"]) == ("signal_log", "raised", None, None)
    assert row["payload"]["hybrid_score"] == 85.0
    assert journal.take() == []


@pytest.mark.rule("R-SCAN-04", "R-SCAN-05")
def test_a_suppressed_signal_is_stored_with_its_reason_beside_the_refusal() -> None:
    journal = Journal()
    journal.note(DAY, refused(STOP, suppressed=True), CODE)
    (table, row), (other, decision) = journal.take()
    assert (table.name, row["outcome"], row["refusal_rule"]) == ("signal_log", "suppressed", "R-SCAN-04")
    assert row["settled_at"] == at("09:30")
    assert (other.name, decision["rule"]) == ("decision_log", "R-SCAN-04")


@pytest.mark.rule("R-SCAN-05")
def test_a_refusal_keeps_value_and_limit_and_is_one_row_a_minute() -> None:
    journal = Journal()
    journal.note(DAY, refused(HOT), CODE)
    journal.note(DAY, refused(HOT), CODE)
    (_, first), (_, second) = journal.take()
    assert (first["value"], first["limit_value"], first["subject"]) == ("80.0", "75.0", "ORB_BREAKOUT")
    assert first["decision_id"] == second["decision_id"], "the same minute, rule and setup are one row"
