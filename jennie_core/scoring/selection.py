"""Which scored stocks make the watchlist (R-SEL-04..08)."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.budget import UNKNOWN_SECTOR_CAP


def select(
    smoothed: pl.DataFrame,
    *,
    previous_codes: Collection[str],
    sector_caps: Mapping[str, int],
    settings: ScoutSettings,
) -> pl.DataFrame:
    """Mark the stocks of the next watchlist among `smoothed_scores` rows that also carry size_rank (of the universe).

    `previous_codes` is the active list at the start of the run, empty when it could not be read (R-SEL-06);
    `sector_caps` comes from `effective_caps`, a sector without a cap may have 3 (R-BUD-07).
    Adds is_selected (Boolean), list_rank (Int64, 1 = first; null when not selected) and selection_note (String: why it
    is on the list, or the rule that left it out). Greedy in the order of R-SEL-04; stocks that only a sector cap kept
    out fill what is left (R-SEL-08). Ties are settled by size, then code.
    """
    smoothed_score = pl.col("smoothed_score")
    was_listed = pl.col("code").is_in(sorted(previous_codes))
    note = (
        pl.when(~pl.col("is_tradable")).then(pl.coalesce(pl.col("blocked_by"), pl.lit("R-SEL-05: not tradable")))
        .when(smoothed_score >= settings.entry_threshold).then(pl.lit("enters"))
        .when((smoothed_score >= settings.exit_threshold) & was_listed).then(pl.lit("stays"))
        .when(smoothed_score >= settings.exit_threshold)
        .then(pl.lit(f"R-SEL-06: under the entry score {settings.entry_threshold:g}"))
        .otherwise(pl.lit(f"R-SEL-06: under the exit score {settings.exit_threshold:g}"))
    )  # fmt: skip
    marked = smoothed.with_columns(selection_note=note)
    eligible = marked.filter(pl.col("selection_note").is_in(["enters", "stays"])).sort(selection_order())
    listed, skipped = choose(eligible.select("code", "sector_group").rows(), sector_caps, settings.max_watchlist)
    ranks = {code: rank for rank, code in enumerate(listed, start=1)}
    notes = {
        code: "R-SEL-08: fills the list beyond its sector cap" if code in ranks else "R-SEL-07: sector cap"
        for code in skipped
    }
    notes |= {
        code: "R-SEL-07: the list is full" for code, _ in eligible.select("code", "name").rows()
        if code not in ranks and code not in notes
    }  # fmt: skip
    return marked.with_columns(
        list_rank=pl.col("code").replace_strict(ranks, default=None, return_dtype=pl.Int64),
        selection_note=pl.coalesce(
            pl.col("code").replace_strict(notes, default=None, return_dtype=pl.String), pl.col("selection_note")
        ),
    ).with_columns(is_selected=pl.col("list_rank").is_not_null())


def selection_order() -> list[pl.Expr]:
    """Sort keys of R-SEL-04 for rows with a smoothed score, first first."""
    return [-(pl.col("smoothed_score") / 5.0).floor(), pl.col("size_rank"), pl.col("code")]


def choose(ordered: Sequence[tuple[str, str]], caps: Mapping[str, int], size: int) -> tuple[list[str], list[str]]:
    """Codes of the list in rank order (R-SEL-07, R-SEL-08), and those that their sector's cap kept back at first.

    `ordered` are code and sector of the eligible stocks in `selection_order`.
    """
    chosen, skipped = _greedy(ordered, caps, size)
    return [*chosen, *skipped[: size - len(chosen)]], skipped


def _greedy(ordered: Sequence[tuple[str, str]], caps: Mapping[str, int], size: int) -> tuple[list[str], list[str]]:
    """Codes taken within their sector caps, and those skipped for a cap while the list still had room."""
    taken: list[str] = []
    skipped: list[str] = []
    per_sector: dict[str, int] = {}
    for code, sector in ordered:
        if len(taken) == size:
            break
        count = per_sector.setdefault(sector, 0)
        cap = caps.get(sector, UNKNOWN_SECTOR_CAP)
        if count < cap:
            per_sector[sector] = count + 1
            taken.append(code)
        else:
            skipped.append(code)
    return taken, skipped
