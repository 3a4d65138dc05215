"""Which supplier gives which dataset, and what holds when there is none."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from jennie_core.scoring import frames
from jennie_infra.settings import Settings, SettingsError
from jennie_infra.sources.composed import Composed
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.protocol import MarketDataSource, source_of
from jennie_infra.sources.registry import NEWS_COMPANIES, Listing, market_source

START, DECISION = date(2025, 6, 1), date(2025, 6, 27)
KEYS = {"krx_api_key": "krx-key", "fred_api_key": "fred-key", "ecos_api_key": "ecos-key", "dart_api_key": "dart-key",
        "naver_client_id": "naver-id", "naver_client_secret": "naver-secret"}  # fmt: skip
ALL = {"source_prices": "krx", "source_index": "krx", "source_macro": "fred+ecos", "source_statements": "dart",
       "source_headlines": "naver"}  # fmt: skip


def settings(home: Path, mode: str = "paper", **values: object) -> Settings:
    return Settings.model_validate({"mode": mode, "home": home, **values})


class OneSeries:
    """A supplier of VIX."""

    name = "one"
    caveat = "a test's"
    series = frozenset({"VIX"})

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """One row."""
        return pl.DataFrame([("VIX", start, 16.0)], schema=dict(frames.MACRO_DAILY), orient="row")


GOOD = {"code": "005930", "date": date(2025, 6, 2), "open": 100, "high": 110, "low": 90, "close": 105, "volume": 10}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "market"
    (place / "daily").mkdir(parents=True)
    (place / "macro").mkdir()
    pl.DataFrame([GOOD]).write_parquet(place / "daily" / "a.parquet")
    rows = [{"series": name, "date": date(2025, 6, 2), "close": 20.0} for name in ("VIX", "USDKRW")]
    pl.DataFrame(rows).write_parquet(place / "macro" / "macro_daily.parquet")
    return place


def test_without_a_choice_the_source_is_the_folder_itself(tmp_path: Path, folder: Path) -> None:
    source = market_source(settings(tmp_path / "home", market_data=folder, **KEYS))
    assert isinstance(source, MarketFolder)
    assert source_of(source, "prices") == str(folder)


def test_a_rehearsal_reads_the_folder_whatever_is_chosen(tmp_path: Path, folder: Path) -> None:
    source = market_source(settings(tmp_path / "home", "rehearsal", market_data=folder, **ALL, **KEYS))
    assert isinstance(source, MarketFolder)


def test_every_dataset_has_the_chosen_supplier_and_needs_no_folder(tmp_path: Path) -> None:
    source: MarketDataSource = market_source(settings(tmp_path / "home", **ALL, **KEYS))
    datasets = ("prices", "index", "macro", "statements", "headlines")
    named = {dataset: source_of(source, dataset) for dataset in datasets}
    assert list(named.values()) == ["KRX Open API", "KRX Open API", "FRED + ECOS", "OpenDART", "Naver news search"]
    assert source.describe()["kind"] == "krx"
    assert source.investor_flows(START, DECISION).height == 0
    assert not any(key in str(source.describe()) for key in KEYS.values())


@pytest.mark.parametrize("missing", list(KEYS))
def test_a_missing_key_is_named(tmp_path: Path, missing: str) -> None:
    given = {name: key for name, key in KEYS.items() if name != missing}
    with pytest.raises(SettingsError, match=f"JENNIE_{missing.upper()} is not set"):
        market_source(settings(tmp_path / "home", **ALL, **given))


def test_prices_from_a_folder_need_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="JENNIE_MARKET_DATA is not set"):
        market_source(settings(tmp_path / "home", source_macro="fred", **KEYS))


def test_a_series_has_one_supplier_and_the_folder_gives_the_rest(folder: Path) -> None:
    source = Composed(MarketFolder(folder), macro=(OneSeries(),))
    assert source.macro_daily(START, DECISION).rows() == [
        ("USDKRW", date(2025, 6, 2), 20.0), ("VIX", START, 16.0),
    ]  # fmt: skip
    assert source_of(source, "macro") == f"one + {folder}"


def test_the_folder_may_lack_bars_when_others_give_prices(tmp_path: Path) -> None:
    (tmp_path / "extras").mkdir()
    source = market_source(settings(tmp_path / "home", market_data=tmp_path / "extras", **ALL, **KEYS))
    assert source.describe()["daily_prices"].startswith("KRX Open API")


class ManyListed:
    """More companies than are asked for, the largest last; one without a name, one without a value."""

    def stock_master(self, _day: date) -> pl.DataFrame:
        """Codes and names."""
        codes = [f"{number:06}" for number in range(NEWS_COMPANIES + 3)]
        names = [None if code == codes[-1] else f"N{code}" for code in codes]
        return pl.DataFrame({"code": codes, "name": names}, schema={"code": pl.String, "name": pl.String})

    def market_caps(self, _day: date) -> pl.DataFrame:
        """Values of all but the first code."""
        codes = [f"{number:06}" for number in range(1, NEWS_COMPANIES + 3)]
        return pl.DataFrame({"code": codes, "market_cap_krw": list(range(1, NEWS_COMPANIES + 3))})


@pytest.mark.rule("R-NEWS-02")
def test_news_is_asked_of_the_largest_companies_with_a_name() -> None:
    largest = Listing(ManyListed()).largest(DECISION)  # type: ignore[arg-type]
    assert len(largest) == NEWS_COMPANIES
    assert next(iter(largest)) == f"{NEWS_COMPANIES + 1:06}"
    assert not {"000000", "000001", f"{NEWS_COMPANIES + 2:06}"} & set(largest)
