"""The second step of a destructive command, bound to chat, content and time (drill 37)."""

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from jennie_core.domain.base import canonical_hash

LIFE_SECONDS = 60.0
MOST_TRIES = 3


@dataclass(slots=True)
class Pending:
    """A command that waits for its confirmation. `content` is computed again at confirmation and must be equal."""

    code: str
    summary: str
    content: str
    recompute: Callable[[], Awaitable[object]]
    act: Callable[[], Awaitable[str]]
    expires: float
    tries: int = field(default=0)


class Confirmations:
    """At most one pending command per chat; a newer one replaces it. Lost at a restart, which is the safe side."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pending: dict[int, Pending] = {}
        self._monotonic = monotonic

    def ask(
        self,
        chat: int,
        summary: str,
        content: object,
        recompute: Callable[[], Awaitable[object]],
        act: Callable[[], Awaitable[str]],
    ) -> str:
        """Keep a command and return the code that confirms it."""
        code = f"{secrets.randbelow(9_000) + 1_000}"
        self._pending[chat] = Pending(
            code, summary, canonical_hash(content), recompute, act, self._monotonic() + LIFE_SECONDS
        )
        return code

    def cancel(self, chat: int) -> bool:
        """Forget what waits; False when nothing did."""
        return self._pending.pop(chat, None) is not None

    async def confirm(self, chat: int, code: str) -> str:
        """Act once when chat, code, time and content fit; otherwise say why not."""
        pending = self._pending.get(chat)
        if pending is None:
            return "확인을 기다리는 명령이 없습니다. 명령을 다시 보내세요."
        if self._monotonic() >= pending.expires:
            del self._pending[chat]
            return f"확인 시간 {LIFE_SECONDS:.0f}초가 지났습니다. 실행하지 않았습니다. 명령을 다시 보내세요."
        if not hmac.compare_digest(pending.code.encode(), code.encode()):
            pending.tries += 1
            if pending.tries >= MOST_TRIES:
                del self._pending[chat]
                return "번호가 세 번 틀려 취소했습니다. 명령을 다시 보내세요."
            return "번호가 다릅니다. /confirm 뒤에 받은 번호를 보내세요."
        del self._pending[chat]
        if canonical_hash(await pending.recompute()) != pending.content:
            return "그사이 내용이 바뀌어 실행하지 않았습니다. 명령을 다시 보내 새 내용을 확인하세요."
        return await pending.act()
