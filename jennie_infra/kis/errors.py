"""Failures of the broker, classified by the code in the body and by nothing else (drill 2).

KisError
+- KisUnavailableError     no answer, an answer without meaning, a passing fault at the broker
|  +- KisUnreachedError    no connection, so nothing was asked
|  +- KisRateLimitedError  too many requests; the token is as good as before
|  +- KisTokenDeadError    the token must be issued again
|  +- BreakerOpenError     not asked: the last reads all failed
|  +- BudgetExhaustedError not asked: no room in the request budget
|  +- TokenUnavailableError not asked: no token, and none may be issued yet
+- KisRefusedError         the broker said no, and said why
+- KisMalformedError       the reply does not have the documented shape
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

OK_CODE = "0"


class FailureClass(StrEnum):
    """What a failed reply means."""

    RATE_LIMIT = "rate_limit"
    TOKEN_DEAD = "token_dead"
    REFUSED = "refused"
    TRANSIENT = "transient"  # a fault at the broker: a read may be asked again, an order's outcome is unknown
    UNKNOWN = "unknown"  # not in the table: a read has failed, an order's outcome is unknown


class KisError(Exception):
    """Base; `rule` and `status` go into the gateway's answer."""

    status = 502

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail


class KisUnavailableError(KisError):
    """No usable answer."""

    status = 503


class KisUnreachedError(KisUnavailableError):
    """No connection to the host: the request certainly did not leave."""


class KisRateLimitedError(KisUnavailableError):
    """The broker counted too many requests."""

    status = 429


class KisTokenDeadError(KisUnavailableError):
    """The broker does not know the token any more."""


class BreakerOpenError(KisUnavailableError):
    """Reads rest after a row of failures."""


class BudgetExhaustedError(KisUnavailableError):
    """No room left in the account's request budget."""

    status = 429


class TokenUnavailableError(KisUnavailableError):
    """There is no token and none can be had in time."""


class KisRefusedError(KisError):
    """A business refusal with the broker's code and words."""

    status = 422

    def __init__(self, rule: str, code: str, text: str) -> None:
        super().__init__(rule, f"{code} {text}".strip())
        self.code = code
        self.text = text


class KisMalformedError(KisError):
    """A reply without the documented shape; the reading is unknown."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row of the table: the class of a code and the rule id a refusal carries."""

    failure: FailureClass
    rule: str


_RATE = ErrorRow(FailureClass.RATE_LIMIT, "BROKER-RATE")
_TOKEN = ErrorRow(FailureClass.TOKEN_DEAD, "BROKER-TOKEN")
_FAULT = ErrorRow(FailureClass.TRANSIENT, "BROKER-FAULT")
_TIMEOUT = ErrorRow(FailureClass.TRANSIENT, "BROKER-TIMEOUT")


def _no(rule: str) -> ErrorRow:
    return ErrorRow(FailureClass.REFUSED, rule)


