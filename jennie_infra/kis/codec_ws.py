"""Frames of the broker's WebSocket: control frames, trades and encrypted notices, by wire revision (section 4)."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import ANNOUNCING_PHASES, Tick
from jennie_infra.kis.tr_ids import NOTICE_FEED, TRADE_FEED

REGISTER: Final = "1"
RELEASE: Final = "2"
SUBSCRIBED = "OPSP0000"
RELEASED = "OPSP0001"
ALREADY_SUBSCRIBED = "OPSP0002"
NOT_SUBSCRIBED = "OPSP0003"
MAX_SUBSCRIBED = "OPSP0008"
KEY_IN_USE = "OPSP8996"
NOTICE_IDS = frozenset(NOTICE_FEED.values())
AES_BLOCK_BITS = 128
PHASES = frozenset("0ABCD")
"""HOUR_CLS_CODE: continuous trading, the announcements, after hours."""

MOST_KRW = 100_000_000
MOST_SHARES = 10_000_000_000
"""Far above any price and any day's shares of KRX: beyond them two fields have run together. Streams take 64 bits."""
COUNT_DIGITS = 6
_YEAR_TEXTS = frozenset(map(str, range(2000, 2100)))

_WIDTHS = {"trade": (46, 47), "book": (59, 63), "notice": (23, 26)}


@dataclass(frozen=True, slots=True)
class WireLayout:
    """Field counts per record; the market changed them on 2026-09-14 (46 to 47 and 59 to 63)."""

    trade: int
    book: int
    notice: int

    @staticmethod
    def parse(text: str) -> "WireLayout":
        """From `47/63/26`; raises ValueError for a count that never existed."""
        parts = text.split("/")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise ValueError(f"wire revision {text!r} is not of the form 47/63/26")
        layout = WireLayout(*map(int, parts))
        for name, widths in _WIDTHS.items():
            if getattr(layout, name) not in widths:
                raise ValueError(f"wire revision {text!r}: a {name} record has {widths[0]} or {widths[1]} fields")
        return layout


@dataclass(frozen=True, slots=True)
class PingPong:
    """The heartbeat with the exchange's time; `raw` is echoed."""

    at_us: int
    raw: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Answer to a registration or release."""

    tr_id: str
    tr_key: str
    ok: bool
    code: str
    text: str
    cipher_key: str = ""
    cipher_iv: str = ""


class TradeRecord(NamedTuple):
    """A decoded trade: the tick, the previous close that its own change fields imply, and whether the distance to the
    day's open (OPRC_VRSS_PRPR) agrees with its price.
    """

    tick: Tick
    base_krw: int
    agrees: bool = True


@dataclass(frozen=True, slots=True)
class Trades:
    """Records of one trade frame in order; `impossible` counts those whose values contradict each other, by reason."""

    records: list[TradeRecord]
    impossible: dict[str, int]


@dataclass(frozen=True, slots=True)
class RawNotices:
    """Decrypted records of one notice frame, as field lists."""

    records: list[list[str]]


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that cannot be read; counted by reason and kept for inspection."""

    reason: str
    raw: str


Frame = PingPong | Ack | Trades | RawNotices | BadFrame


def subscription(approval_key: str, action: Literal["1", "2"], tr_id: str, tr_key: str) -> str:
    """Client frame that registers (1) or releases (2) one key."""
    header = {"approval_key": approval_key, "custtype": "P", "tr_type": action, "content-type": "utf-8"}
    return orjson.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}).decode()


