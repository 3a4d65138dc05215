"""Which stocks may be looked at, and why each other one may not (R-UNI, Q3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.frames import require_known

MEMBER_COLUMNS = (
    *("code", "name", "market", "sector_group", "close_krw", "market_cap_krw"),
    *("median_turnover_20_krw", "ranked_by", "size_rank"),
)


class EmptyUniverseError(RuntimeError):
    """R-UNI-06: no stock passed; the run fails and the previous watchlist stays."""


@dataclass(frozen=True)
class Universe:
    """The stocks to score and the codes left out.

    `members`: code, name, market, sector_group, close_krw, market_cap_krw, median_turnover_20_krw, ranked_by
    (market_cap | median_turnover | discovered), size_rank (UInt32, 1 = largest); sorted by size_rank.
    `excluded`: code, name, rule, reason; one row per code, the first rule that refused it.
    `notes`: one line for each thing that could not be judged.
    """

    members: pl.DataFrame
    excluded: pl.DataFrame
    notes: tuple[str, ...]

    def reasons(self) -> dict[str, int]:
        """Count of excluded codes per `rule: reason`."""
        counts = self.excluded.group_by("rule", "reason").len().sort("len", descending=True)
        return {f"{rule}: {reason}": count for rule, reason, count in counts.iter_rows()}


_STATUS_REASONS = {
    ListingStatus.ADMINISTRATIVE: "관리종목",
    ListingStatus.INVESTMENT_WARNING: "투자경고",
    ListingStatus.INVESTMENT_RISK: "투자위험",
    ListingStatus.HALTED: "거래정지",
    ListingStatus.LIQUIDATION_TRADING: "정리매매",
    ListingStatus.OVERHEATED: "단기과열",
}


def select_universe(
    readings: pl.DataFrame,
    *,
    as_of: date,
    settings: ScoutSettings,
    discovered_codes: Iterable[str] = (),
    listed_codes: Iterable[str] = (),
) -> Universe:
    """Filter and rank the readings of `assemble_readings` (which hold nothing after `as_of`).

    `discovered_codes` (R-UNI-04) join beyond `universe_size` when they pass every filter. `listed_codes` are codes of
    the stock master; those without a row on the last session are reported as such. An unknown market value is not
    zero: it passes R-UNI-02 and is ranked by its median turnover among all, and `notes` says so.
    Raises EmptyUniverseError when nobody is left.
    """
    require_known(readings, "last_date", as_of, "readings")
    market_known = "market" in readings.columns and readings["market"].is_not_null().any()
    judged = readings.with_columns(_first_refusal(settings, market_known)).unnest("refusal")
    kept = _ranked(judged.filter(pl.col("rule").is_null()))
    discovered = set(discovered_codes)
    chosen = (pl.col("size_rank") <= settings.universe_size) | pl.col("code").is_in(sorted(discovered))
    members = kept.filter(chosen).with_columns(
        ranked_by=pl.when(pl.col("size_rank") > settings.universe_size)
        .then(pl.lit("discovered"))
        .otherwise(pl.col("ranked_by"))
    )
    if members.height == 0:
        raise EmptyUniverseError(f"R-UNI-06: no stock of {readings.height} passed the universe filters on {as_of}")
    beyond = kept.filter(~chosen).with_columns(
        rule=pl.lit("R-UNI-03"), reason=pl.lit(f"outside the {settings.universe_size} largest")
    )
    absent = sorted(set(listed_codes) - set(readings["code"].to_list()))
    excluded = pl.concat(
        [
            judged.filter(pl.col("rule").is_not_null()).select("code", "name", "rule", "reason"),
            beyond.select("code", "name", "rule", "reason"),
            pl.DataFrame(
                [(code, None, "Q3", "no price on the last session") for code in absent],
                schema={"code": pl.String, "name": pl.String, "rule": pl.String, "reason": pl.String},
                orient="row",
            ),
        ]
    ).sort("code")
    return Universe(
        members=members.select(MEMBER_COLUMNS),
        excluded=excluded,
        notes=_notes(kept, settings, market_known),
    )


def passes(settings: ScoutSettings, market_known: bool) -> pl.Expr:
    """True where no filter refuses the row; an unknown reading is refused only where a filter says so."""
    return ~pl.any_horizontal(condition.fill_null(value=False) for condition, _, _ in _checks(settings, market_known))


def _first_refusal(settings: ScoutSettings, market_known: bool) -> pl.Expr:
    """Struct {rule, reason} of the first filter that refuses the row, both null when none does."""
    refusal = pl.lit(None, dtype=pl.Struct({"rule": pl.String, "reason": pl.String}))
    for condition, rule, reason in reversed(_checks(settings, market_known)):
        verdict = pl.struct(pl.lit(rule).alias("rule"), pl.lit(reason).alias("reason"))
        refusal = pl.when(condition).then(verdict).otherwise(refusal)
    return refusal.alias("refusal")


def _checks(settings: ScoutSettings, market_known: bool) -> list[tuple[pl.Expr, str, str]]:
    """Filters in their order: condition that refuses, rule, reason."""
    checks: list[tuple[pl.Expr, str, str]] = []
    if market_known:
        markets = "/".join(settings.markets)
        checks.append((pl.col("market").is_null(), "R-UNI-01", "market unknown"))
        checks.append((~pl.col("market").is_in(list(settings.markets)), "R-UNI-01", f"not listed on {markets}"))
    kinds = {AssetKind.SPAC: "SPAC", AssetKind.ETF: "ETF", AssetKind.ETN: "ETN"}
    if settings.exclude_preferred:
        kinds[AssetKind.PREFERRED] = "우선주"
    checks += [(pl.col("asset_kind") == kind.value, "Q3", label) for kind, label in kinds.items()]
    checks += [(pl.col("status") == status.value, "Q3", label) for status, label in _STATUS_REASONS.items()]
    checks += [
        (pl.col("is_halted"), "Q3", "거래정지"),
        (pl.col("sessions") < settings.min_listed_sessions, "Q3", f"under {settings.min_listed_sessions} sessions"),
        (
            pl.col("median_turnover_20_krw") < settings.min_median_turnover_krw,
            "Q3",
            f"median turnover under {settings.min_median_turnover_krw / 1e9:g} bn won",
        ),
        (pl.col("median_turnover_20_krw").is_null(), "Q3", "turnover unknown"),
        (pl.col("market_cap_krw") < settings.min_market_cap_krw, "R-UNI-02", "market value below the floor"),
        (pl.col("close_krw") < settings.min_price_krw, "R-UNI-05", "price below the floor"),
    ]
    return checks


def place() -> pl.Expr:
    """Order by size: fractional rank of the market value, of turnover where the value is unknown; least is first."""
    cap, turnover = pl.col("market_cap_krw"), pl.col("median_turnover_20_krw")
    by_cap = cap.rank("min", descending=True) / cap.count()
    by_turnover = turnover.rank("min", descending=True) / turnover.count()
    return pl.coalesce(by_cap, by_turnover)


def _ranked(kept: pl.DataFrame) -> pl.DataFrame:
    """Add ranked_by and size_rank."""
    valued = pl.col("market_cap_krw").is_not_null()
    return (
        kept.with_columns(
            ranked_by=pl.when(valued).then(pl.lit("market_cap")).otherwise(pl.lit("median_turnover")),
            place=place(),
        )
        .sort("place", "code")
        .with_row_index("size_rank", offset=1)
        .drop("place")
    )


def _notes(kept: pl.DataFrame, settings: ScoutSettings, market_known: bool) -> tuple[str, ...]:
    notes = []
    unknown_caps = kept["market_cap_krw"].null_count()
    if unknown_caps:
        notes.append(
            f"market value unknown for {unknown_caps} of {kept.height} stocks: not judged by R-UNI-02, "
            "ranked by 20-day median turnover"
        )
    if not market_known:
        notes.append(f"no market column in the data: every stock passed as {'/'.join(settings.markets)}")
    unknown_kind = kept["asset_kind"].null_count()
    if unknown_kind:
        notes.append(f"kind of security unknown for {unknown_kind} stocks: passed as common stock")
    unknown_status = kept["status"].null_count()
    if unknown_status:
        notes.append(
            f"listing status unknown for {unknown_status} stocks: halts are judged from prices, the rest is read again "
            "before each buy"
        )
    return tuple(notes)
