"""What a slice of market time sounds like: trades, order books and notices in order of exchange time."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from jennie_sim.exchange.orders import Notice
from jennie_sim.faults.registry import FaultName
from jennie_sim.market.book import book_after
from jennie_sim.market.hours import hhmmss, to_instant
from jennie_sim.market.tape import Col
from jennie_sim.protocol import frames
from jennie_sim.protocol.book_record import book_record
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.notice_record import notice_record
from jennie_sim.protocol.session import BOOK, TRADE, Session
from jennie_sim.protocol.subscriptions import Subscriptions
from jennie_sim.protocol.trade_record import TradeRecord

NoticeEvent = tuple[int, int, int, Notice]
TradeEvent = tuple[int, int, int, str]


@dataclass(slots=True)
class Sent:
    """Records handed to the sockets."""

    ticks: int = 0
    notices: int = 0


class Feed:
    """Renders and delivers; a code's renderer is prepared at its first subscription."""

    def __init__(self, broker: Broker, subscriptions: Subscriptions) -> None:
        self._broker = broker
        self._subscriptions = subscriptions
        self._records: dict[str, TradeRecord] = {}
        self.total = Sent()

    async def deliver(self, after_ms: int, until_ms: int, notices: list[Notice], heartbeat: bool) -> Sent:
        """Send everything with `after_ms < exchange time <= until_ms`, then the heartbeat that closes the slice."""
        sent = Sent()
        notices = self._disturbed(notices)
        trades = self._trades(after_ms, until_ms)
        for session in list(self._subscriptions.sessions):
            texts = self._texts(session, trades, notices, sent)
            if heartbeat and session.app_key and (beat := self._heartbeat(until_ms)):
                texts.append(beat)
            if texts:
                await self._subscriptions.send(session, texts)
        self.total.ticks += sent.ticks
        self.total.notices += sent.notices
        return sent

    def prepare(self, code: str) -> TradeRecord:
        """The renderer of a code."""
        record = self._records.get(code)
        if record is None:
            market = self._broker.market
            listed, limits, history = market.listing[code], market.limits(code), market.history(code)
            record = self._records[code] = TradeRecord(
                market.tape(code),
                day=market.day,
                hours=market.hours,
                base_krw=listed.base_price_krw,
                upper_krw=limits.upper_krw,
                lower_krw=limits.lower_krw,
                previous_volume=int(history["volume"][-1] or 0) if history.height else 0,
                listed_shares=listed.listed_shares,
                fields=self._broker.settings.wire_revision.trade_fields,
            )
        return record

    def _trades(self, after_ms: int, until_ms: int) -> dict[str, list[tuple[int, str]]]:
        """Rendered trades of every subscribed code: (time, record)."""
        codes = {key for session in self._subscriptions.sessions for tr, key in session.registrations if tr == TRADE}
        stalled = self._stalled(codes)
        rendered = {}
        for code in codes:
            record = self.prepare(code)
            if code in stalled:
                continue
            rows = self._broker.market.tape(code).between(after_ms, until_ms)
            if rows:
                rendered[code] = [(row[0], record.render(row)) for row in rows]
        return rendered

    def _stalled(self, codes: Iterable[str]) -> set[str]:
        faults = self._broker.faults
        if not faults or (fault := faults.strike(FaultName.STALL_TICKS, TRADE)) is None:
            return set()
        chosen = fault.params["codes"]
        return set(codes) if chosen is None else set(chosen)

    def _texts(
        self, session: Session, trades: dict[str, list[tuple[int, str]]], notices: Sequence[Notice], sent: Sent
    ) -> list[str]:
        """All messages of one session for the slice, in exchange-time order; within an instant trades come first."""
        events: list[tuple[int, int, str, int, str]] = []
        for code in session.keys_of(TRADE):
            events += [(at, 0, code, number, text) for number, (at, text) in enumerate(trades.get(code, ()))]
        for tr_id in session.notice_ids:
            events += [
                (at, 2, tr_id, number, text)
                for number, (at, text) in enumerate(self._notice_texts(session, tr_id, notices))
            ]
        for code in session.keys_of(BOOK):
            events += [(at, 1, code, number, text) for number, (at, text) in enumerate(self._books(code, trades))]
        events.sort()
        texts = self._framed(events)
        sent.ticks += sum(1 for event in events if event[1] == 0)
        sent.notices += sum(1 for event in events if event[1] == 2)
        return self._garbled(texts) if self._broker.faults else texts

    def _framed(self, events: list[tuple[int, int, str, int, str]]) -> list[str]:
        """Trades become frames of up to `records_per_frame` records; everything else is a frame already."""
        most = self._broker.settings.records_per_frame
        if most == 1:
            return [frames.data_frame(TRADE, event[4]) if event[1] == 0 else event[4] for event in events]
        texts: list[str] = []
        bundle: list[str] = []
        for event in events:
            if event[1] == 0:
                bundle.append(event[4])
            if bundle and (event[1] != 0 or len(bundle) == most):
                texts.append(frames.data_frame(TRADE, "^".join(bundle), len(bundle)))
                bundle = []
            if event[1] != 0:
                texts.append(event[4])
        if bundle:
            texts.append(frames.data_frame(TRADE, "^".join(bundle), len(bundle)))
        return texts

    def _notice_texts(self, session: Session, tr_id: str, notices: Sequence[Notice]) -> Iterable[tuple[int, str]]:
        broker = self._broker
        users = [key for registered, key in session.registrations if registered == tr_id]
        for notice in notices:
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
            yield notice.at_ms, frames.secret_frame(tr_id, text, session.cipher)

    def _books(self, code: str, trades: dict[str, list[tuple[int, str]]]) -> Iterable[tuple[int, str]]:
        """One order book after each trade of the slice."""
        market, fields = self._broker.market, self._broker.settings.wire_revision.book_fields
        tape, limits = market.tape(code), market.limits(code)
        for at_ms in self._trade_times(code, trades):
            index = tape.index_at(at_ms)
            book = book_after(tape, index, market.grid(code), limits.lower_krw, limits.upper_krw)
            record = book_record(code, hhmmss(at_ms), book, int(tape.rows[index, Col.VOLUME]), fields)
            yield at_ms, frames.data_frame(BOOK, record)

    def _trade_times(self, code: str, trades: dict[str, list[tuple[int, str]]]) -> list[int]:
        return [at for at, _ in trades[code]] if code in trades else []

    def _heartbeat(self, until_ms: int) -> str | None:
        instant = to_instant(self._broker.market.day, until_ms)
        if self._broker.faults:
            stall = next(
                (f for f in self._broker.faults.faults if f.name is FaultName.STALL_TICKS and f.left != 0), None
            )
            if stall and not stall.params["heartbeat"]:
                return None
            if fault := self._broker.faults.strike(FaultName.CLOCK):
                instant += timedelta(seconds=fault.params["offset_seconds"])
        return frames.heartbeat_frame(f"{instant:%Y%m%d%H%M%S}")

    def _disturbed(self, notices: list[Notice]) -> list[Notice]:
        """Notices after the switched-on faults: swallowed, repeated, out of order."""
        faults = self._broker.faults
        if not faults or not notices:
            return notices
        kept: list[Notice] = []
        for notice in notices:
            if fault := faults.strike(FaultName.SWALLOW_NOTICE, notice.order.code, notice.kind.value):
                if fault.params["kind"] in (None, notice.kind.value):
                    continue
                fault.hits -= 1
                fault.left = None if fault.left is None else fault.left + 1
            copies = faults.strike(FaultName.DUPLICATE_NOTICE, notice.order.code, notice.kind.value)
            kept += [notice] * (int(copies.params["times"]) if copies else 1)
        if fault := faults.strike(FaultName.REORDER_NOTICES):
            return _out_of_order(kept, random.Random(f"{fault.params['seed']}:{fault.hits}"))
        return kept

    def _garbled(self, texts: list[str]) -> list[str]:
        changed = []
        for text in texts:
            fault = self._broker.faults.strike(FaultName.GARBLE_FRAME, text[2:10]) if text[:1] in "01" else None
            changed.append(_garble(text, random.Random(f"{fault.params['seed']}:{fault.hits}")) if fault else text)
        return changed


def _out_of_order(notices: list[Notice], rng: random.Random) -> list[Notice]:
    """Shuffled; all take the latest time so that sorting by time does not undo it."""
    latest = max((notice.at_ms for notice in notices), default=0)
    shuffled = [replace(notice, at_ms=latest) for notice in notices]
    rng.shuffle(shuffled)
    return shuffled


def _garble(text: str, rng: random.Random) -> str:
    """Damage a frame in one of the ways seen in the field."""
    position = rng.randrange(len(text))
    match rng.randrange(5):
        case 0:
            return text[:position]
        case 1:
            return text[:position] + "^" + text[position:]
        case 2:
            return text[:position] + chr(rng.randrange(33, 127)) + text[position + 1 :]
        case 3:
            return text + text[position:]
        case _:
            return text.replace("|001|", "|002|", 1)
