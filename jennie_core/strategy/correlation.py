"""Correlation of a candidate with the held stocks on daily log returns (R-COR-01..05)."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from math import isfinite, log, sqrt

from jennie_core.domain.decisions import Refusal

Closes = Mapping[date, float]
"""Session date -> close of one code."""

WINDOW_RETURNS = 60
MIN_PRICES = 21
MIN_RETURNS = 20


def return_correlation(first: Closes, second: Closes) -> float | None:
    """Pearson of daily log returns over the last 60 common returns, aligned by date; None = no opinion.

    Needs 21 prices and 20 finite returns each on common dates; a series without movement has no correlation.
    """
    days = sorted(first.keys() & second.keys())[-(WINDOW_RETURNS + 1) :]
    if len(days) < MIN_PRICES:
        return None
    pairs: list[tuple[float, float]] = []
    for before, after in pairwise(days):
        a, b = _log_return(first[before], first[after]), _log_return(second[before], second[after])
        if a is not None and b is not None:
            pairs.append((a, b))
    return _pearson(pairs) if len(pairs) >= MIN_RETURNS else None


def check_correlation(
    code: str, candidate: Closes | None, held: Mapping[str, Closes | None], limit: float
) -> Refusal | None:
    """Refuses when the candidate moves with any held stock at `limit` or more; missing data passes (R-COR-03).

    Negative correlation never blocks (R-COR-05).
    """
    if candidate is None:
        return None
    worst_code, worst = "", limit
    for held_code, closes in sorted(held.items()):
        if held_code == code or closes is None:
            continue
        value = return_correlation(candidate, closes)
        if value is not None and value >= worst:
            worst_code, worst = held_code, value
    if not worst_code:
        return None
    return Refusal(rule="R-COR-02", detail=f"moves with {worst_code}", value=round(worst, 4), limit=limit)


def _log_return(before: float, after: float) -> float | None:
    if not (before > 0 and after > 0):
        return None
    value = log(after / before)
    return value if isfinite(value) else None


def _pearson(pairs: list[tuple[float, float]]) -> float | None:
    n = len(pairs)
    mean_a, mean_b = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    covariance = sum((a - mean_a) * (b - mean_b) for a, b in pairs)
    variance_a, variance_b = sum((a - mean_a) ** 2 for a, _ in pairs), sum((b - mean_b) ** 2 for _, b in pairs)
    if variance_a <= 0 or variance_b <= 0:
        return None
    return covariance / sqrt(variance_a * variance_b)
