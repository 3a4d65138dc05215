"""Our positions against the broker's, both sides shown, and what was traded by hand adopted as external (R-REC, O3)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from jennie_core.domain.orders import AccountBalance, Holding
from jennie_core.domain.positions import Position
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_infra.db.repositories import intents, positions, risk
from jennie_infra.db.repositories.positions import Adjustment
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.desk.desk import Desk
from jennie_live.desk.readings import Readings
from jennie_live.desk.tracker import Tracker

PRICE_TOLERANCE_KRW = 1.0
BALANCE_UNKNOWN = "balance-unknown"
"""The alert of a balance that cannot be read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One code on which our books and the broker do not agree, with both sides (I2)."""

    stock_code: str
    kind: str
    ours: float
    brokers: float
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Result of one reconciliation."""

    matches: int
    differences: tuple[Difference, ...]
    pending: tuple[str, ...]
    adopted: tuple[Position, ...]
    balance: AccountBalance


def compare(
    ours: Mapping[str, Position], holdings: Iterable[Holding], pending: Iterable[str]
) -> tuple[list[str], list[Difference]]:
    """Codes that agree, and the differences; codes with an order under way are not judged (R-REC-06)."""
    brokers = {holding.stock_code: holding for holding in holdings if holding.quantity > 0}
    matches: list[str] = []
    differences: list[Difference] = []
    for code in sorted((ours.keys() | brokers.keys()) - set(pending)):
        position, holding = ours.get(code), brokers.get(code)
        held = 0 if position is None else position.quantity + position.external_quantity
        there = 0 if holding is None else holding.quantity
        if held != there:
            differences.append(Difference(code, "quantity", held, there))
        elif position is not None and holding is not None and _price_differs(position, holding):
            differences.append(Difference(code, "average_price", position.average_price_krw, holding.average_price_krw))
        else:
            matches.append(code)
    return matches, differences


