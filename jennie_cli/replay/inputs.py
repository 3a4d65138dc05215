"""From what was asked for to the parts of a day machine."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from jennie_cli.market import START_EQUITY_KRW, Credentials, PreparedMarket, prepare
from jennie_cli.places import RunFolder
from jennie_cli.replay.exchange import InProcessExchange
from jennie_cli.replay.plane import FolderPlane, read_knowledge
from jennie_cli.report.model import Note
from jennie_cli.slices import QUIET_SECONDS, day_end, slice_ends
from jennie_core.domain.positions import Position
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day_ports import DataPlane, DayStart, FillModel, MarketFacts, SliceSource
from jennie_infra.sources.files import MarketFolder
from jennie_sim.market.pack import read_pack

OPENING_LEAD = timedelta(minutes=5)
"""A rehearsal's exchange day begins this long before the opening auction."""
ACCOUNT = "replay"
NOBODY = Credentials(account_number="0000000001", app_key="", app_secret="", hts_id="")
CHECKS_NOT_RUN = Note(
    ko="자산 검사는 돌리지 않았습니다. 매매 허가는 검사를 통과한 것으로 보았습니다.",
    en="Asset checks were not run: the permit counts as granted.",
)


@dataclass(frozen=True)
class DayInputs:
    """Everything one replay stands on."""

    start: DayStart
    source: SliceSource
    broker: FillModel
    market: MarketFacts
    plane: DataPlane
    begins_at: datetime
    data_source: str
    fills: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What every kind of replay is told."""

    day: date
    settings: TradingSettings
    slice_seconds: int = 5


@contextmanager
def generated_inputs(frame: Frame, *, seed: int, market_data: Path | None) -> Iterator[DayInputs]:
    """A generated day, or a day of real bars, matched by the rehearsal exchange. Raises UserError on bad data."""
    with TemporaryDirectory(prefix="jennie-replay-") as place:
        folder = RunFolder(Path(place))
        folder.make()
        market = prepare(
            folder,
            day=frame.day,
            seed=seed,
            market_data=market_data,
            credentials=NOBODY,
            settings=frame.settings,
        )
        yield of_prepared(frame, folder, market)


def of_prepared(frame: Frame, folder: RunFolder, market: PreparedMarket, until: datetime | None = None) -> DayInputs:
    """A prepared market folder and session pack, as a rehearsal of the same day would begin."""
    times = session_times(frame.day)
    opening = times.opening_auction_at - OPENING_LEAD
    ends = slice_ends(
        times,
        opening,
        until or day_end(times),
        fine=timedelta(seconds=frame.slice_seconds),
        quiet=timedelta(seconds=QUIET_SECONDS),
    )
    exchange = exchange_of(frame, folder.exchange, opening, ends)
    known = read_knowledge(MarketFolder(market.market_folder), frame.day)
    return DayInputs(
        start=DayStart(
            day=frame.day,
            settings=frame.settings,
            positions=tuple(
                Position(
                    stock_code=item.code,
                    stock_name=item.name,
                    quantity=item.quantity,
                    average_price_krw=float(item.price_krw),
                    sector_group=item.sector_group,
                    bought_on=item.bought_on,
                )
                for item in market.carried
            ),
            opening_equity_krw=market.previous_equity_krw,
            week_equity_krw=market.previous_equity_krw if _begins_week(frame.day) else None,
            account=ACCOUNT,
        ),
        source=exchange,
        broker=exchange,
        market=exchange.facts,
        plane=FolderPlane(known, frame.day, frame.settings, ACCOUNT),
        begins_at=opening,
        data_source=market.source,
        fills="exchange",
        notes=(*market.notes, CHECKS_NOT_RUN),
    )


def exchange_of(frame: Frame, pack: Path, opening: datetime, ends: Iterable[datetime] = ()) -> InProcessExchange:
    """The exchange over a session pack."""
    return InProcessExchange(
        read_pack(pack), start=opening, ends=ends, commission_ratio=frame.settings.orders.commission_ratio
    )


def _begins_week(day: date) -> bool:
    """Whether the session before lies in an earlier week."""
    return KrxCalendar.shipped().previous_session(day) < day - timedelta(days=day.weekday())


InputsOf = AbstractContextManager[DayInputs]

__all__ = ["START_EQUITY_KRW", "DayInputs", "Frame", "InputsOf", "exchange_of", "generated_inputs", "of_prepared"]
