"""What a slice of market time sounds like: trades, order books and notices in order of exchange time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jennie_sim.exchange.orders import Notice
from jennie_sim.faults.disturbance import disturbed_notices, garbled, heartbeat_time, stalled_codes
from jennie_sim.market.hours import to_instant
from jennie_sim.protocol import frames
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.market_events import A_NOTICE, A_TRADE, Event, MarketEvents, Span
from jennie_sim.protocol.notice_record import notice_record
from jennie_sim.protocol.session import MARKET_DATA, TRADE, Session
from jennie_sim.protocol.subscriptions import Subscriptions


@dataclass(slots=True)
class Sent:
    """Records handed to the sockets."""

    ticks: int = 0
    notices: int = 0


class Feed:
    """Collects what each session has registered for, and delivers it."""

    def __init__(self, broker: Broker, subscriptions: Subscriptions) -> None:
        self._broker = broker
        self._subscriptions = subscriptions
        self._events = MarketEvents(broker)
        self.total = Sent()

    async def deliver(self, after_ms: int, until_ms: int, notices: list[Notice], heartbeat: bool) -> Sent:
        """Send everything with `after_ms < exchange time <= until_ms`, then the heartbeat that closes the slice."""
        faults, sent, span = self._broker.faults, Sent(), Span(after_ms, until_ms)
        notices = disturbed_notices(faults, notices)
        shown = heartbeat_time(faults, to_instant(self._broker.market.day, until_ms)) if heartbeat else None
        market_data = self._market_data(span)
        for session in list(self._subscriptions.sessions):
            events = [event for registration in session.registrations for event in market_data.get(registration, ())]
            events += self._notice_events(session, notices)
            events.sort()
            texts = self._framed(events)
            if faults:
                texts = garbled(faults, texts)
            if shown and session.app_key:
                texts.append(frames.heartbeat_frame(f"{shown:%Y%m%d%H%M%S}"))
            if texts and await self._subscriptions.send(session, texts):
                sent.ticks += sum(1 for event in events if event.kind == A_TRADE)
                sent.notices += sum(1 for event in events if event.kind == A_NOTICE)
        self.total.ticks += sent.ticks
        self.total.notices += sent.notices
        return sent

    def _market_data(self, span: Span) -> dict[tuple[str, str], list[Event]]:
        """Events of every registered (TR, code), rendered once for all sessions."""
        wanted = {
            registration
            for session in self._subscriptions.sessions
            for registration in session.registrations
            if registration[0] in MARKET_DATA
        }
        stalled = stalled_codes(self._broker.faults, {code for _, code in wanted})
        made: dict[tuple[str, str], list[Event]] = {}
        for tr_id, code in wanted:
            if code not in stalled:
                made[tr_id, code] = self._events.of(tr_id, code, span)
        return made

    def _notice_events(self, session: Session, notices: Sequence[Notice]) -> Iterable[Event]:
        """Notices of the accounts whose login id the session has registered."""
        broker = self._broker
        for tr_id in session.notice_ids if notices else ():
            users = session.keys_of(tr_id)
            for number, notice in enumerate(notices):
                account = broker.exchange.accounts[notice.account]
                if account.hts_id not in users and not broker.settings.accept_any_key:
                    continue
                text = notice_record(
                    notice,
                    hts_id=account.hts_id,
                    account_name=account.name,
                    stock_name=broker.market.listing[notice.order.code].name,
                    fields=broker.settings.wire_revision.notice_fields,
                )
                frame = frames.secret_frame(tr_id, text, session.cipher)
                yield Event(notice.sent_at_ms, A_NOTICE, tr_id, number, frame)

    def _framed(self, events: list[Event]) -> list[str]:
        """Trades become frames of up to `records_per_frame` records; everything else is a frame already."""
        most = self._broker.settings.records_per_frame
        texts: list[str] = []
        bundle: list[str] = []
        for event in events:
            if event.kind != A_TRADE:
                _close(bundle, texts)
                texts.append(event.text)
                continue
            bundle.append(event.text)
            if len(bundle) == most:
                _close(bundle, texts)
        _close(bundle, texts)
        return texts


def _close(bundle: list[str], texts: list[str]) -> None:
    if bundle:
        texts.append(frames.data_frame(TRADE, "^".join(bundle), len(bundle)))
        bundle.clear()