ERROR_TABLE: dict[str, ErrorRow] = {
    # gateway (section 3.2)
    "EGW00001": _FAULT,
    "EGW00002": _FAULT,
    "EGW00003": _no("BROKER-ACCESS"),
    "EGW00004": _no("BROKER-ACCESS"),
    "EGW00101": _no("BROKER-REQUEST"),
    "EGW00102": _no("BROKER-KEY"),
    "EGW00103": _no("BROKER-KEY"),
    "EGW00104": _no("BROKER-KEY"),
    "EGW00105": _no("BROKER-KEY"),
    "EGW00115": _no("BROKER-REQUEST"),
    "EGW00116": _no("BROKER-REQUEST"),
    "EGW00121": _TOKEN,
    "EGW00122": _TOKEN,
    "EGW00123": _TOKEN,
    "EGW00131": _no("BROKER-REQUEST"),
    "EGW00132": _no("BROKER-REQUEST"),
    "EGW00133": ErrorRow(FailureClass.RATE_LIMIT, "BROKER-TOKEN-RATE"),
    "EGW00201": _RATE,
    "EGW00202": _FAULT,
    "EGW00203": _FAULT,
    "EGW00206": _no("BROKER-ACCESS"),
    "EGW00207": _no("BROKER-ACCESS"),
    "EGW00208": _no("BROKER-REQUEST"),
    "EGW00213": _no("BROKER-MODE"),
    "EGW00215": _RATE,
    "EGW00300": _FAULT,
    "EGW00301": _TIMEOUT,
    "EGW00302": _TIMEOUT,
    "EGW2004": _no("BROKER-MODE"),
    "OPSQ0002": _no("BROKER-REQUEST"),
    "OPSQ2000": _no("BROKER-ACCOUNT"),
    "OPSQ2001": _no("BROKER-REQUEST"),
    "OPSQ2002": _no("BROKER-REQUEST"),
    # orders, real host (section 3.3)
    "APBK0400": _no("BROKER-SHARES"),
    "APBK0344": _no("BROKER-NO-ORDER"),  # unverified
    "APBK0345": _no("BROKER-NOTHING-LEFT"),  # unverified
    "APBK0506": _no("BROKER-TICK"),  # unverified
    "APBK0507": _no("BROKER-PRICE-LIMIT"),  # unverified
    "APBK0518": _no("BROKER-ORDER-TYPE"),  # unverified
    "APBK0519": _no("BROKER-VENUE"),  # unverified
    "APBK0656": _no("BROKER-CODE"),
    "APBK0918": _no("BROKER-HOURS"),
    "APBK0919": _no("BROKER-DAY"),
    "APBK0952": _no("BROKER-CASH"),
    "APBK0988": _no("BROKER-QUANTITY"),  # unverified
    "APBK0989": _no("BROKER-PRICE"),  # unverified
    "APBK1077": _no("BROKER-HALTED"),  # unverified
    "APBK1078": _no("BROKER-NOT-TRADABLE"),  # unverified
    "APBK1744": _no("BROKER-ACCOUNT"),
    "APAC0489": _no("BROKER-ACCOUNT"),
    # orders, paper host
    "40020000": _no("BROKER-PRICE-LIMIT"),  # unverified
    "40030000": _no("BROKER-TICK"),
    "40050000": _no("BROKER-ORDER-TYPE"),  # unverified
    "40060000": _no("BROKER-VENUE"),  # unverified
    "40070000": _no("BROKER-NOT-TRADABLE"),
    "40080000": _no("BROKER-QUANTITY"),  # unverified
    "40090000": _no("BROKER-PRICE"),  # unverified
    "40100000": _no("BROKER-DAY"),
    "40240000": _no("BROKER-SHARES"),
    "40250000": _no("BROKER-CASH"),
    "40310000": _no("BROKER-CASH"),
    "40320000": _no("BROKER-NO-ORDER"),
    "40330000": _no("BROKER-NOTHING-LEFT"),
    "40570000": _no("BROKER-HOURS"),
    "40580000": _no("BROKER-HOURS"),
    # queries
    "MCA05918": _no("BROKER-CODE"),
    "MCA05762": _no("BROKER-EMPTY"),
}

_UNKNOWN = ErrorRow(FailureClass.UNKNOWN, "BROKER-UNKNOWN")


@dataclass(frozen=True, slots=True)
class Failure:
    """A reply that is not a success."""

    failure: FailureClass
    rule: str
    code: str
    text: str

    def as_error(self) -> KisError:
        """The exception of a failed read."""
        shown = f"{self.code or 'no code'} {self.text}".strip()
        if self.failure is FailureClass.RATE_LIMIT:
            return KisRateLimitedError(self.rule, shown)
        if self.failure is FailureClass.TOKEN_DEAD:
            return KisTokenDeadError(self.rule, shown)
        if self.failure is FailureClass.REFUSED:
            return KisRefusedError(self.rule, self.code, self.text)
        return KisUnavailableError(self.rule, shown)


def classify(status: int, body: Any) -> Failure | None:
    """None for a success (`rt_cd` is 0), else what the body's code means. The HTTP status decides nothing but its text.

    Token calls answer with `error_code` in place of the `rt_cd` envelope.
    """
    if not isinstance(body, dict):
        return Failure(FailureClass.UNKNOWN, _UNKNOWN.rule, "", f"status {status} without a JSON object")
    code = str(body.get("msg_cd") or body.get("error_code") or "").strip()
    text = str(body.get("msg1") or body.get("error_description") or "").strip()
    if str(body.get("rt_cd", "")).strip() == OK_CODE and code not in ERROR_TABLE:
        return None
    row = ERROR_TABLE.get(code, _UNKNOWN)
    return Failure(row.failure, row.rule, code, text or f"status {status}")
