"""`jennie rehearse --fault`: what is asked for is what the exchange is told, and a mistake is one clear line."""

import pytest

from jennie_cli.errors import UserError
from jennie_cli.fault_options import parse_fault


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("reorder_notices", {"name": "reorder_notices", "endpoint": "*", "params": {}}),
        (
            "accept_then_drop_reply@order-cash:probability=0.05,seed=3",
            {"name": "accept_then_drop_reply", "endpoint": "order-cash", "params": {}, "probability": 0.05, "seed": 3},
        ),
        (
            "delay@inquire-price:ms=20,after=true,count=9",
            {"name": "delay", "endpoint": "inquire-price", "params": {"ms": 20, "after": True}, "count": 9},
        ),
        (
            "status:msg_cd=EGW00201,status=500",
            {"name": "status", "endpoint": "*", "params": {"msg_cd": "EGW00201", "status": 500}},
        ),
    ],
)
def test_a_fault_is_read(text: str, body: dict[str, object]) -> None:
    fault = parse_fault(text)
    assert (fault.text, fault.body) == (text, body)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("earthquake", "unknown fault 'earthquake'; known are drop_request"),
        ("delay:speed=1", "has no parameter 'speed'"),
        ("delay:ms", "'ms' is no key=value"),
        ("delay:probability=2", "probability: Input should be less than or equal to 1"),
        ("revoke_token", "strikes once"),
    ],
)
def test_a_mistake_is_named(text: str, says: str) -> None:
    with pytest.raises(UserError, match=f"--fault {text}.*{says}") as refused:
        parse_fault(text)
    assert "\n" not in str(refused.value)
