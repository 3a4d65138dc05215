"""Exchange faults of a whole rehearsal day, as written on the command line."""

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from jennie_cli.errors import UserError
from jennie_sim.admin.bodies import FaultBody
from jennie_sim.faults.registry import FaultName, FaultRegistry, UnknownFaultError

OF_THE_FAULT = ("count", "skip", "probability", "seed")
GRAMMAR = "write it as name[@endpoint][:key=value,...], e.g. accept_then_drop_reply@order-cash:probability=0.05"


@dataclass(frozen=True, slots=True)
class DayFault:
    """One fault that is on from before the open until the end of the day."""

    text: str
    body: dict[str, Any]


def parse_fault(text: str) -> DayFault:
    """Read `name[@endpoint][:key=value,...]`; raises UserError with one line that names the mistake."""
    head, _, tail = text.strip().partition(":")
    name, _, endpoint = head.partition("@")
    body: dict[str, Any] = {"name": name, "endpoint": endpoint or "*", "params": {}}
    for pair in filter(None, tail.split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key:
            raise UserError(f"--fault {text}: {pair!r} is no key=value; {GRAMMAR}")
        (body if key in OF_THE_FAULT else body["params"])[key] = _value(value)
    try:
        checked = FaultBody.model_validate(body)
        fault = FaultRegistry().switch_on(
            name, checked.endpoint, checked.count, checked.skip, checked.params, checked.probability, checked.seed
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(f"--fault {text}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    except UnknownFaultError as error:
        raise UserError(f"--fault {text}: {error}") from error
    if fault.name is FaultName.REVOKE_TOKEN:
        raise UserError(f"--fault {text}: revoke_token strikes once, not for a day; use the admin port")
    return DayFault(text.strip(), body)


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
