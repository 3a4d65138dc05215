"""Same seed, same orders in: the same ledger, hash for hash, in two processes and whatever the order of arrival."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sim.test_wire import Process

DAY, SLICES, PER_SLICE = "2025-06-27", 16, 8
OPTIONS = ["--codes", "24", "--day", DAY, "--start", "09:00:05", "--speed", "0", "--no-limits", "--seed", "11"]
KEYS = {"appkey": "R" * 36, "appsecret": "r" * 180}
Wish = dict[str, str]


def wishes(codes: list[str]) -> list[list[Wish]]:
    """Market and limit orders of both sides, several of one code and side in one slice."""
    dice = random.Random(5)
    made = []
    for number in range(SLICES):
        slice_: list[Wish] = []
        for _ in range(PER_SLICE):
            sells = number > 4 and dice.random() < 0.4
            limit = dice.random() < 0.5
            # sales stay far below what is held: who comes first must not decide what is refused
            wish = {"PDNO": dice.choice(codes[:3]), "side": "sell" if sells else "buy"}
            wish |= {"ORD_QTY": str(dice.randint(1, 15 if sells else 60)), "ORD_DVSN": "00" if limit else "01"}
            slice_.append(wish | {"away": str(dice.choice([-2, -1, 0, 1]) if limit else 0)})
        made.append(slice_)
    return made


class Trader:
    """One client process's worth of connections: orders of a slice leave at once, in the order given."""

    def __init__(self, process: Process) -> None:
        self.process = process
        reply = process.call("POST", "/oauth2/tokenP", {"grant_type": "client_credentials", **KEYS})
        self.headers = {**KEYS, "authorization": f"Bearer {json.loads(reply.read())['access_token']}"}

    def ask(self, tr_id: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.process.facts["port"], timeout=30)
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None,
                           self.headers | {"tr_id": tr_id})  # fmt: skip
        return json.loads(connection.getresponse().read())

    def most_traded(self) -> list[str]:
        return [row["mksc_shrn_iscd"] for row in self.ask("FHPST01710000", "/")["output"]]

    def place(self, wish: Wish, prices: dict[str, tuple[int, int]]) -> str:
        price, tick = prices[wish["PDNO"]]
        body = {"CANO": "50123456", "ACNT_PRDT_CD": "01", "PDNO": wish["PDNO"], "ORD_QTY": wish["ORD_QTY"],
                "ORD_DVSN": wish["ORD_DVSN"],
                "ORD_UNPR": str(price + int(wish["away"]) * tick) if wish["ORD_DVSN"] == "00" else "0"}  # fmt: skip
        tr_id = "TTTC0011U" if wish["side"] == "sell" else "TTTC0012U"
        return str(self.ask(tr_id, "/uapi/domestic-stock/v1/trading/order-cash", body)["rt_cd"])

    def quote(self, code: str) -> tuple[int, int]:
        output = self.ask("FHKST01010100", f"/?FID_INPUT_ISCD={code}")["output"]
        return int(output["stck_prpr"]), int(output["aspr_unit"])


def play(process: Process, shuffle_seed: int, threads: int) -> tuple[str, int, int]:
    """Live through the slices; returns ledger hash, orders accepted and fills."""
    trader, dice = Trader(process), random.Random(shuffle_seed)
    seconds, accepted = 9 * 3600 + 10, 0
    move = lambda at: process.admin("POST", "/admin/advance", {  # noqa: E731
        "until": f"{DAY}T{at // 3600:02d}:{at % 3600 // 60:02d}:{at % 60:02d}+09:00"})  # fmt: skip
    move(seconds)
    codes = trader.most_traded()
    with ThreadPoolExecutor(threads) as pool:
        for slice_ in wishes(codes):
            prices = {code: trader.quote(code) for code in codes[:3]}
            shuffled = dice.sample(slice_, len(slice_))
            accepted += list(pool.map(lambda wish, known=prices: trader.place(wish, known), shuffled)).count("0")
            seconds += 5
            move(seconds)
    move(15 * 3600 + 40 * 60)
    ledger = process.admin("GET", "/admin/ledger")
    assert process.admin("GET", "/admin/violations")["count"] == 0
    return ledger["hash"], accepted, len(ledger["fills"])


@pytest.mark.timeout(300)
def test_two_processes_and_any_order_of_arrival_give_one_ledger(tmp_path: Path) -> None:
    results = []
    for number, (seed, threads) in enumerate(((1, 1), (2, 1), (3, 4))):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = Process(folder, *OPTIONS)
        try:
            results.append(play(process, seed, threads))
        finally:
            process.stop()
    assert len(set(results)) == 1, results
    _, accepted, fills = results[0]
    assert accepted > SLICES * PER_SLICE * 0.6
    assert fills > 80
