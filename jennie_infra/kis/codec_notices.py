"""Order and execution notices (체결통보, H0STCNI0/9) as domain messages, with keys that make repeats recognisable.

KIS gives no execution id. The key of a notice is order number, kind, time, quantity, price and its position among
equal ones *of the session* (one connection). Inside a session KIS delivers in order, so the n-th equal notice is the
n-th equal fill. A new session starts counting again: what a reconnect delivers once more gets the keys it had before
and counts as a repeat. A genuine fill equal in all five values to one of an earlier session is then taken for a repeat
too; the desk's reconciliation finds it. Missing a fill for some seconds is the safe side: counting one twice is not.
"""

from datetime import date

from pydantic import ValidationError

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.orders import ExecutionNotice
from jennie_infra.kis.codec_rest import compact_day, instant, order_number
from jennie_infra.kis.errors import KisMalformedError

EXECUTION = "2"
CANCEL = "2"
CONFIRMED = "2"
REMAINDER_CANCELLED = "3"
_SIDES = {"01": OrderSide.SELL, "02": OrderSide.BUY}


class NoticeError(ValueError):
    """A record that is no notice of ours; the message names the reason for the counter."""


class NoticeDecoder:
    """Decodes the notices of one session (connection)."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._seen: dict[str, int] = {}

    def decode(self, fields: list[str], on: date, received_us: int) -> ExecutionNotice:
        """One record of 23 or 26 fields (the first 18 are the same); raises NoticeError. `on` is the market day."""
        account = fields[1].replace("-", "").strip()
        if account not in (self._account, self._account[:8]):
            raise NoticeError("other_account")
        try:
            number = order_number(fields[2])
            is_execution = fields[13].strip() == EXECUTION
            is_rejected = fields[12].strip() == "1"
            accepted = fields[14].strip()
            cancels = fields[5].strip() == CANCEL and accepted == CONFIRMED
            quantity, price = int(fields[9]), _price(fields[10], is_execution)
            at = instant(compact_day(on), fields[11].strip())
            base, repetition = self._base_and_repetition(number, is_execution, fields, quantity, price)
            return ExecutionNotice(
                notice_key=f"{base}:{repetition}",
                repetition=repetition,
                order_number=number,
                original_order_number=order_number(fields[3]),
                stock_code=fields[8].strip(),
                side=_SIDES[fields[4].strip()],
                is_execution=is_execution,
                is_rejected=is_rejected,
                is_cancel_confirmation=not is_execution
                and not is_rejected
                and (cancels or accepted == REMAINDER_CANCELLED),
                quantity=quantity,
                price_krw=price,
                order_quantity=int(fields[16]),
                exchange_at=at,
                received_us=received_us,
            )
        except (ValidationError, KeyError, ValueError, KisMalformedError) as error:
            raise NoticeError("malformed") from error

    def _base_and_repetition(
        self, number: str, is_execution: bool, fields: list[str], quantity: int, price: int
    ) -> tuple[str, int]:
        kind = "x" if is_execution else f"n{fields[5].strip()}{fields[12].strip()}{fields[14].strip()}"
        base = f"{number}:{kind}:{fields[11].strip()}:{quantity}:{price}"
        ordinal = self._seen.get(base, 0)
        self._seen[base] = ordinal + 1
        return base, ordinal


def _price(text: str, is_execution: bool) -> int:
    """A market order's acceptance notice may have a blank price; an execution may not."""
    if not text.strip() and not is_execution:
        return 0
    return int(text)
