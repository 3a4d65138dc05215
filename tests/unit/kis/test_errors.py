"""The error table, row by row (drill 2): the class follows from the body's code, never from the HTTP status."""

import pytest

from jennie_core.domain.decisions import Accepted, Refused, Unknown
from jennie_infra.kis.codec_orders import decode_order_reply
from jennie_infra.kis.errors import (
    ERROR_TABLE,
    FailureClass,
    KisRateLimitedError,
    KisRefusedError,
    KisTokenDeadError,
    KisUnavailableError,
    classify,
)

RATE = ("EGW00133", "EGW00201", "EGW00215")
TOKEN = ("EGW00121", "EGW00122", "EGW00123")
TRANSIENT = ("EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00300", "EGW00301", "EGW00302")
REFUSED = {
    "EGW00003": "BROKER-ACCESS", "EGW00004": "BROKER-ACCESS", "EGW00101": "BROKER-REQUEST",
    "EGW00102": "BROKER-KEY", "EGW00103": "BROKER-KEY", "EGW00104": "BROKER-KEY", "EGW00105": "BROKER-KEY",
    "EGW00115": "BROKER-REQUEST", "EGW00116": "BROKER-REQUEST", "EGW00131": "BROKER-REQUEST",
    "EGW00132": "BROKER-REQUEST", "EGW00206": "BROKER-ACCESS", "EGW00207": "BROKER-ACCESS",
    "EGW00208": "BROKER-REQUEST", "EGW00213": "BROKER-MODE", "EGW2004": "BROKER-MODE",
    "OPSQ0002": "BROKER-REQUEST", "OPSQ2000": "BROKER-ACCOUNT", "OPSQ2001": "BROKER-REQUEST",
    "OPSQ2002": "BROKER-REQUEST",
    "APBK0344": "BROKER-NO-ORDER", "APBK0345": "BROKER-NOTHING-LEFT", "APBK0400": "BROKER-SHARES",
    "APBK0506": "BROKER-TICK", "APBK0507": "BROKER-PRICE-LIMIT", "APBK0518": "BROKER-ORDER-TYPE",
    "APBK0519": "BROKER-VENUE", "APBK0656": "BROKER-CODE", "APBK0918": "BROKER-HOURS", "APBK0919": "BROKER-DAY",
    "APBK0952": "BROKER-CASH", "APBK0988": "BROKER-QUANTITY", "APBK0989": "BROKER-PRICE",
    "APBK1077": "BROKER-HALTED", "APBK1078": "BROKER-NOT-TRADABLE", "APBK1744": "BROKER-ACCOUNT",
    "APAC0489": "BROKER-ACCOUNT",
    "40020000": "BROKER-PRICE-LIMIT", "40030000": "BROKER-TICK", "40050000": "BROKER-ORDER-TYPE",
    "40060000": "BROKER-VENUE", "40070000": "BROKER-NOT-TRADABLE", "40080000": "BROKER-QUANTITY",
    "40090000": "BROKER-PRICE", "40100000": "BROKER-DAY", "40240000": "BROKER-SHARES", "40250000": "BROKER-CASH",
    "40310000": "BROKER-CASH", "40320000": "BROKER-NO-ORDER", "40330000": "BROKER-NOTHING-LEFT",
    "40570000": "BROKER-HOURS", "40580000": "BROKER-HOURS",
    "MCA05918": "BROKER-CODE", "MCA05762": "BROKER-EMPTY",
}  # fmt: skip


def body(code: str, rt_cd: str = "1") -> dict[str, str]:
    return {"rt_cd": rt_cd, "msg_cd": code, "msg1": "text   "}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", RATE)
def test_a_rate_limit_is_a_rate_limit_and_never_a_dead_token(code: str, status: int) -> None:
    failure = classify(status, body(code))
    assert failure is not None
    assert failure.failure is FailureClass.RATE_LIMIT
    assert isinstance(failure.as_error(), KisRateLimitedError)
    assert isinstance(decode_order_reply(status, body(code)), Refused)


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("code", TOKEN)
def test_a_dead_token_is_told_by_its_code(code: str, status: int) -> None:
    failure = classify(status, body(code))
    assert failure is not None
    assert isinstance(failure.as_error(), KisTokenDeadError)
    assert decode_order_reply(status, body(code)) == Refused(rule="BROKER-TOKEN", code=code, text="text")


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_fault_at_the_broker_leaves_an_order_unknown(code: str) -> None:
    failure = classify(500, body(code))
    assert failure is not None
    assert type(failure.as_error()) is KisUnavailableError
    assert isinstance(decode_order_reply(500, body(code)), Unknown)


@pytest.mark.parametrize(("code", "rule"), REFUSED.items())
def test_a_business_refusal_names_its_rule(code: str, rule: str) -> None:
    failure = classify(200, body(code))
    assert failure is not None
    error = failure.as_error()
    assert isinstance(error, KisRefusedError)
    assert (error.rule, error.code) == (rule, code)
    assert decode_order_reply(200, body(code)) == Refused(rule=rule, code=code, text="text")


def test_every_row_of_the_table_has_a_test() -> None:
    assert set(ERROR_TABLE) == {*RATE, *TOKEN, *TRANSIENT, *REFUSED}


@pytest.mark.parametrize(
    ("status", "reply"),
    [(200, body("APBK9999")), (500, body("XXXX")), (500, None), (200, []), (502, {}), (200, {"rt_cd": "1"})],
)
def test_what_is_not_in_the_table_is_unknown_on_an_order(status: int, reply: object) -> None:
    """Drill 2: an unrecognised code is unknown (drill 1), not refused and not retried."""
    failure = classify(status, reply)
    assert failure is not None
    assert failure.failure is FailureClass.UNKNOWN
    assert isinstance(decode_order_reply(status, reply), Unknown)


def test_a_success_without_an_order_number_is_unknown() -> None:
    for output in ({"ODNO": "0000000000"}, {"ODNO": ""}, {}, None, "text"):
        assert isinstance(decode_order_reply(200, body("APBK0013", "0") | {"output": output}), Unknown)


def test_lower_case_output_keys_are_read_as_well() -> None:
    found = decode_order_reply(200, body("APBK0013", "0") | {"output": {"odno": "117", "ord_tmd": "093014"}})
    assert found == Accepted(order_number="0000000117", accepted_time="093014")


def test_an_error_code_wins_over_a_contradicting_rt_cd() -> None:
    """A 200 whose envelope says 0 but whose code is a known failure is not a success."""
    failure = classify(200, body("EGW00201", "0"))
    assert failure is not None
    assert failure.failure is FailureClass.RATE_LIMIT
