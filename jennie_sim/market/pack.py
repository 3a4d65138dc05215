"""The session pack of docs/decisions/0002: the only market data the exchange reads."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from jennie_core.domain.base import StockCode
from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_sim.market.bar_path import MinuteBars
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.path import DayBar

LISTING_COLUMNS = (
    "code", "name", "market", "asset_kind", "status", "base_price_krw", "listed_shares", "sector",
)  # fmt: skip
SESSION_COLUMNS = ("code", "open", "high", "low", "close", "volume")
HISTORY_COLUMNS = ("code", "date", "open", "high", "low", "close", "volume")
MINUTE_COLUMNS = ("code", "start", "open", "high", "low", "close", "volume")
FLOW_COLUMNS = ("code", "date", "institution_net_shares", "foreign_net_shares")
INDEX_COLUMNS = ("index_code", "date", "open", "high", "low", "close")


FLOW_SCHEMA = {"code": pl.String, "date": pl.Date, "institution_net_shares": pl.Int64, "foreign_net_shares": pl.Int64}


class PackError(ValueError):
    """The session pack cannot be used; the message names the file, the column or the code."""


class PackModel(BaseModel):
    """Immutable and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CarriedHolding(PackModel):
    """A position opened on an earlier session."""

    code: StockCode
    quantity: int = Field(gt=0)
    average_price_krw: float = Field(gt=0)
    bought_on: date


class PackAccount(PackModel):
    """One customer of the exchange.

    `cash_krw` is what is left when everything bought so far has been settled (D+2 cash). Missing credentials mean that
    any are accepted, which a stand-alone exchange does with `--accept-any-key`.
    """

    account_number: Annotated[str, StringConstraints(pattern=r"^\d{8}-?\d{2}$")]
    account_name: str = "rehearsal"
    hts_id: str = "jennie"
    app_key: str = ""
    app_secret: str = ""
    cash_krw: int = Field(ge=0)
    holdings: tuple[CarriedHolding, ...] = ()

    @property
    def digits(self) -> str:
        """The ten digits: eight of the account, two of the product."""
        return self.account_number.replace("-", "")


