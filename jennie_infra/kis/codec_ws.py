"""Frames of the broker's WebSocket: which kind a text is, and its records by wire revision (section 4)."""

from dataclasses import dataclass

from jennie_infra.kis.tr_ids import BOOK_FEED, NOTICE_FEED, TRADE_FEED
from jennie_infra.kis.ws_books import BookRecord, Books, decode_books
from jennie_infra.kis.ws_control import Ack, PingPong, decode_control
from jennie_infra.kis.ws_layout import WireLayout
from jennie_infra.kis.ws_notices import RawNotices, decrypt, split_notices
from jennie_infra.kis.ws_trades import TradeDecoder, TradeRecord, Trades

__all__ = [
    "NOTICE_IDS",
    "Ack",
    "BadFrame",
    "BookRecord",
    "Books",
    "Frame",
    "FrameDecoder",
    "PingPong",
    "RawNotices",
    "TradeRecord",
    "Trades",
    "WireLayout",
    "decrypt",
]

NOTICE_IDS = frozenset(NOTICE_FEED.values())
COUNT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that cannot be read; counted by reason and kept for inspection."""

    reason: str
    raw: str


Frame = PingPong | Ack | Trades | Books | RawNotices | BadFrame


class FrameDecoder:
    """Decodes the frames of one connection; learns the notice key and iv from the acknowledgements."""

    def __init__(self, layout: WireLayout) -> None:
        self._layout = layout
        self._trades = TradeDecoder(layout.trade)
        self._key = b""
        self._iv = b""

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
            return self._trades.decode(payload, int(count_text), received_us) or BadFrame("field_count", raw)
        if tr_id == BOOK_FEED and flag == "0":
            return decode_books(payload, int(count_text), self._layout.book) or BadFrame("field_count", raw)
        if tr_id in NOTICE_IDS:
            return self._notices(payload, int(count_text), flag, raw)
        return BadFrame("unknown_feed", raw)

    def _control(self, raw: str) -> Frame:
        found = decode_control(raw)
        if found is None:
            return BadFrame("control", raw)
        if isinstance(found, Ack) and found.tr_id in NOTICE_IDS and found.ok and found.cipher_key and found.cipher_iv:
            self._key, self._iv = found.cipher_key.encode(), found.cipher_iv.encode()
        return found

    def _notices(self, payload: str, count: int, flag: str, raw: str) -> Frame:
        if flag == "1":
            plain = decrypt(payload, self._key, self._iv)
            if plain is None:
                return BadFrame("decrypt", raw)
            payload = plain
        return split_notices(payload, count, self._layout.notice) or BadFrame("field_count", raw)
