"""One WebSocket session: its appkey, its registrations, and a fast way to write many frames at once."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from struct import pack

from jennie_sim.protocol.crypto import SessionCipher

TRADE, BOOK, OPERATION = "H0STCNT0", "H0STASP0", "H0STMKO0"
MARKET_DATA = (TRADE, BOOK, OPERATION)
NOTICES = ("H0STCNI0", "H0STCNI9")

_SHORT, _LONG = 126, 1 << 16


def pack_texts(texts: Iterable[str]) -> bytes:
    """Text messages as unmasked WebSocket frames, one after the other (RFC 6455, 5.2)."""
    parts: list[bytes] = []
    for text in texts:
        payload = text.encode()
        size = len(payload)
        if size < _SHORT:
            parts.append(bytes((0x81, size)))
        elif size < _LONG:
            parts.append(pack("!BBH", 0x81, 126, size))
        else:
            parts.append(pack("!BBQ", 0x81, 127, size))
        parts.append(payload)
    return b"".join(parts)


@dataclass(slots=True, eq=False)
class Session:
    """A connected client. `write` takes text messages and returns when the socket has taken them."""

    number: int
    write: Callable[[list[str]], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    app_key: str = ""
    cipher: SessionCipher = field(default_factory=SessionCipher.fresh)
    registrations: dict[tuple[str, str], None] = field(default_factory=dict)
    is_open: bool = True
    frames_sent: int = 0

    def keys_of(self, tr_id: str) -> list[str]:
        """Keys (codes, login ids) registered for one TR."""
        return [key for registered, key in self.registrations if registered == tr_id]

    @property
    def notice_ids(self) -> list[str]:
        """TR ids under which this session wants order notices."""
        return [tr_id for tr_id, _ in self.registrations if tr_id in NOTICES]
