"""Once per intent, under the newest lease (O2, drills 1, 4, 5)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jennie_core.domain.decisions import Accepted, OrderOutcome, Refused, Unknown
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.orders import CancelRequest, OrderRequest, ReviseRequest
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.kis.circuits import Circuits
from jennie_infra.kis.client import OrderSent
from jennie_infra.kis.codec_rest import RestCall
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.tr_ids import Function
from jennie_live.gateway.call_key import CallKey, CallKind
from jennie_live.gateway.call_store import CallStore
from jennie_live.gateway.orders import OrderDesk

WHO = Credentials("k" * 36, "s" * 180, "5012345601", "jennie")
ACCEPTED = Accepted(order_number="0000000117", organisation_number="91252")


class Client:
    """Stands where KisClient stands; says what it is told and keeps every call."""

    def __init__(self) -> None:
        self.circuits = Circuits()
        self.calls: list[RestCall] = []
        self.outcome: OrderOutcome = ACCEPTED
        self.gate = asyncio.Event()
        self.gate.set()

    async def send_order(self, call: RestCall, deadline: float) -> OrderSent:
        self.calls.append(call)
        await self.gate.wait()
        return OrderSent(self.outcome, 1_000 + len(self.calls))


class Rig:
    """A desk on a real SQLite file; `restart` is a new process on the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = Client()

    async def start(self) -> OrderDesk:
        engine = make_engine(f"sqlite:///{self.folder / 'gateway.db'}", durable=False)
        self.store = CallStore(DatabaseThread(engine, "test"))
        self.desk = OrderDesk(self.client, WHO, self.store)  # type: ignore[arg-type]  # the fake has what is used
        await self.desk.load()
        return self.desk

    async def restart(self) -> OrderDesk:
        self.store.close()
        return await self.start()


def order(intent_id: str = "b-1", lease: int = 1, side: OrderSide = OrderSide.BUY) -> OrderRequest:
    return OrderRequest(
        intent_id=intent_id, lease=lease, stock_code="005930", side=side, order_type=OrderType.MARKET, quantity=10
    )


def cancel(intent_id: str = "b-1", lease: int = 1, organisation: str = "") -> CancelRequest:
    return CancelRequest(
        intent_id=intent_id, lease=lease, order_number="117", organisation_number=organisation, stock_code="005930"
    )


def revise(intent_id: str = "b-1", revision: int = 1, number: str = "117", **more: Any) -> ReviseRequest:
    values = {"lease": 1, "side": OrderSide.BUY, "stock_code": "005930", "limit_price_krw": 70_100} | more
    return ReviseRequest(intent_id=intent_id, revision=revision, order_number=number, **values)


