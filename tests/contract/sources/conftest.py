"""A local server that replays what a data source is documented to reply, and every way in which it may fail."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from jennie_infra.sources.web.kept import KeptReplies


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """One reply: bytes as they are, text as UTF-8, anything else as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes on the wire."""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)


Script = Callable[[Asked], Answer]


class ReplayServer:
    """Answers by `script` on loopback and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: Script = lambda _asked: Answer("nothing is scripted", status=404)
        replay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's own name
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                asked = Asked(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
                replay.asked.append(asked)
                answer = replay.script(asked)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def always(self, body: Any, status: int = 200, **headers: str) -> None:
        """Give every request this one reply."""
        answer = Answer(body, status, headers)
        self.script = lambda _asked: answer

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    """A replay server of one test."""
    replay = ReplayServer()
    yield replay
    replay.close()


@pytest.fixture
def kept(tmp_path: Path) -> KeptReplies:
    """Where refused replies are kept."""
    return KeptReplies(tmp_path / "replies")


LOGIN_PAGE = "<!DOCTYPE html><html><head><title>로그인</title></head><body>세션이 만료되었습니다</body></html>"
