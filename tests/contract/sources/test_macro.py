"""FRED and ECOS: documented replies, and every fault that must not become a macro figure."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from jennie_core.scoring.frames import MACRO_DAILY, require
from jennie_infra.sources.errors import NoDataError, SourceReplyError
from jennie_infra.sources.web.ecos import Ecos, ecos_service
from jennie_infra.sources.web.fred import SERIES, Fred, fred_service
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.kept import KeptReplies
from tests.contract.sources.conftest import LOGIN_PAGE, Answer, Asked, ReplayServer

KEY = "0123456789abcdef0123456789abcdef"
START, DECISION = date(2025, 6, 20), date(2025, 6, 27)


def observations(*rows: tuple[str, str]) -> dict[str, Any]:
    """A reply as FRED documents it."""
    return {
        "realtime_start": "2025-06-27", "realtime_end": "2025-06-27", "units": "lin", "count": len(rows), "offset": 0,
        "observations": [
            {"realtime_start": "2025-06-27", "realtime_end": "2025-06-27", "date": day, "value": value}
            for day, value in rows
        ],
    }  # fmt: skip


def statistics(*rows: tuple[str, str], announced: int | None = None) -> dict[str, Any]:
    """A reply as ECOS documents it."""
    records = [
        {"STAT_CODE": "731Y001", "ITEM_CODE1": "0000001", "ITEM_NAME1": "원/미국달러(매매기준율)", "UNIT_NAME": "원",
         "TIME": day, "DATA_VALUE": value}
        for day, value in rows
    ]  # fmt: skip
    return {"StatisticSearch": {"list_total_count": len(rows) if announced is None else announced, "row": records}}


@pytest.fixture
def fred(server: ReplayServer, kept: KeptReplies) -> Iterator[Fred]:
    client = SourceClient(fred_service(server.url, KEY), kept)
    yield Fred(client, KEY)
    client.close()


@pytest.fixture
def ecos(server: ReplayServer, kept: KeptReplies) -> Iterator[Ecos]:
    client = SourceClient(ecos_service(server.url, KEY), kept)
    yield Ecos(client, KEY)
    client.close()


@pytest.mark.rule("R-MACD-03")
def test_fred_series_up_to_the_day_before_without_missing_values(server: ReplayServer, fred: Fred) -> None:
    server.always(observations(("2025-06-24", "17.48"), ("2025-06-25", "."), ("2025-06-26", "1,016.59")))
    frame = require(fred.macro_daily(START, DECISION), MACRO_DAILY, "macro")
    assert frame.filter(frame["series"] == "VIX").rows() == [
        ("VIX", date(2025, 6, 24), 17.48), ("VIX", date(2025, 6, 26), 1016.59),
    ]  # fmt: skip
    assert {asked.query["series_id"] for asked in server.asked} == set(SERIES.values())
    assert {asked.query["observation_end"] for asked in server.asked} == {"2025-06-26"}


@pytest.mark.rule("R-MACD-04")
def test_ecos_gives_won_per_dollar(server: ReplayServer, ecos: Ecos) -> None:
    server.always(statistics(("20250625", "1,362.0"), ("20250626", "1356.4")))
    frame = require(ecos.macro_daily(START, DECISION), MACRO_DAILY, "macro")
    assert frame.rows() == [("USDKRW", date(2025, 6, 25), 1362.0), ("USDKRW", date(2025, 6, 26), 1356.4)]
    assert server.asked[0].path == f"/StatisticSearch/{KEY}/json/kr/1/1000/731Y001/D/20250620/20250626/0000001"


FRED_FAULTS: dict[str, tuple[Any, int, str]] = {
    "page": (LOGIN_PAGE, 200, "a page came in place of data"),
    "key": ({"error_code": 400, "error_message": "Bad Request.  The value for variable api_key is not registered."},
            400, "key is not accepted.*JENNIE_FRED_API_KEY"),
    "limit": ({"error_code": 429, "error_message": "Too Many Requests.  Exceeded Rate Limit"}, 429, "limit"),
    "bad series": ({"error_code": 400, "error_message": "Bad Request.  No such series."}, 400, "refused: 400"),
    "no value": (observations(("2025-06-26", ".")), 200, "no value from"),
    "empty": (observations(), 200, "no value from"),
    "no list": ({"count": 3}, 200, "records are not a list"),
    "renamed": ({"observations": [{"day": "2025-06-26", "value": "17"}]}, 200, "lacks the column date"),
    "text": (observations(("2025-06-26", "n/a")), 200, "is not a number"),
    "tomorrow": (observations(("2025-06-27", "17.5")), 200, "was not asked for"),
    "old page": (observations(("2024-06-26", "17.5")), 200, "was not asked for"),
    "twice": (observations(("2025-06-26", "17.5"), ("2025-06-26", "17.6")), 200, "stands twice"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FRED_FAULTS, ids=str)
def test_a_faulty_fred_reply_is_refused(server: ReplayServer, fred: Fred, fault: str) -> None:
    body, status, words = FRED_FAULTS[fault]
    server.always(body, status)
    with pytest.raises(SourceReplyError, match=words) as caught:
        fred.macro_daily(START, DECISION)
    assert str(caught.value).startswith("fred macro 2025-06-26: ")
    assert KEY not in str(caught.value)


ECOS_FAULTS: dict[str, tuple[Any, int, str]] = {
    "page": (LOGIN_PAGE.encode("cp949"), 200, "a page came in place of data"),
    "key": ({"RESULT": {"CODE": "INFO-100", "MESSAGE": "인증키가 유효하지 않습니다."}}, 200, "JENNIE_ECOS_API_KEY"),
    "limit": ({"RESULT": {"CODE": "ERROR-602", "MESSAGE": "과도한 OpenAPI호출"}}, 200, "limit of requests"),
    "other": ({"RESULT": {"CODE": "ERROR-500", "MESSAGE": "서버 오류입니다."}}, 200, "refused: ERROR-500"),
    "no block": ({"Statistic": {}}, 200, "no StatisticSearch"),
    "cut short": (statistics(("20250626", "1356.4"), announced=2), 200, "cut short"),
    "renamed": ({"StatisticSearch": {"list_total_count": 1, "row": [{"TIME": "20250626"}]}}, 200, "lacks the column"),
    "monthly": (statistics(("202506", "1356.4")), 200, "was not asked for"),
}  # fmt: skip


@pytest.mark.parametrize("fault", ECOS_FAULTS, ids=str)
def test_a_faulty_ecos_reply_is_refused(server: ReplayServer, ecos: Ecos, fault: str) -> None:
    body, status, words = ECOS_FAULTS[fault]
    server.always(body, status)
    with pytest.raises(SourceReplyError, match=words) as caught:
        ecos.macro_daily(START, DECISION)
    assert KEY not in str(caught.value)


def test_no_data_is_said_as_such(server: ReplayServer, ecos: Ecos) -> None:
    server.always({"RESULT": {"CODE": "INFO-200", "MESSAGE": "해당하는 데이터가 없습니다."}})
    with pytest.raises(NoDataError, match="no data: INFO-200"):
        ecos.macro_daily(START, DECISION)


def test_a_key_that_an_error_repeats_is_struck_out(server: ReplayServer, ecos: Ecos) -> None:
    def echo(asked: Asked) -> Answer:
        return Answer({"RESULT": {"CODE": "ERROR-100", "MESSAGE": f"bad request {asked.path}"}})

    server.script = echo
    with pytest.raises(SourceReplyError, match=r"bad request /StatisticSearch/\*\*\*/json") as caught:
        ecos.macro_daily(START, DECISION)
    assert KEY not in str(caught.value)