class FrameDecoder:
    """Decodes the frames of one connection; learns the notice key and iv from the acknowledgements."""

    def __init__(self, layout: WireLayout) -> None:
        self._layout = layout
        self._key = b""
        self._iv = b""
        self._second_text = ""
        self._second_us = 0
        self._days: dict[str, int] = {}

    def decode(self, raw: str, received_us: int) -> Frame:
        """One text frame. Never raises: what cannot be read is a BadFrame."""
        if raw[:1] == "{":
            return self._control(raw)
        parts = raw.split("|", 3)
        if len(parts) != 4 or parts[0] not in ("0", "1"):
            return BadFrame("shape", raw)
        flag, tr_id, count_text, payload = parts
        if (
            not (count_text.isascii() and count_text.isdigit() and len(count_text) <= COUNT_DIGITS)
            or int(count_text) == 0
        ):
            return BadFrame("count", raw)
        if tr_id == TRADE_FEED and flag == "0":
            return self._trades(payload, int(count_text), received_us, raw)
        if tr_id in NOTICE_IDS:
            return self._notices(payload, int(count_text), flag, raw)
        return BadFrame("unknown_feed", raw)

    def _control(self, raw: str) -> Frame:
        try:
            document = orjson.loads(raw)
            header = document["header"]
            if header["tr_id"] == "PINGPONG":
                return PingPong(_date_time_us(header["datetime"]), raw)
            body = document["body"]
            output: Any = body.get("output") or {}
            ack = Ack(
                tr_id=str(header["tr_id"]),
                tr_key=str(header.get("tr_key") or ""),
                ok=str(body["rt_cd"]) == "0",
                code=str(body["msg_cd"]),
                text=str(body["msg1"]).strip(),
                cipher_key=str(output.get("key") or ""),
                cipher_iv=str(output.get("iv") or ""),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            return BadFrame("control", raw)
        if ack.tr_id in NOTICE_IDS and ack.ok and ack.cipher_key and ack.cipher_iv:
            self._key, self._iv = ack.cipher_key.encode(), ack.cipher_iv.encode()
        return ack

    def _trades(self, payload: str, count: int, received_us: int, raw: str) -> Frame:
        fields = payload.split("^")
        width = self._layout.trade
        if len(fields) != count * width:
            return BadFrame("field_count", raw)
        records: list[TradeRecord] = []
        impossible: dict[str, int] = {}
        for at in range(0, len(fields), width):
            try:
                problem = self._trade(fields, at, received_us, records)
            except ValueError:
                problem = "not_a_number"
            if problem:
                impossible[problem] = impossible.get(problem, 0) + 1
        return Trades(records, impossible)

    def _trade(self, fields: list[str], at: int, received_us: int, records: list[TradeRecord]) -> str:
        """Append the record at `at`, or name what is impossible about it. Positions are those of section 4.4."""
        code = fields[at]
        if len(code) != 6 or not (code.isalnum() and code.isascii()):
            return "code"
        price = int(fields[at + 2])
        change = int(fields[at + 4])
        if change > 0 and fields[at + 3] in ("4", "5"):
            change = -change
        base = price - change
        high, low, volume = int(fields[at + 8]), int(fields[at + 9]), int(fields[at + 12])
        phase = fields[at + 43]
        if phase not in PHASES:
            return "phase"
        # an announcement trades nothing: before the opening cross it has no high and low either
        if not 0 < price <= MOST_KRW or base <= 0 or not (low <= price <= high or phase in ANNOUNCING_PHASES):
            return "price"
        if not abs(abs(change) / base * 100 - abs(float(fields[at + 5]))) <= 0.02:  # also for "nan"
            return "change"
        cumulative = int(fields[at + 13])
        if not 0 <= volume <= cumulative <= MOST_SHARES:
            return "volume"
        ask, bid = int(fields[at + 10]), int(fields[at + 11])
        if not (0 <= ask <= MOST_KRW and 0 <= bid <= MOST_KRW):
            return "quote"
        exchange_us = self._exchange_us(fields[at + 33], fields[at + 1])
        tick = Tick(code, price, volume, cumulative, ask, bid, exchange_us, received_us, phase)
        agrees = abs(price - int(fields[at + 7])) == abs(int(fields[at + 26])) or phase in ANNOUNCING_PHASES
        records.append(TradeRecord(tick, base, agrees))
        return ""

    def _exchange_us(self, day_text: str, time_text: str) -> int:
        text = day_text + time_text
        if text != self._second_text:
            midnight = self._days.get(day_text)
            if midnight is None:
                if day_text[:4] not in _YEAR_TEXTS:
                    raise ValueError("no year of this century")
                midnight = self._days[day_text] = _date_time_us(day_text + "000000")
            self._second_us = midnight + _seconds_of_day(time_text) * 1_000_000
            self._second_text = text
        return self._second_us

    def _notices(self, payload: str, count: int, flag: str, raw: str) -> Frame:
        if flag == "1":
            plain = decrypt(payload, self._key, self._iv)
            if plain is None:
                return BadFrame("decrypt", raw)
            payload = plain
        fields = payload.split("^")
        width = self._layout.notice
        if len(fields) != count * width:
            return BadFrame("field_count", raw)
        return RawNotices([fields[at : at + width] for at in range(0, len(fields), width)])


def decrypt(payload: str, key: bytes, iv: bytes) -> str | None:
    """base64(AES-256-CBC(PKCS7(text))) back to text; None when key or data do not fit."""
    try:
        decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
        padded = decryptor.update(base64.b64decode(payload, validate=True)) + decryptor.finalize()
        unpadder = PKCS7(AES_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):
        return None


def _seconds_of_day(text: str) -> int:
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise ValueError("not HHMMSS")
    hours, minutes, seconds = int(text[:2]), int(text[2:4]), int(text[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("not a time of day")
    return hours * 3600 + minutes * 60 + seconds


def _date_time_us(text: str) -> int:
    return to_epoch_us(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=KST))
