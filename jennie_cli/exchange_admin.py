"""The conductor's line to the rehearsal exchange: its admin port, which the trading plane never uses."""

import http.client
from datetime import datetime
from typing import Any

import orjson

from jennie_cli.errors import UserError


class ExchangeAdmin:
    """Keep-alive client of the admin port."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def another(self) -> "ExchangeAdmin":
        """A second line to the same port, for another thread."""
        return ExchangeAdmin(self._port, self._headers["Authorization"].removeprefix("Bearer "))

    def advance(self, until: datetime) -> dict[str, Any]:
        """Let market time run to `until`; to the present instant it only sends one more heartbeat."""
        return self._call("POST", "/admin/advance", {"until": until.isoformat()})

    def state(self) -> dict[str, Any]:
        """Market time, sessions connected, counts."""
        return self._call("GET", "/admin/state")

    def ledger(self) -> dict[str, Any]:
        """The exchange's own orders, fills, cash and holdings: the judge of a rehearsal."""
        return self._call("GET", "/admin/ledger")

    def violations(self) -> dict[str, Any]:
        """Broken broker limits, as recorded."""
        return self._call("GET", "/admin/violations")

    def faults(self, body: dict[str, Any]) -> dict[str, Any]:
        """Switch a fault on or off."""
        return self._call("POST", "/admin/faults", body)

    def active_faults(self) -> list[dict[str, Any]]:
        """Switched-on faults with their hits, in the order in which they were switched on."""
        rows: list[dict[str, Any]] = self._call("GET", "/admin/faults")["faults"]
        return rows

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        payload = None if body is None else orjson.dumps(body)
        for attempt in (1, 2):
            connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._connection = connection
            try:
                connection.request(method, path, payload, self._headers)
                response = connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._connection = None
                if attempt == 2:
                    raise UserError(f"the rehearsal exchange does not answer ({error}); see logs/sim.log") from error
                continue
            if response.status != 200:
                raise UserError(f"the rehearsal exchange refused {path}: {raw[:200].decode(errors='replace')}")
            answer: dict[str, Any] = orjson.loads(raw)
            return answer
        raise AssertionError("unreachable")
