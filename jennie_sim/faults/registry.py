"""Which faults are switched on, and how often each has struck."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FaultName(StrEnum):
    """Every fault of the rehearsal exchange."""

    DROP_REQUEST = "drop_request"
    ACCEPT_THEN_DROP_REPLY = "accept_then_drop_reply"
    DELAY = "delay"
    STATUS = "status"
    PARTIAL_FILL = "partial_fill"
    DUPLICATE_NOTICE = "duplicate_notice"
    REORDER_NOTICES = "reorder_notices"
    SWALLOW_NOTICE = "swallow_notice"
    STALL_TICKS = "stall_ticks"
    REVOKE_TOKEN = "revoke_token"
    GARBLE_FRAME = "garble_frame"
    REJECT = "reject"
    CLOCK = "clock"
    MARKET_FALL = "market_fall"


PARAMETERS: dict[FaultName, dict[str, Any]] = {
    FaultName.DROP_REQUEST: {"how": "reset"},
    FaultName.ACCEPT_THEN_DROP_REPLY: {"how": "reset"},
    FaultName.DELAY: {"ms": 1_000, "after": False},
    FaultName.STATUS: {"status": 500, "body": None, "msg_cd": "EGW00002", "msg1": "서버 에러가 발생했습니다."},
    FaultName.PARTIAL_FILL: {"ratio": 0.5},
    FaultName.DUPLICATE_NOTICE: {"times": 2},
    FaultName.REORDER_NOTICES: {"seed": 1},
    FaultName.SWALLOW_NOTICE: {},
    FaultName.STALL_TICKS: {"codes": None, "heartbeat": True},
    FaultName.REVOKE_TOKEN: {},
    FaultName.GARBLE_FRAME: {"seed": 1},
    FaultName.REJECT: {"late": False, "reason": None, "rt_cd": "1", "msg_cd": None, "msg1": "주문이 거부되었습니다."},
    FaultName.CLOCK: {"offset_seconds": 60},
    FaultName.MARKET_FALL: {"pct": 9.0, "after_minutes": 60, "minutes": 10},
}
"""Parameters of each fault with their defaults.

`how`: reset the connection, or hang until the client gives up. `late`: accept the order and reject it by notice.
"""


class UnknownFaultError(ValueError):
    """The name or a parameter does not exist; the message lists what does."""


@dataclass(slots=True)
class Fault:
    """One switched-on fault.

    `endpoint` is the last part of a REST path, a tr_id, a code, or * for all; `left` None = until it is switched off.
    """

    id: int
    name: FaultName
    endpoint: str
    left: int | None
    params: dict[str, Any]
    skip: int = 0
    probability: float = 1.0
    hits: int = 0
    seed: int = 1
    dice: random.Random = field(default_factory=random.Random)

    def chances(self, occasion: str) -> bool:
        """Whether the dice let it strike."""
        if self.probability >= 1:
            return True
        dice = random.Random(f"{self.seed}:{self.id}:{occasion}") if occasion else self.dice
        return dice.random() < self.probability

    def as_dict(self) -> dict[str, Any]:
        """For the admin port."""
        return {
            "id": self.id,
            "name": self.name.value,
            "endpoint": self.endpoint,
            "left": self.left,
            "skip": self.skip,
            "probability": self.probability,
            "hits": self.hits,
            "params": self.params,
        }


@dataclass(slots=True)
class FaultRegistry:
    """Faults in the order in which they were switched on; the first one that fits strikes."""

    faults: list[Fault] = field(default_factory=list)
    switched_on: int = 0

    def switch_on(
        self,
        name: str,
        endpoint: str = "*",
        count: int | None = None,
        skip: int = 0,
        params: dict[str, Any] | None = None,
        probability: float = 1.0,
        seed: int = 1,
    ) -> Fault:
        """Switch a fault on for `count` occasions (None = until switched off), after letting `skip` pass.

        Of the occasions left it strikes a share of `probability`, drawn from `seed`.
        """
        try:
            known = FaultName(name)
        except ValueError:
            names = ", ".join(fault.value for fault in FaultName)
            raise UnknownFaultError(f"unknown fault {name!r}; known are {names}") from None
        defaults = PARAMETERS[known]
        if unknown := sorted(set(params or {}) - set(defaults)):
            raise UnknownFaultError(
                f"fault {name} has no parameter {unknown[0]!r}; it has {', '.join(defaults) or 'none'}"
            )
        self.switched_on += 1
        dice = random.Random(f"{seed}:{self.switched_on}")
        chosen = {**defaults, **(params or {})}
        fault = Fault(self.switched_on, known, endpoint, count, chosen, skip, probability, seed=seed, dice=dice)
        self.faults.append(fault)
        return fault

    def switch_off(self, fault_id: int | None = None) -> int:
        """Switch one fault or all of them off; returns how many."""
        before = len(self.faults)
        self.faults = [fault for fault in self.faults if fault_id is not None and fault.id != fault_id]
        return before - len(self.faults)

    def active(self, name: FaultName) -> Fault | None:
        """A switched-on fault of this name, without counting."""
        return next((fault for fault in self.faults if fault.name is name and fault.left != 0), None)

    def strike(self, name: FaultName, *targets: str, occasion: str = "") -> Fault | None:
        """The fault that strikes now, counted; None when nothing is switched on for any of the targets.

        With an `occasion` that names what happens (not when it arrived), the same one is struck in every run of a day,
        whichever of two clients comes first.
        """
        for fault in self._fitting(name, targets):
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if not fault.chances(occasion):
                continue
            fault.hits += 1
            if fault.left is not None:
                fault.left -= 1
            return fault
        return None

    def _fitting(self, name: FaultName, targets: tuple[str, ...]) -> Iterator[Fault]:
        for fault in self.faults:
            if fault.name is name and fault.left != 0 and (fault.endpoint == "*" or fault.endpoint in targets):
                yield fault

    def __bool__(self) -> bool:
        return bool(self.faults)
