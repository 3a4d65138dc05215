"""Chart phase of a stock (R-PHASE-02): a declining stage 4 is not handed to the analyst."""

import polars as pl

MIN_SESSIONS = 80


def with_phase(readings: pl.DataFrame) -> pl.DataFrame:
    """Add chart_phase (Int8 1..4, null below 80 closes) to rows with close_krw, ma20, ma60, ma60_before and sessions.

    Stage 2 = close > MA20 > MA60 and MA60 rising over 20 sessions; stage 4 = close < MA20 < MA60 and MA60 falling;
    stage 3 = MA60 not rising while the close holds it (the top after a stage 2); else stage 1.
    """
    close, ma20, ma60 = pl.col("close_krw"), pl.col("ma20"), pl.col("ma60")
    slope = ma60 - pl.col("ma60_before")
    phase = (
        pl.when((close > ma20) & (ma20 > ma60) & (slope > 0))
        .then(2)
        .when((close < ma20) & (ma20 < ma60) & (slope < 0))
        .then(4)
        .when((slope <= 0) & (close >= ma60))
        .then(3)
        .otherwise(1)
    )
    known = (pl.col("sessions") >= MIN_SESSIONS) & slope.is_not_null()
    return readings.with_columns(chart_phase=pl.when(known).then(phase).cast(pl.Int8))


def is_declining() -> pl.Expr:
    """True for a known stage 4; an unknown phase is kept."""
    return (pl.col("chart_phase") == 4).fill_null(value=False)