async def test_fifty_calls_of_one_intent_send_one_order(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    desk = await rig.start()
    rig.client.gate.clear()
    calls = [asyncio.create_task(desk.place(order())) for _ in range(50)]
    await asyncio.sleep(0.05)
    rig.client.gate.set()
    replies = await asyncio.gather(*calls)
    assert len(rig.client.calls) == 1
    assert {reply.outcome for reply in replies} == {ACCEPTED}
    assert sum(reply.repeated for reply in replies) == 49


async def test_a_caller_that_goes_away_does_not_stop_the_order(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    desk = await rig.start()
    rig.client.gate.clear()
    caller = asyncio.create_task(desk.place(order()))
    await asyncio.sleep(0.05)
    caller.cancel()
    rig.client.gate.set()
    assert (await desk.place(order())).outcome == ACCEPTED
    assert len(rig.client.calls) == 1


async def test_outcomes_outlive_the_process(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    desk = await rig.start()
    for number, outcome in enumerate((ACCEPTED, Refused(rule="BROKER-CASH", text="x"), Unknown(reason="y"))):
        rig.client.outcome = outcome
        await desk.place(order(f"b-{number}"))
    desk = await rig.restart()
    again = [await desk.place(order(f"b-{number}")) for number in range(3)]
    assert [reply.outcome.kind for reply in again] == ["accepted", "refused", "unknown"]
    assert all(reply.repeated for reply in again)
    assert again[0].sent_at_us == 1_001
    assert len(rig.client.calls) == 3


async def test_a_call_cut_off_by_a_crash_is_unknown_and_never_sent_again(tmp_path: Path) -> None:
    """Drill 3: the row is there before the bytes leave."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    rig.client.gate.clear()
    lost = asyncio.create_task(desk.place(order()))
    await asyncio.sleep(0.05)
    desk = await rig.restart()
    reply = await desk.place(order())
    assert isinstance(reply.outcome, Unknown)
    assert reply.repeated
    assert len(rig.client.calls) == 1
    lost.cancel()


async def test_an_old_lease_is_refused_on_its_side_only(tmp_path: Path) -> None:
    """Drill 5."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order("b-1", lease=7))
    old = await desk.place(order("b-2", lease=6))
    assert isinstance(old.outcome, Refused)
    assert (old.outcome.rule, old.outcome.code) == ("O2-LEASE", "7")
    assert isinstance((await desk.place(order("s-1", lease=1, side=OrderSide.SELL))).outcome, Accepted)
    desk = await rig.restart()
    assert isinstance((await desk.place(order("b-3", lease=6))).outcome, Refused)
    refused = await desk.cancel(cancel("b-1", lease=6))
    assert isinstance(refused.outcome, Refused)
    assert len(rig.client.calls) == 2


async def test_a_refused_cancel_may_be_tried_again_and_an_accepted_one_is_not(tmp_path: Path) -> None:
    """Drill 7: a failed cancel is not proof of a fill; the state is read back and the cancel may be repeated."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order())
    rig.client.outcome = Unknown(reason="lost")
    assert isinstance((await desk.cancel(cancel())).outcome, Unknown)
    rig.client.outcome = Accepted(order_number="0000000118")
    assert isinstance((await desk.cancel(cancel())).outcome, Accepted)
    assert (await desk.cancel(cancel())).repeated
    assert len(rig.client.calls) == 3
    desk = await rig.restart()
    assert isinstance((await desk.cancel(cancel())).outcome, Accepted)


async def test_a_cancel_takes_the_organisation_number_from_the_acceptance(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order())
    await desk.cancel(cancel())
    fields = rig.client.calls[-1].fields
    assert (fields["KRX_FWDG_ORD_ORGNO"], fields["ORGN_ODNO"]) == ("91252", "0000000117")
    assert (fields["RVSE_CNCL_DVSN_CD"], fields["QTY_ALL_ORD_YN"]) == ("02", "Y")


async def test_a_revision_is_sent_once_and_its_outcome_outlives_the_process(tmp_path: Path) -> None:
    """O2 for a revision: the call is named by intent and revision number."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order())
    rig.client.outcome = Accepted(order_number="0000000118", organisation_number="91252")
    rig.client.gate.clear()
    calls = [asyncio.create_task(desk.revise(revise())) for _ in range(20)]
    await asyncio.sleep(0.05)
    rig.client.gate.set()
    replies = await asyncio.gather(*calls)
    assert {reply.outcome for reply in replies} == {rig.client.outcome}
    assert sum(reply.repeated for reply in replies) == 19
    desk = await rig.restart()
    again = await desk.revise(revise())
    assert again.repeated
    assert again.outcome == rig.client.outcome
    assert (await desk.place(order())).outcome == ACCEPTED
    assert len(rig.client.calls) == 2


@pytest.mark.parametrize("restarts", [False, True])
async def test_after_revisions_any_number_of_the_intent_stands_for_the_one_alive(
    tmp_path: Path, restarts: bool
) -> None:
    """Sheet, fact 7: after a revise the old number is dead and only the new one can be revised or cancelled."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order())
    for revision, new in ((1, "0000000118"), (2, "0000000125")):
        rig.client.outcome = Accepted(order_number=new, organisation_number="06010")
        await desk.revise(revise(revision=revision, number="117"))
    assert rig.client.calls[-1].fields["ORGN_ODNO"] == "0000000118"
    if restarts:
        desk = await rig.restart()
    for number in ("117", "0000000118", "125"):
        rig.client.outcome = Unknown(reason="lost")
        await desk.cancel(cancel().model_copy(update={"order_number": number}))
        fields = rig.client.calls[-1].fields
        assert (fields["ORGN_ODNO"], fields["KRX_FWDG_ORD_ORGNO"]) == ("0000000125", "06010")


async def test_a_revision_whose_answer_is_lost_is_unknown_and_changes_no_number(tmp_path: Path) -> None:
    """Drill 1, amend: read back, never sent again."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order())
    rig.client.outcome = Unknown(reason="lost")
    assert isinstance((await desk.revise(revise())).outcome, Unknown)
    desk = await rig.restart()
    assert isinstance((await desk.revise(revise())).outcome, Unknown)
    assert len(rig.client.calls) == 2
    await desk.cancel(cancel())
    assert rig.client.calls[-1].fields["ORGN_ODNO"] == "0000000117"
    await desk.revise(revise(revision=2, number="118"))
    assert rig.client.calls[-1].fields["ORGN_ODNO"] == "0000000118", "the number found by inquiry is taken as given"


async def test_a_revision_obeys_lease_store_and_resting_reads_like_an_order(tmp_path: Path) -> None:
    """Drills 5 and 15: an old lease moves nothing, a buy waits for the broker, a protective sell does not."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    await desk.place(order(lease=7))
    old = await desk.revise(revise(lease=6))
    assert isinstance(old.outcome, Refused)
    assert old.outcome.rule == "O2-LEASE"
    for _ in range(20):
        rig.client.circuits.failed(Function.BALANCE, unreached=True)
    bought = await desk.revise(revise(revision=2, lease=7))
    assert isinstance(bought.outcome, Refused)
    assert bought.outcome.rule == "GW-BREAKER"
    sold = await desk.revise(revise("s-1", side=OrderSide.SELL))
    assert isinstance(sold.outcome, Accepted)
    with rig.store._database.engine.begin() as connection:
        connection.exec_driver_sql("drop table gateway_call")
    unrecorded = await desk.revise(revise("s-1", 2, side=OrderSide.SELL))
    assert isinstance(unrecorded.outcome, Refused)
    assert unrecorded.outcome.rule == "GW-STORE"
    assert len(rig.client.calls) == 2


def test_a_revision_without_a_price_is_a_market_order_and_says_so() -> None:
    with pytest.raises(ValidationError, match="limit_price_krw is given exactly when"):
        revise(limit_price_krw=None)
    assert revise(limit_price_krw=None, order_type=OrderType.MARKET).limit_price_krw is None


@pytest.mark.parametrize(
    "key", [CallKey("buy-1"), CallKey("c-1", CallKind.REVISE, 3), CallKey("b", CallKind.CANCEL, 1)]
)
def test_a_calls_key_reads_back(key: CallKey) -> None:
    assert CallKey.parse(str(key)) == key


async def test_resting_reads_stop_buys_and_let_sells_pass(tmp_path: Path) -> None:
    """Drill 15, I6."""
    rig = Rig(tmp_path)
    desk = await rig.start()
    for _ in range(20):
        rig.client.circuits.failed(Function.BALANCE, unreached=True)
    bought = await desk.place(order())
    assert isinstance(bought.outcome, Refused)
    assert bought.outcome.rule == "GW-BREAKER"
    assert isinstance((await desk.place(order("s-1", side=OrderSide.SELL))).outcome, Accepted)


async def test_what_cannot_be_recorded_is_not_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    desk = await rig.start()
    with rig.store._database.engine.begin() as connection:
        connection.exec_driver_sql("drop table gateway_call")
    reply = await desk.place(order())
    assert isinstance(reply.outcome, Refused)
    assert reply.outcome.rule == "GW-STORE"
    assert rig.client.calls == []
