"""Naver's news search: documented replies, and every fault that must not become a headline."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from jennie_core.scoring.frames import HEADLINES, require
from jennie_infra.sources.errors import SourceReplyError
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.kept import KeptReplies
from jennie_infra.sources.web.naver import NaverNews, naver_service
from tests.contract.sources.conftest import LOGIN_PAGE, Answer, ReplayServer

START, END = date(2025, 6, 13), date(2025, 6, 26)
SECRET = "naver+secret"


def item(title: str, published: str = "Thu, 26 Jun 2025 09:30:00 +0900") -> dict[str, str]:
    return {
        "title": title, "originallink": "https://www.example.co.kr/news/1", "link": "https://n.news.naver.com/1",
        "description": "…", "pubDate": published,
    }  # fmt: skip


def found(*items: dict[str, str]) -> dict[str, Any]:
    return {"lastBuildDate": "Thu, 26 Jun 2025 10:00:00 +0900", "total": len(items), "start": 1, "display": 100,
            "items": list(items)}  # fmt: skip


@pytest.fixture
def news(server: ReplayServer, kept: KeptReplies) -> Iterator[NaverNews]:
    client = SourceClient(naver_service(server.url, "client-id", SECRET), kept)
    yield NaverNews(client, lambda _day: {"005930": "삼성전자"})
    client.close()


def test_titles_are_cleaned_and_asked_for_with_keys_in_headers(server: ReplayServer, news: NaverNews) -> None:
    server.always(found(item("<b>삼성전자</b> &quot;2나노&quot; 수주 &lt;종합&gt;")))
    frame = require(news.headlines(START, END), HEADLINES, "headlines")
    assert frame.rows() == [("005930", date(2025, 6, 26), '삼성전자 "2나노" 수주 <종합>', "example.co.kr")]
    (asked,) = server.asked
    assert (asked.headers["x-naver-client-id"], asked.headers["x-naver-client-secret"]) == ("client-id", SECRET)
    assert asked.query == {"query": "삼성전자", "display": "100", "start": "1", "sort": "date"}


@pytest.mark.rule("R-NEWS-07")
@pytest.mark.parametrize(
    ("published", "day"),
    [
        ("Wed, 25 Jun 2025 15:30:00 +0000", date(2025, 6, 26)),
        ("Thu, 26 Jun 2025 00:10:00 +0900", date(2025, 6, 26)),
        ("Wed, 25 Jun 2025 14:59:00 GMT", date(2025, 6, 25)),
    ],
)
def test_the_date_is_that_of_seoul(server: ReplayServer, news: NaverNews, published: str, day: date) -> None:
    server.always(found(item("삼성전자 실적", published)))
    assert news.headlines(START, END)["published_on"].to_list() == [day]


def test_only_dated_titles_of_the_window_that_name_the_company_count(server: ReplayServer, news: NaverNews) -> None:
    server.always(
        found(
            item("삼성전자 신제품"),
            item("삼성전자 신제품"),
            item("반도체 시황"),
            item("삼성전자 오늘", "Fri, 27 Jun 2025 07:00:00 +0900"),
            item("삼성전자 예전", "Sun, 01 Jun 2025 07:00:00 +0900"),
            item("삼성전자 날짜 없음", ""),
            item("삼성전자 지역 없음", "Thu, 26 Jun 2025 09:30:00 -0000"),
        )
    )
    assert news.headlines(START, END)["title"].to_list() == ["삼성전자 신제품"]


def test_a_window_that_the_search_cannot_reach_is_refused(server: ReplayServer, news: NaverNews) -> None:
    late = [item(f"삼성전자 {number}", "Mon, 30 Jun 2025 09:00:00 +0900") for number in range(100)]
    server.script = lambda _asked: Answer(found(*late))
    with pytest.raises(SourceReplyError, match=r"reaches back to 2025-06-30 .*market folder"):
        news.headlines(START, END)
    assert [asked.query["start"] for asked in server.asked] == ["1", "101"]


def test_a_longer_name_is_not_the_company_inside_it(server: ReplayServer, kept: KeptReplies) -> None:
    client = SourceClient(naver_service(server.url, "client-id", SECRET), kept)
    server.always(found(item("SK하이닉스 신고가"), item("SK, SK하이닉스 지분 확대")))
    frame = NaverNews(client, lambda _day: {"034730": "SK", "000660": "SK하이닉스"}).headlines(START, END)
    client.close()
    assert frame.select("code", "title").rows() == [
        ("000660", "SK, SK하이닉스 지분 확대"),
        ("000660", "SK하이닉스 신고가"),
        ("034730", "SK, SK하이닉스 지분 확대"),
    ]


FAULTS: dict[str, tuple[Any, int, str]] = {
    "page": (LOGIN_PAGE, 200, "a page came in place of data"),
    "key": ({"errorCode": "024", "errorMessage": "Authentication failed (인증에 실패했습니다.)"}, 401, "CLIENT_SECRET"),
    "limit": ({"errorCode": "012", "errorMessage": "Rate limit exceeded"}, 429, "limit of requests"),
    "query": ({"errorCode": "SE01", "errorMessage": "Incorrect query request"}, 400, "refused: SE01"),
    "no items": ({"total": 1}, 200, "records are not a list"),
    "renamed": (found({"title": "삼성전자", "pubDate": "", "url": ""}), 200, "lacks the column originallink"),
    "undated": (found(item("삼성전자", "어제")), 200, "none of 1 items of 삼성전자 has a readable date"),
    "nothing": (found(), 200, "no headline of any of 1 companies"),
}  # fmt: skip


@pytest.mark.rule("R-SMK-03")
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_faulty_reply_is_refused(server: ReplayServer, news: NaverNews, fault: str) -> None:
    body, status, words = FAULTS[fault]
    server.always(body, status)
    with pytest.raises(SourceReplyError, match=words) as caught:
        news.headlines(START, END)
    assert str(caught.value).startswith("naver headlines 2025-06-26: ")
    assert SECRET not in str(caught.value)
