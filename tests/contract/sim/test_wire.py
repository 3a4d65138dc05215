"""The real process on real sockets: start, header spelling, cut connections, stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

ACCEPT = ["--accept-any-key", "--codes", "24", "--day", "2025-06-27", "--start", "09:00:05", "--speed", "0"]
KEYS = {"grant_type": "client_credentials", "appkey": "any", "appsecret": "any", "secretkey": "any"}


class Process:
    """One exchange in its own process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.token_file = folder / "token"
        started = time.monotonic()
        ports = ["--port", "0", "--admin-port", "0", "--admin-token-file", str(self.token_file)]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "jennie_sim", *ports, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.child.stdout
        line = self.child.stdout.readline()
        self.seconds_to_start = time.monotonic() - started
        self.facts: Any = json.loads(line) if line else {}

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request on a fresh connection."""
        connection = HTTPConnection("127.0.0.1", self.facts["port"], timeout=10)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers or {})
        return connection.getresponse()

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the admin port."""
        connection = HTTPConnection("127.0.0.1", self.facts["admin_port"], timeout=10)
        token = self.token_file.read_text().strip()
        connection.request(
            method, path, json.dumps(body) if body is not None else None, {"Authorization": f"Bearer {token}"}
        )
        return json.loads(connection.getresponse().read())

    def stop(self) -> int:
        """SIGTERM and the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(10)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    made = Process(tmp_path_factory.mktemp("sim"), *ACCEPT)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def headers(process: Process) -> dict[str, str]:
    token = json.loads(process.call("POST", "/oauth2/tokenP", KEYS).read())["access_token"]
    return {"appKey": "any", "appSecret": "any", "Authorization": f"Bearer {token}", "tr_id": "FHPUP02100000"}


def test_header_names_are_spelled_as_published_clients_need_them(process: Process, headers: dict[str, str]) -> None:
    reply = process.call("GET", "/any/path?FID_INPUT_ISCD=0001", headers=headers)
    names = [name for name, _ in reply.getheaders()]
    assert {"Content-Type", "Content-Length", "tr_id", "tr_cont", "gt_uid"} <= set(names)
    assert all(name[0].isupper() or name in ("tr_id", "tr_cont", "gt_uid") for name in names)


@pytest.mark.parametrize("name", ["drop_request", "accept_then_drop_reply"])
def test_a_dropped_reply_resets_the_connection(process: Process, headers: dict[str, str], name: str) -> None:
    process.admin("POST", "/admin/faults", {"name": name, "endpoint": "inquire-index-price", "count": 1})
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        process.call("GET", "/", headers=headers)
    assert process.call("GET", "/", headers=headers).status == 200


def test_the_admin_token_is_private(process: Process) -> None:
    assert process.token_file.stat().st_mode & 0o077 == 0


def test_both_ports_listen_on_loopback_only(process: Process) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
        "127.0.0.1",
        "127.0.1.1",
    }
    for address in addresses:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((str(address), process.facts["port"])) != 0


def test_a_taken_port_is_one_line_and_an_exit_code(process: Process, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "jennie_sim", *ACCEPT, "--port", str(process.facts["port"]), "--admin-port", "0",
         "--admin-token-file", str(tmp_path / "token")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert second.stderr.strip() == (
        f"jennie sim: port {process.facts['port']} is taken; choose another one or end what listens there"
    )


def test_a_missing_pack_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jennie_sim", "--pack", str(tmp_path / "none")],
        capture_output=True, text=True, timeout=30, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no such session pack folder" in done.stderr


def test_it_stops_gracefully(tmp_path: Path) -> None:
    process = Process(tmp_path, *ACCEPT, "--ledger-file", str(tmp_path / "ledger.jsonl"))
    assert process.facts["event"] == "listening"
    assert process.stop() == 0