class PackMeta(PackModel):
    """Where the pack comes from; `moved_values` counts what was mapped onto legal ticks."""

    day: date
    seed: int
    source: str
    simulated: bool
    moved_values: int = Field(default=0, ge=0)
    quiet_codes: int = Field(default=0, ge=0, description="listed codes that do not trade this day")
    format: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One code of the listing; `listed_shares` None = unknown."""

    code: str
    name: str
    market: Market
    kind: AssetKind
    status: ListingStatus
    base_price_krw: int
    listed_shares: int | None
    sector: str


@dataclass(frozen=True, slots=True)
class SessionPack:
    """A pack in memory. `history`, `index` and `flows` are frames as in docs/decisions/0002.

    `minutes` holds real bars of the traded day for the codes that have some.
    """

    meta: PackMeta
    accounts: tuple[PackAccount, ...]
    listing: dict[str, Listed]
    bars: dict[str, DayBar]
    history: pl.DataFrame
    index: pl.DataFrame
    flows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FLOW_SCHEMA))
    minutes: dict[str, MinuteBars] = field(default_factory=dict)


_accounts_adapter: TypeAdapter[PackAccount | list[PackAccount]] = TypeAdapter(PackAccount | list[PackAccount])


def read_pack(folder: Path) -> SessionPack:
    """Read and check a pack; raises PackError with one clear line."""
    if not folder.is_dir():
        raise PackError(f"{folder}: no such session pack folder")
    meta = _read_meta(folder / "meta.json")
    listing = _read_listing(folder / "listing.parquet")
    bars = _read_session(folder / "session.parquet", listing)
    history = _read_frame(folder / "history.parquet", HISTORY_COLUMNS).sort("code", "date")
    index = _read_frame(folder / "index.parquet", INDEX_COLUMNS).sort("index_code", "date")
    if history.filter(pl.col("date") >= meta.day).height:
        raise PackError(f"{folder / 'history.parquet'}: holds rows that are not before the traded day {meta.day}")
    if index.filter(pl.col("date") == meta.day).is_empty():
        raise PackError(f"{folder / 'index.parquet'}: has no row for the traded day {meta.day}")
    accounts = read_accounts(folder / "account.json", listing, meta.day)
    return SessionPack(
        meta=meta, accounts=accounts, listing=listing, bars=bars, history=history, index=index,
        flows=_read_flows(folder / "flows.parquet", meta.day),
        minutes=_read_minutes(folder / "minutes.parquet", listing),
    )  # fmt: skip


def _read_flows(path: Path, day: date) -> pl.DataFrame:
    if not path.exists():
        return pl.DataFrame(schema=FLOW_SCHEMA)
    flows = _read_frame(path, FLOW_COLUMNS).cast(FLOW_SCHEMA).sort("code", "date")  # type: ignore[arg-type]
    if flows.filter(pl.col("date") >= day).height:
        raise PackError(f"{path}: holds rows that are not before the traded day {day}")
    return flows


def _read_minutes(path: Path, listing: dict[str, Listed]) -> dict[str, MinuteBars]:
    if not path.exists():
        return {}
    frame = _read_frame(path, MINUTE_COLUMNS).sort("code", "start")
    made: dict[str, MinuteBars] = {}
    for (code,), bars in frame.group_by(["code"], maintain_order=True):
        if code not in listing:
            raise PackError(f"{path}: code {code} is not in the listing")
        start = bars["start"].to_numpy().astype("int64")
        width = int((start[1:] - start[:-1]).min()) if len(start) > 1 else 0
        if width not in (MINUTE_MS, 5 * MINUTE_MS):
            raise PackError(f"{path}: bars of {code} are {width / MINUTE_MS:g} minutes apart; 1 or 5 are understood")
        opened, high, low, close = (
            bars[name].to_numpy().astype("float64") for name in ("open", "high", "low", "close")
        )
        volume = bars["volume"].to_numpy().astype("int64")
        made[str(code)] = MinuteBars(width, start, opened, high, low, close, volume)
    return made


def _read_meta(path: Path) -> PackMeta:
    try:
        return PackMeta.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PackError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise PackError(f"{path}: {_first_problem(error)}") from error


def read_accounts(path: Path, listing: dict[str, Listed], day: date) -> tuple[PackAccount, ...]:
    """The accounts of a JSON file, one object or a list of them; raises PackError."""
    try:
        parsed = _accounts_adapter.validate_json(path.read_bytes())
    except OSError as error:
        raise PackError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise PackError(f"{path}: {_first_problem(error)}") from error
    accounts = tuple(parsed) if isinstance(parsed, list) else (parsed,)
    if len({account.digits for account in accounts}) != len(accounts):
        raise PackError(f"{path}: an account number appears twice")
    for holding in (holding for account in accounts for holding in account.holdings):
        if holding.code not in listing:
            raise PackError(f"{path}: holding {holding.code} is not in the listing")
        if holding.bought_on >= day:
            raise PackError(f"{path}: holding {holding.code} bought on {holding.bought_on}, not before {day}")
    return accounts


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "content"
    return f"{where}: {problem['msg']}"


def _read_frame(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PackError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error
    if missing := [column for column in columns if column not in frame.columns]:
        raise PackError(f"{path}: lacks the column {missing[0]}")
    return frame.select(columns)


def _read_listing(path: Path) -> dict[str, Listed]:
    listing: dict[str, Listed] = {}
    for code, name, market, kind, status, base, shares, sector in _read_frame(path, LISTING_COLUMNS).iter_rows():
        if code in listing:
            raise PackError(f"{path}: code {code} appears twice")
        if base is None or base <= 0:
            raise PackError(f"{path}: code {code} has no base price")
        try:
            listing[code] = Listed(
                code, name, Market(market), AssetKind(kind), ListingStatus(status), int(base), shares, sector or ""
            )
        except ValueError as error:
            raise PackError(f"{path}: code {code}: {error}") from error
    if not listing:
        raise PackError(f"{path}: is empty")
    return listing


def _read_session(path: Path, listing: dict[str, Listed]) -> dict[str, DayBar]:
    bars: dict[str, DayBar] = {}
    for code, opened, high, low, close, volume in _read_frame(path, SESSION_COLUMNS).iter_rows():
        if code not in listing:
            raise PackError(f"{path}: code {code} is not in the listing")
        bar = DayBar(code, opened or 0, high or 0, low or 0, close or 0, volume or 0)
        if bar.traded:
            if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high or bar.low <= 0:
                raise PackError(f"{path}: code {code}: open and close are not between low and high")
            if bar.volume < bar.fewest_trades:
                raise PackError(f"{path}: code {code}: {bar.volume} shares cannot show its four prices")
        bars[code] = bar
    return bars