class Reconciler:
    """Settles open orders by inquiry, compares holdings, adopts foreign trades. Doing it twice changes nothing."""

    def __init__(
        self,
        desk: Desk,
        tracker: Tracker,
        service: str,
        clear_alert: Callable[[str], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._tracker = tracker
        self._service = service
        self._clear = clear_alert
        self._said: set[str] = set()
        self._shown = False
        self._readings = Readings(desk)

    async def run(self, trigger: str) -> Reconciled | None:
        """One reconciliation at the market time in hand; None when the broker could not be read (to be tried again)."""
        desk = self._desk
        if not await self._settle_orders():
            return None
        await desk.journal.flush()
        before, pending = await desk.journal.do("read positions", _snapshot)
        try:
            balance = await desk.gateway.balance()
        except GatewayError as error:
            get_logger().warning("balance unknown", trigger=trigger, error=str(error))
            await desk.alert(BALANCE_UNKNOWN, "warning", f"the balance cannot be read: {error}", "buying waits for it")
            return None
        await self._clear(BALANCE_UNKNOWN)
        matches, differences = compare(before, balance.holdings, pending)
        shares = {each.stock_code: int(each.ours) for each in differences if each.kind == "quantity"}
        if why := await self._readings.doubt(trigger, balance, shares):
            get_logger().warning("balance not believed", trigger=trigger, reason=why)
            await desk.alert("balance-doubtful", "critical", f"balance not believed: {why}", "see the broker's app")
            self._show(shares.keys(), matches)
            return None
        await self._clear("balance-doubtful")
        adopted: list[Position] = []
        shown: list[Difference] = []
        for difference in differences:
            position = await self._adopt(difference, before.get(difference.stock_code), balance)
            adopted.extend([] if position is None else [position])
            shown.append(difference if position is None else Difference(**{**asdict(difference), "adopted": True}))
        self._show((each.stock_code for each in shown if each.kind == "quantity" and not each.adopted), matches)
        await self._say(trigger, matches, shown, pending)
        return Reconciled(len(matches), tuple(shown), tuple(sorted(pending)), tuple(adopted), balance)

    def _show(self, apart: Iterable[str], matches: list[str]) -> None:
        """Mark the codes on which the books differ, and the first time, after an earlier process, those that agree."""
        desk, now_apart = self._desk, frozenset(apart)
        if self._shown and now_apart == desk.unreconciled:
            return
        agreeing = sorted((desk.unreconciled - now_apart) | (frozenset() if self._shown else frozenset(matches)))
        desk.unreconciled, self._shown = now_apart, True

        def work(connection: Connection) -> None:
            positions.set_reconciled(connection, sorted(now_apart), reconciled=False)
            positions.set_reconciled(connection, agreeing, reconciled=True)

        desk.journal.add("reconciled codes", work)

    async def _settle_orders(self) -> bool:
        desk = self._desk
        unknown = desk.orders.unknown()
        if unknown:
            await self._tracker.inquire_unknown(unknown)
        open_or_short = [
            order
            for order in desk.orders
            if order.intent.order_number is not None and order.intent.remaining_quantity > 0
        ]
        return not open_or_short or await self._tracker.read_back(open_or_short)

    async def _adopt(self, difference: Difference, before: Position | None, balance: AccountBalance) -> Position | None:
        if difference.kind != "quantity":
            return None
        code, now = difference.stock_code, self._desk.now
        holding = next((each for each in balance.holdings if each.stock_code == code), None)

        def work(connection: Connection) -> Position | None:
            stored = positions.find(connection, code)
            if stored != before or any(each.stock_code == code for each in intents.unresolved(connection)):
                return None
            result: Position | None = None
            for step in adjustments(code, before, holding, now, self._service):
                result = positions.adjust(connection, step)
            return result

        return await self._desk.journal.do(f"adopt {code}", work)

    async def _say(self, trigger: str, matches: list[str], differences: list[Difference], pending: set[str]) -> None:
        desk, now = self._desk, self._desk.now
        detail = {
            "service": self._service,
            "matched": matches,
            "pending": sorted(pending),
            "differences": [asdict(each) for each in differences],
        }
        identity = f"{desk.side.value}:{trigger}:{desk.now_us}"
        desk.journal.add(
            "reconciliation",
            lambda connection: risk.note_reconciliation(
                connection,
                reconciliation_id=identity,
                market_day=now.date(),
                trigger=trigger,
                matches=len(matches),
                differences=len(differences),
                detail=detail,
                market_at=now,
            ),
        )
        for each in differences:
            self._said.add(each.stock_code)
            await desk.alert(
                f"reconcile-{each.stock_code}",
                "critical" if each.kind == "quantity" else "warning",
                f"{each.stock_code} {each.kind}: our books {each.ours:g}, broker {each.brokers:g}"
                + (", taken over as external" if each.adopted else ""),
                "see the broker's app for trades made by hand",
            )
        for code in sorted(self._said & set(matches)):
            self._said.discard(code)
            await self._clear(f"reconcile-{code}")


def adjustments(
    code: str, before: Position | None, holding: Holding | None, now: datetime, service: str
) -> list[Adjustment]:
    """What makes our books equal the broker's: more shares are external; fewer were external first, then managed."""
    ours = 0 if before is None else before.quantity + before.external_quantity
    there = 0 if holding is None else holding.quantity
    name = holding.stock_name if holding is not None else before.stock_name if before is not None else code
    price = None if holding is None else holding.average_price_krw

    def step(kind: AdjustmentKind, quantity: int) -> Adjustment:
        return Adjustment(
            adjustment_id=f"{kind.value}:{code}:{now.isoformat()}",
            stock_code=code,
            stock_name=name,
            kind=kind,
            quantity=quantity,
            price_krw=price,
            detail=f"traded by hand, found by {service}: our books {ours}, broker {there}",
            effective_at=now,
        )

    if there > ours:
        return [step(AdjustmentKind.EXTERNAL, there - ours)]
    gone = ours - there
    from_external = min(gone, 0 if before is None else before.external_quantity)
    steps = [step(AdjustmentKind.EXTERNAL, -from_external)] if from_external else []
    return steps + ([step(AdjustmentKind.EXTERNAL_SALE, from_external - gone)] if gone > from_external else [])


def _snapshot(connection: Connection) -> tuple[dict[str, Position], set[str]]:
    pending = {intent.stock_code for intent in intents.unresolved(connection)}
    return positions.load(connection), pending


def _price_differs(position: Position, holding: Holding) -> bool:
    if position.external_quantity or not position.quantity:
        return False
    return abs(position.average_price_krw - holding.average_price_krw) >= PRICE_TOLERANCE_KRW
