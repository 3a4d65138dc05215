"""A call to a server of the OpenAI kind: bounded, retried where that is safe, its answer validated here."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson
import pytest

from jennie_core.scoring.council_replies import StrategistReply
from jennie_infra.llm.openai_compatible import DEADLINE_SECONDS, RETRIES, OpenAiCompatibleModel
from jennie_infra.llm.provider import Answer, Prompt

GOOD = '{"overall_sentiment": "neutral", "sentiment_score": 48, "regime_hint": "x"}'


class Server:
    """Answers chat completions with prepared (status, text) pairs."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, str]] = []
        self.bodies: list[dict[str, Any]] = []


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    script = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.bodies.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, text = script.replies.pop(0)
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            data = orjson.dumps(body | {"usage": usage})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield script, f"http://127.0.0.1:{httpd.server_port}/v1"
    httpd.shutdown()
    httpd.server_close()


def ask(address: str) -> Answer[StrategistReply]:
    model = OpenAiCompatibleModel(address, "exaone", None)
    return model.ask(Prompt(service="macro_council", system="s", user="u"), StrategistReply)


@pytest.mark.rule("R-LLM-05", "R-LLM-06", "R-LLM-09")
def test_an_answer_is_taken_out_of_its_wrapping_and_validated(server: tuple[Server, str]) -> None:
    script, address = server
    script.replies = [(200, f"<think>{{}}</think>\n```json\n{GOOD}\n```")]
    answer = ask(address)
    assert answer.value is not None
    assert answer.value.sentiment_score == 48
    assert (answer.tokens_in, answer.tokens_out) == (7, 3)
    assert script.bodies[0]["temperature"] == 0.3


@pytest.mark.rule("R-LLM-05", "R-CNL-06")
@pytest.mark.parametrize("score", ["null", "NaN", '"high"', "[]"])
def test_a_reply_that_is_none_is_a_named_failure(server: tuple[Server, str], score: str) -> None:
    script, address = server
    script.replies = [(200, GOOD.replace("48", score))]
    answer = ask(address)
    assert answer.value is None
    assert answer.problem


@pytest.mark.rule("R-LLM-10")
def test_a_busy_server_is_asked_again_twice_and_then_named(server: tuple[Server, str]) -> None:
    script, address = server
    script.replies = [(429, ""), (503, ""), (200, GOOD)]
    assert ask(address).value is not None
    script.replies = [(503, "")] * 3
    answer = ask(address)
    assert (answer.value, answer.problem.partition(":")[0]) == (None, "InternalServerError")
    assert len(script.bodies) == 6
    assert (DEADLINE_SECONDS, RETRIES) == (60.0, 2)
