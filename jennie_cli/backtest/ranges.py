"""Whether a folder covers the asked range: refused in one line before anything long begins."""

from datetime import date, timedelta

from jennie_cli.backtest.request import BacktestRequest
from jennie_cli.errors import UserError
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.replay.backtest_bars import index_bars
from jennie_core.scoring.history import HistoryInputs
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.history import HISTORY_DAYS

MIN_SESSIONS = 2
MIN_SESSIONS_BEFORE = 60
MAX_GAP_SESSIONS = 5
ALL_TIME = (date(1990, 1, 1), date(2200, 1, 1))


def checked_sessions(request: BacktestRequest, source: MarketFolder) -> list[date]:
    """Sessions of the range; refuses a range outside the data, a missing stretch, and too little history."""
    every = source.sessions(*ALL_TIME)
    if not every:
        raise UserError(f"--data={request.data}: the folder holds no session at all")
    span = f"the data run from {every[0]} to {every[-1]}"
    expected = calendar_sessions(request)
    if expected[0] < every[0]:
        raise UserError(f"START={request.start}: outside the data; {span}")
    if expected[-1] > every[-1]:
        raise UserError(f"END={request.end}: outside the data; {span}")
    sessions = [day for day in every if request.start <= day <= request.end]
    _refuse_gap(request, expected, set(sessions))
    window = request.start - timedelta(days=HISTORY_DAYS)
    before = sum(window <= day < request.start for day in every)
    if before < MIN_SESSIONS_BEFORE:
        raise UserError(
            f"START={request.start}: {before} sessions before it, scores need {MIN_SESSIONS_BEFORE}; {span}"
        )
    return sessions


def calendar_sessions(request: BacktestRequest) -> list[date]:
    """What the exchange's calendar says of the range; two sessions at least."""
    try:
        expected = KrxCalendar.shipped().sessions_between(request.start, request.end)
    except UnknownSessionError as error:
        raise UserError(f"END={request.end}: {error}") from error
    if len(expected) < MIN_SESSIONS:
        raise UserError(f"START={request.start} END={request.end}: {len(expected)} sessions; {MIN_SESSIONS} are needed")
    return expected


def _refuse_gap(request: BacktestRequest, expected: list[date], known: set[date]) -> None:
    missing: list[date] = []
    for day in [*expected, None]:
        if day is not None and day not in known:
            missing.append(day)
            continue
        if len(missing) > MAX_GAP_SESSIONS:
            raise UserError(
                f"--data={request.data}: no bars from {missing[0]} to {missing[-1]} ({len(missing)} sessions); "
                "the range must be covered, a gap of up to "
                f"{MAX_GAP_SESSIONS} sessions is reported"
            )
        missing = []


def require_index(request: BacktestRequest, inputs: HistoryInputs, sessions: list[date]) -> None:
    """Raises UserError when KOSPI bars are missing on more than a few sessions."""
    known = set(index_bars(inputs.index_daily))
    missing = [day for day in sessions if day not in known]
    if len(missing) > MAX_GAP_SESSIONS:
        raise UserError(
            f"--data={request.data}: KOSPI bars of {len(missing)} sessions are missing, the first {missing[0]}; "
            "index/krx_index_daily.parquet must cover the range and the session before"
        )
