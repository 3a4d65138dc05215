"""The data plane's source as the settings choose it: the market folder alone, or suppliers with the folder behind."""

from datetime import date

import polars as pl

from jennie_core.domain.enums import Mode
from jennie_infra.settings import PREFIX, Settings, SettingsError
from jennie_infra.settings_sources import SourceSettings
from jennie_infra.sources.composed import Composed
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.protocol import MacroSource, MarketDataSource, PriceSource
from jennie_infra.sources.suppliers import Suppliers
from jennie_infra.sources.web.kept import KeptReplies

REPLIES = "source-replies"
NEWS_COMPANIES = 200
"""Companies whose news is asked for: the largest by market value, with the room that the scout's universe has."""
CHOICES = tuple(name for name in SourceSettings.model_fields if name.startswith("source_"))


def market_source(settings: Settings) -> MarketDataSource:
    """The source of the data plane; raises SettingsError naming the setting that is missing.

    A rehearsal reads the market folder alone: its day may be invented, and it must not see past it.
    """
    chosen = [name for name in CHOICES if getattr(settings, name) != "folder"]
    if settings.mode is Mode.REHEARSAL or not chosen:
        return _needed_folder(settings)
    suppliers = Suppliers(settings, KeptReplies(settings.state_dir / REPLIES))
    prices = suppliers.krx_prices() if settings.source_prices == "krx" else None
    folder = _needed_folder(settings) if prices is None else _folder(settings)
    listing = Listing(prices or _needed_folder(settings))
    return Composed(
        folder=folder,
        prices=prices,
        index=suppliers.krx_index() if settings.source_index == "krx" else None,
        macro=_macro(settings, suppliers),
        statements=suppliers.dart(listing.codes) if settings.source_statements == "dart" else None,
        headline=suppliers.naver(listing.largest) if settings.source_headlines == "naver" else None,
    )


class Listing:
    """Who is listed on a day, by whoever gives the prices."""

    def __init__(self, source: PriceSource | MarketFolder) -> None:
        self._source = source

    def codes(self, day: date) -> list[str]:
        """Every listed code."""
        return self._source.stock_master(day)["code"].to_list()

    def largest(self, day: date) -> dict[str, str]:
        """Code to name of the `NEWS_COMPANIES` largest of those with a name; unknown values come last."""
        master = self._source.stock_master(day).filter(pl.col("name").is_not_null())
        valued = master.join(self._source.market_caps(day), on="code", how="left")
        largest = valued.sort("market_cap_krw", "code", descending=[True, False], nulls_last=True).head(NEWS_COMPANIES)
        return dict(largest.select("code", "name").iter_rows())


def _macro(settings: Settings, suppliers: Suppliers) -> tuple[MacroSource, ...]:
    wanted = settings.source_macro.split("+")
    found: list[MacroSource] = []
    if "fred" in wanted:
        found.append(suppliers.fred())
    if "ecos" in wanted:
        found.append(suppliers.ecos())
    return tuple(found)


def _folder(settings: Settings) -> MarketFolder | None:
    return None if settings.market_data is None else MarketFolder(settings.market_data, bars_needed=False)


def _needed_folder(settings: Settings) -> MarketFolder:
    if settings.market_data is None:
        raise SettingsError(
            f"{PREFIX}MARKET_DATA is not set: give a folder with daily bars, choose {PREFIX}SOURCE_PRICES in paper or "
            "live, or let `jennie rehearse` generate one"
        )
    return MarketFolder(settings.market_data)
