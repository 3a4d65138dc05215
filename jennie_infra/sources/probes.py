"""One question to each supplier, with what its answer must hold: what `jennie sources check` asks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jennie_core.domain.enums import Mode
from jennie_infra.settings import PREFIX, Settings
from jennie_infra.sources.errors import MissingDataError, SourceReplyError
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.suppliers import Suppliers

SENTINEL = "005930"
SENTINEL_NAME = "삼성전자"
ROE_BOUNDS_PCT = (-50.0, 100.0)
MACRO_DAYS = 14
NEWS_DAYS = 7


@dataclass(frozen=True)
class Probe:
    """A dataset of a supplier; `chosen` by the settings, `has_keys` where it can be asked at all."""

    dataset: str
    source: str
    chosen: bool
    has_keys: bool
    ask: Callable[[date], tuple[int, date | None]]

    @property
    def configured(self) -> bool:
        """Whether it is tried: chosen, or its keys are there."""
        return self.chosen or self.has_keys


def probes(settings: Settings, suppliers: Suppliers) -> list[Probe]:
    """Every supplier that jennie knows, the market folder first."""

    def keys(*names: str) -> bool:
        return all(settings.secret(name, required=False) for name in names)

    macro = settings.source_macro.split("+")
    return [
        Probe("prices", "folder", _reads_folder(settings), settings.market_data is not None,
              lambda day: _folder(settings, day)),
        Probe("prices", "krx", settings.source_prices == "krx", keys("krx_api_key"),
              lambda day: _prices(suppliers.krx_prices().daily_prices(day, day), "krx", day)),
        Probe("index", "krx", settings.source_index == "krx", keys("krx_api_key"),
              lambda day: _answer(suppliers.krx_index().index_daily(day, day), "trade_date")),
        Probe("macro", "fred", "fred" in macro, keys("fred_api_key"),
              lambda day: _answer(suppliers.fred().macro_daily(_before(day), day), "observed_on")),
        Probe("macro", "ecos", "ecos" in macro, keys("ecos_api_key"),
              lambda day: _answer(suppliers.ecos().macro_daily(_before(day), day), "observed_on")),
        Probe("statements", "dart", settings.source_statements == "dart", keys("dart_api_key"),
              lambda day: _statements(suppliers.dart(lambda _day: [SENTINEL]).fundamentals(day), day)),
        Probe("headlines", "naver", settings.source_headlines == "naver",
              keys("naver_client_id", "naver_client_secret"),
              lambda day: _answer(_naver(suppliers, day), "published_on")),
    ]  # fmt: skip


def _reads_folder(settings: Settings) -> bool:
    """A rehearsal without a folder has a generated market: nothing is missing then."""
    has_folder = settings.market_data is not None
    return settings.source_prices == "folder" and (has_folder or settings.mode is not Mode.REHEARSAL)


def _before(day: date) -> date:
    return day - timedelta(days=MACRO_DAYS)


def _naver(suppliers: Suppliers, day: date) -> pl.DataFrame:
    """R-SMK-03: a headline of the sentinel; none is refused by the supplier itself."""
    return suppliers.naver(lambda _day: {SENTINEL: SENTINEL_NAME}).headlines(day - timedelta(days=NEWS_DAYS), day)


def _folder(settings: Settings, day: date) -> tuple[int, date | None]:
    if settings.market_data is None:
        raise MissingDataError(f"{PREFIX}MARKET_DATA is not set; name a folder with daily bars")
    bars = MarketFolder(settings.market_data).daily_prices(day, day)
    if bars.height == 0:
        raise MissingDataError(f"{settings.market_data.name}: no bars on {day}; bring the folder up to date")
    return _answer(bars, "trade_date")


def _prices(bars: pl.DataFrame, source: str, day: date) -> tuple[int, date | None]:
    if SENTINEL not in bars["code"]:
        raise SourceReplyError(
            source, "prices", f"no bar of {SENTINEL}", day=day, repair="compare with the exchange's own page"
        )
    return _answer(bars, "trade_date")


def _statements(rows: pl.DataFrame, day: date) -> tuple[int, date | None]:
    """R-SMK-02: the sentinel's ROE is known and lies where a real one does."""
    low, high = ROE_BOUNDS_PCT
    roe = rows["roe_pct"][0]
    if roe is None or not low < roe < high:
        raise SourceReplyError(
            "dart",
            "statements",
            f"R-SMK-02: ROE of {SENTINEL} is {'unknown' if roe is None else f'{roe:.1f} %'}",
            day=day,
            repair="compare with the annual report",
        )
    return _answer(rows, "known_on")


def _answer(frame: pl.DataFrame, column: str) -> tuple[int, date | None]:
    newest = frame[column].max()
    return frame.height, newest if isinstance(newest, date) else None
