"""Reads that take more than one request: by cursor, by end date, by end minute; oldest first at the end (R-GW-05)."""

from datetime import date, datetime, timedelta

from jennie_core.domain.market import DailyBar, MinuteBar
from jennie_core.krx.sessions import session_times
from jennie_infra.kis import codec_quotes
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.codec_rest import RestCall, RestReply, next_pages
from jennie_infra.kis.errors import KisMalformedError

MAX_PAGES = 60
LONGEST_DAILY_HISTORY = 3_000
LONGEST_DAY_MINUTES = 400


async def all_pages(client: KisClient, call: RestCall, caller: str) -> list[RestReply]:
    """Every page of a call with cursors. Raises KisMalformedError when they do not end."""
    pages: list[RestReply] = []
    following: RestCall | None = call
    while following is not None:
        if len(pages) >= MAX_PAGES:
            raise KisMalformedError("BROKER-SHAPE", f"{call.function.value} does not end after {MAX_PAGES} pages")
        pages.append(await client.read(following, caller))
        following = next(next_pages(pages[-1], following), None)
    return pages


async def daily_bars(
    client: KisClient, code: str, sessions: int, until: date, caller: str
) -> tuple[list[DailyBar], str]:
    """Up to `sessions` adjusted bars that end at `until`, and the code's name; the end date moves back page by page."""
    bars: dict[date, DailyBar] = {}
    name, end = "", until
    for _ in range(MAX_PAGES):
        reply = await client.read(codec_quotes.daily_bars_call(code, end), caller)
        name = codec_quotes.stock_name(reply) or name
        page = [bar for bar in codec_quotes.decode_daily_bars(reply, code) if bar.trade_date <= end]
        if not page:
            break
        bars |= {bar.trade_date: bar for bar in page}
        if len(bars) >= sessions:
            break
        end = min(bar.trade_date for bar in page) - timedelta(days=1)
    return [bars[day] for day in sorted(bars)][-sessions:], name


async def minute_bars(
    client: KisClient, code: str, last: int | None, now: datetime, on: date, caller: str
) -> list[MinuteBar]:
    """Minute bars of day `on`, the newest `last` or all; 30 a request for today, 120 for an earlier day."""
    bars: dict[datetime, MinuteBar] = {}
    is_today = on == now.date()
    anchor = now if is_today else session_times(on).close_at
    for _ in range(MAX_PAGES):
        at = anchor.strftime("%H%M%S")
        call = codec_quotes.minute_bars_call(code, at) if is_today else codec_quotes.past_minute_bars_call(code, on, at)
        page = codec_quotes.decode_minute_bars(await client.read(call, caller), code)
        fresh = [bar for bar in page if bar.started_at.date() == on and bar.started_at not in bars]
        if not fresh:
            break
        bars |= {bar.started_at: bar for bar in fresh}
        oldest = min(bar.started_at for bar in fresh)
        if oldest <= session_times(on).open_at or (last is not None and len(bars) >= last):
            break
        anchor = oldest - timedelta(minutes=1)
    ordered = [bars[start] for start in sorted(bars)]
    return ordered if last is None else ordered[-last:]
