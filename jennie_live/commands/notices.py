"""Trade notices and alarms to every chat. Kept in their streams until delivered; trading never waits for them."""

import asyncio
import time
from dataclasses import dataclass, field

from jennie_core.domain.enums import SellReason
from jennie_core.domain.signals import Alert, TradeNotification
from jennie_infra.bus.readers import GroupReader
from jennie_infra.bus.streams import Entry, Streams
from jennie_infra.telegram import (
    MESSAGE_LIMIT,
    TelegramBusyError,
    TelegramClient,
    TelegramError,
    TelegramRefusedError,
    escape,
)
from jennie_infra.telemetry import get_logger
from jennie_live.commands.alert_record import AlertRecord
from jennie_live.commands.context import Desk
from jennie_live.commands.handlers.lists import muted_until
from jennie_live.commands.webhook import Webhook

GROUP = "commands"
BLOCK_MS = 700
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
TRIM_SECONDS = 60.0
ALWAYS_HEARD = (SellReason.STOP_LOSS, SellReason.FORCED_LIQUIDATION)
MARKS = {"info": "ℹ️", "warning": "⚠️", "critical": "🚨"}


@dataclass(slots=True)
class Batch:
    """Texts on their way, with the chats that have them already."""

    texts: list[str]
    alerts: list[Alert]
    entries: list[tuple[GroupReader, list[str]]]
    done: set[int] = field(default_factory=set)


class Notices:
    """Reads the two streams as one consumer group and delivers."""

    def __init__(self, desk: Desk, client: TelegramClient | None) -> None:
        runtime = desk.runtime
        self._desk = desk
        self._client = client
        url = runtime.settings.alert_webhook_url
        self._webhook = None if url is None else Webhook(url.get_secret_value(), runtime.metrics)
        self._readers = [
            GroupReader(runtime.redis, runtime.redis_blocking, stream, GROUP, runtime.service)
            for stream in (Streams.TRADE_NOTIFICATIONS, Streams.ALERTS)
        ]
        self._sent = runtime.metrics.counter("telegram_notices_total", "messages delivered")
        self._unsent = runtime.metrics.counter("telegram_notices_unsent_total", "not sent", ("why",))
        self._record = AlertRecord(desk.write_ledger, runtime.metrics)
        self._trimmed_at = 0.0

    async def run(self) -> None:
        """Deliver what a former run left behind, then what is new, until cancelled."""
        await self._deliver(await self._read(pending=True))
        while True:
            await self._deliver(await self._read(pending=False))
            if time.monotonic() - self._trimmed_at > TRIM_SECONDS:
                self._trimmed_at = time.monotonic()
                for reader in self._readers:
                    await reader.trim_acknowledged()

    async def _read(self, *, pending: bool) -> Batch:
        batch = Batch([], [], [])
        for reader in self._readers:
            entries = await reader.read(block_ms=None if pending else BLOCK_MS, pending=pending)
            muted = bool(entries) and await muted_until(self._desk) is not None
            if entries:
                batch.entries.append((reader, [entry.entry_id for entry in entries]))
            for entry in entries:
                if isinstance(entry.message, Alert):
                    batch.alerts.append(entry.message)
                text = self._text(entry, muted=muted)
                if text is not None:
                    batch.texts.append(text)
        return batch

    def _text(self, entry: Entry, *, muted: bool) -> str | None:
        message = entry.message
        if isinstance(message, TradeNotification):
            if muted and message.sell_reason not in ALWAYS_HEARD:
                self._unsent.labels("muted").inc()
                return None
            return trade_text(message)
        if isinstance(message, Alert):
            if muted and message.severity == "info":
                self._unsent.labels("muted").inc()
                return None
            return alert_text(message)
        return None

    async def _deliver(self, batch: Batch) -> None:
        await asyncio.gather(self._record.keep(batch.alerts), self._tell(batch))
        for reader, entry_ids in batch.entries:
            await reader.acknowledge(entry_ids)

    async def _tell(self, batch: Batch) -> None:
        if self._client is None:
            self._unsent.labels("no token").inc(len(batch.texts))
        elif batch.texts:
            await self._deliver_all(self._client, batch)
        if self._webhook is not None and batch.alerts:
            await self._webhook.post(batch.alerts)

    async def _deliver_all(self, client: TelegramClient, batch: Batch) -> None:
        pause = FIRST_PAUSE
        chats = self._desk.settings.telegram_chat_ids
        while True:
            try:
                for chat in chats:
                    if chat not in batch.done:
                        await self._deliver_to(client, chat, batch.texts)
                        batch.done.add(chat)
                return
            except TelegramBusyError as error:
                await asyncio.sleep(error.retry_after)
            except TelegramError as error:
                get_logger().warning("notice not delivered yet", error=str(error))
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _deliver_to(self, client: TelegramClient, chat: int, texts: list[str]) -> None:
        try:
            for message in packed(texts):
                await client.send(chat, message)
                self._sent.inc()
        except TelegramRefusedError as error:
            self._unsent.labels("refused").inc(len(texts))
            get_logger().error("a chat refuses notices", error=str(error))


def packed(texts: list[str]) -> list[str]:
    """Texts joined into as few messages as Telegram's limit allows."""
    messages: list[str] = []
    for text in texts:
        if messages and len(messages[-1]) + len(text) + 2 <= MESSAGE_LIMIT:
            messages[-1] += "\n\n" + text
        else:
            messages.append(text)
    return messages


def trade_text(notice: TradeNotification) -> str:
    """R-TG-40: name, quantity, price, amount, then strategy and score of a buy, or result and reason of a sell."""
    at = f"{notice.traded_at:%H:%M:%S}"
    base = (
        f"<b>{escape(notice.stock_name)}</b> {notice.stock_code} {notice.quantity:,}주 @ {notice.price_krw:,.0f}원"
        f" = {notice.total_amount_krw:,}원"
    )
    if notice.trade_type == "BUY":
        parts = [part.value for part in (notice.signal_type, notice.trade_tier) if part is not None]
        if notice.hybrid_score is not None:
            parts.append(f"점수 {notice.hybrid_score:.1f}")
        return f"🟥 매수 {at}\n{base}\n{escape(' · '.join(parts))}"
    gain = "손익 알 수 없음" if notice.profit_pct is None else f"{notice.profit_pct:+.2f} %"
    days = "" if notice.holding_days is None else f" · {notice.holding_days}일 보유"
    reason = notice.sell_reason.value if notice.sell_reason else "이유 알 수 없음"
    return f"🟦 매도 {at}\n{base}\n{gain} · {escape(reason)}{days}"


def alert_text(alert: Alert) -> str:
    """An alarm, or its end."""
    if alert.cleared:
        return f"✅ 해소: {escape(alert.text)} ({escape(alert.service)})"
    step = f"\n할 일: {escape(alert.next_step)}" if alert.next_step else ""
    return f"{MARKS[alert.severity]} {escape(alert.text)} ({escape(alert.service)}, {alert.raised_at:%H:%M:%S}){step}"
