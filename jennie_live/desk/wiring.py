"""Makes the desk of one side out of a worker's runtime."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from jennie_core.domain.base import Message
from jennie_core.domain.enums import OrderSide
from jennie_core.strategy.agenda import Agenda
from jennie_core.strategy.book import Book
from jennie_core.strategy.merge import EventMerge
from jennie_infra.bus.streams import Streams
from jennie_live.common.runtime import Runtime
from jennie_live.desk.crash_points import CrashPoints
from jennie_live.desk.desk import Desk
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.intent_store import IntentStore
from jennie_live.desk.journal import Journal
from jennie_live.desk.lease import DeskLease, lease_life_seconds
from jennie_live.desk.outbox import Outbox
from jennie_live.desk.ports import BrokerDoor
from jennie_live.desk.reconcile import Reconciler
from jennie_live.desk.tracker import Tracker
from jennie_live.desk.worker import DeskParts

R = TypeVar("R", bound=Message)
OUTBOX_FILE = "sell-outbox.db"


def build_desk(runtime: Runtime, side: OrderSide, door: BrokerDoor | None = None) -> DeskParts:
    """Desk, tracker, reconciler and agenda of one side; `door` stands in for the gateway in tests."""
    gateway = runtime.gateway if door is None else door
    if runtime.ledger is None or gateway is None:
        raise ValueError("a desk needs the ledger and the gateway")
    journal = Journal(runtime.ledger, runtime.alert, runtime.clear_alert)
    outbox = Outbox(runtime.settings.state_dir / OUTBOX_FILE) if side is OrderSide.SELL else None
    life = lease_life_seconds(runtime.settings.mode)
    lease = DeskLease(runtime.redis, runtime.ledger, side, runtime.consumer, life)
    desk = Desk(
        side=side,
        account_hash=runtime.settings.account_hash,
        gateway=gateway,
        ledger=runtime.ledger,
        journal=journal,
        intent_store=IntentStore(runtime.ledger, journal, outbox, runtime.alert, runtime.clear_alert),
        lease=lease,
        book=Book(runtime.clock),
        settings=runtime.trading.orders,
        crash=CrashPoints(runtime.settings.mode, runtime.settings.state_dir),
        alert=runtime.alert,
        clear=runtime.clear_alert,
        metrics=runtime.metrics,
    )
    tracker = Tracker(desk, lambda: side is OrderSide.BUY and runtime.stops.state.halted)
    reconciler = Reconciler(desk, tracker, runtime.service, runtime.clear_alert)
    return DeskParts(desk, tracker, reconciler, Agenda())


def build_inputs(runtime: Runtime, requests: Streams, model: type[R], stamp: Callable[[R], datetime]) -> DeskInputs[R]:
    """The two streams of an executor."""
    return DeskInputs(
        runtime.redis,
        runtime.redis_blocking,
        requests=requests,
        group=runtime.service,
        model=model,
        stamp=stamp,
        clock=runtime.clock,
        merge=EventMerge[R](),
    )
