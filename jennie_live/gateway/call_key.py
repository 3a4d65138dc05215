"""Names of order calls: an intent has one order, any number of revisions and any number of attempts to cancel."""

import re
from dataclasses import dataclass
from enum import StrEnum

_NUMBERED = re.compile(r"(?P<kind>[rc])(?P<number>\d+):(?P<intent_id>.+)")


class CallKind(StrEnum):
    """What is asked of the broker; the value begins the key."""

    PLACE = ""
    REVISE = "r"
    CANCEL = "c"


@dataclass(frozen=True, slots=True)
class CallKey:
    """One call for ever (O2). `number` is the revision, or the attempt to cancel; 0 for the order itself."""

    intent_id: str
    kind: CallKind = CallKind.PLACE
    number: int = 0

    def __str__(self) -> str:
        return self.intent_id if self.kind is CallKind.PLACE else f"{self.kind.value}{self.number}:{self.intent_id}"

    @classmethod
    def parse(cls, text: str) -> "CallKey":
        """The inverse of `str`."""
        found = _NUMBERED.fullmatch(text)
        if found is None:
            return cls(text)
        return cls(found["intent_id"], CallKind(found["kind"]), int(found["number"]))
