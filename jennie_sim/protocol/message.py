"""Requests and replies of the REST side, and the broker's result codes."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from jennie_sim.exchange.orders import Refusal


@dataclass(slots=True)
class Request:
    """One call. `params` holds query or JSON body with upper-case names; `headers` lower-case names."""

    path: str
    method: str
    headers: dict[str, str]
    params: dict[str, Any]
    body: bytes = b""

    @property
    def tr_id(self) -> str:
        """As sent, blanks stripped."""
        return self.headers.get("tr_id", "").strip()

    @property
    def is_paper(self) -> bool:
        """Whether the mock-trading family of ids is used; it decides only the flavour of codes."""
        return self.tr_id.startswith("V")

    def text(self, name: str, default: str = "") -> str:
        """A parameter as text, blanks stripped."""
        value = self.params.get(name)
        return default if value is None else str(value).strip()

    def number(self, name: str) -> int | None:
        """A whole number; None when it is not one."""
        text = self.text(name)
        try:
            return int(float(text)) if text else 0
        except (ValueError, OverflowError):
            return None

    @property
    def account(self) -> str:
        """CANO and ACNT_PRDT_CD joined: ten digits."""
        return self.text("CANO") + self.text("ACNT_PRDT_CD")


@dataclass(slots=True)
class Reply:
    """Status, JSON body and paging mark of one answer."""

    body: dict[str, Any]
    status: int = 200
    tr_cont: str = ""
    raw: bytes | None = field(default=None)

    def encode(self) -> bytes:
        """The body as JSON."""
        return self.raw if self.raw is not None else orjson.dumps(self.body)


def ok(msg_cd: str = "MCA00000", msg1: str = "정상처리 되었습니다.", tr_cont: str = "", **parts: Any) -> Reply:
    """A successful answer in the usual envelope."""
    return Reply({**parts, "rt_cd": "0", "msg_cd": msg_cd, "msg1": msg1}, tr_cont=tr_cont)


def failure(msg_cd: str, msg1: str, rt_cd: str = "1", status: int = 200) -> Reply:
    """An unsuccessful answer in the usual envelope; business refusals are HTTP 200."""
    return Reply({"rt_cd": rt_cd, "msg_cd": msg_cd, "msg1": msg1}, status=status)


def oauth_failure(code: str, text: str) -> Reply:
    """The token endpoint's own shape of refusal: HTTP 403 without the envelope."""
    return Reply({"error_description": text, "error_code": code}, status=403)


@dataclass(frozen=True, slots=True)
class Wording:
    """How the broker words a refusal: real and paper code, rt_cd, text. Codes marked below are not verified."""

    real: str
    paper: str
    text: str
    rt_cd: str = "1"


_SENT = "모의투자 주문처리가 안되었습니다"

REFUSALS: dict[Refusal, Wording] = {
    Refusal.UNKNOWN_ACCOUNT: Wording("OPSQ2000", "OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO", "2"),
    Refusal.ACCOUNT_TYPE: Wording("APBK1744", "APBK1744", "주문이 불가한 계좌입니다."),
    Refusal.UNKNOWN_CODE: Wording("APBK0656", "40070000", "해당종목정보가 없습니다."),
    Refusal.BAD_QUANTITY: Wording("APBK0988", "40080000", "주문수량을 확인하여 주십시오."),  # codes unverified
    Refusal.BAD_PRICE: Wording("APBK0989", "40090000", "주문단가를 확인하여 주십시오."),  # codes unverified
    Refusal.TICK_SIZE: Wording("APBK0506", "40030000", f"{_SENT}(호가단위 오류)"),  # real code unverified
    Refusal.PRICE_LIMIT: Wording("APBK0507", "40020000", f"{_SENT}(상하한가 초과)"),  # codes unverified
    Refusal.ORDER_TYPE: Wording("APBK0518", "40050000", "주문구분을 확인하여 주십시오."),  # codes unverified
    Refusal.VENUE: Wording("APBK0519", "40060000", "거래소구분을 확인하여 주십시오."),  # codes unverified
    Refusal.HALTED: Wording("APBK1077", "40070000", f"{_SENT}(매매불가 종목)"),  # real code unverified
    Refusal.NOT_TRADABLE: Wording("APBK1078", "40070000", f"{_SENT}(매매불가 종목)"),  # real code unverified
    Refusal.BEFORE_ENTRY: Wording("APBK0918", "40570000", "장 시작전 입니다."),
    Refusal.AFTER_CLOSE: Wording("APBK0918", "40580000", "장종료 되었습니다."),
    Refusal.CASH: Wording("APBK0952", "40250000", "주문가능금액을 초과 했습니다.", "7"),
    Refusal.SHARES: Wording("APBK0400", "40240000", "주문가능수량을 초과 했습니다."),
    Refusal.NO_HOLDING: Wording("APBK0400", "40240000", "잔고내역이 없습니다."),
    Refusal.UNKNOWN_ORDER: Wording("APBK0344", "40320000", "원주문번호가 존재하지 않습니다."),  # real code unverified
    Refusal.NOTHING_LEFT: Wording("APBK0345", "40330000", "정정/취소 가능수량이 없습니다."),  # real code unverified
}


def refusal(reason: Refusal, paper: bool, detail: str = "") -> Reply:
    """A business refusal in the broker's words."""
    wording = REFUSALS[reason]
    text = f"{wording.text} [{detail}]" if detail else wording.text
    return failure(wording.paper if paper else wording.real, text, "1" if paper else wording.rt_cd)
