"""OpenDART: documented replies, and every fault that must not become a statement."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from jennie_core.scoring.frames import FUNDAMENTALS, require
from jennie_infra.sources.errors import NoDataError, SourceReplyError
from jennie_infra.sources.web.dart import DartStatements, dart_service
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.kept import KeptReplies
from tests.contract.sources.conftest import LOGIN_PAGE, Answer, Asked, ReplayServer

KEY = "d" * 40
KNOWN_BY = date(2025, 6, 26)
REGISTER = """<?xml version="1.0" encoding="UTF-8"?><result>
<list><corp_code>00126380</corp_code><corp_name>삼성전자</corp_name>
<stock_code>005930</stock_code></list>
<list><corp_code>00434003</corp_code><corp_name>다코</corp_name>
<stock_code> </stock_code></list>
</result>"""


def zipped(text: str = REGISTER, member: str = "CORPCODE.xml") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, text)
    return packed.getvalue()


def account(name: str, amount: str, **changed: str) -> dict[str, str]:
    """A record as the service documents it (주요계정)."""
    return {
        "rcept_no": "20250311001085", "reprt_code": "11011", "bsns_year": "2024", "corp_code": "00126380",
        "stock_code": "005930", "fs_div": "CFS", "sj_div": "IS" if "순이익" in name else "BS", "account_nm": name,
        "thstrm_dt": "2024.01.01 ~ 2024.12.31" if "순이익" in name else "2024.12.31 현재", "thstrm_amount": amount,
    } | changed  # fmt: skip


REPORT = [
    account("자본총계", "402,192,070,000,000"),
    account("당기순이익(손실)", "34,451,351,000,000"),
    account("자본총계", "230,000,000,000,000", fs_div="OFS"),
    account("당기순이익(손실)", "-1,000,000", fs_div="OFS"),
]


def good(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {"status": "000", "message": "정상", "list": rows}


NOTHING = {"status": "013", "message": "조회된 데이타가 없습니다."}


def replay(year_2024: Any, year_2023: Any = NOTHING, register: Any = None) -> Any:
    def script(asked: Asked) -> Answer:
        if asked.path == "/corpCode.xml":
            return Answer(zipped() if register is None else register)
        return Answer(year_2024 if asked.query["bsns_year"] == "2024" else year_2023)

    return script


@pytest.fixture
def dart(server: ReplayServer, kept: KeptReplies) -> Iterator[DartStatements]:
    client = SourceClient(dart_service(server.url, KEY), kept)
    yield DartStatements(client, KEY, lambda _day: ["005930", "000660"])
    client.close()


@pytest.mark.rule("R-DATA-10")
def test_a_consolidated_annual_report_from_its_receipt_day(server: ReplayServer, dart: DartStatements) -> None:
    server.script = replay(good(REPORT))
    frame = require(dart.fundamentals(KNOWN_BY), FUNDAMENTALS, "statements")
    assert frame.drop("roe_pct").rows() == [
        ("005930", "202412", date(2025, 3, 11), 34_451_351_000_000.0, 402_192_070_000_000.0)
    ]
    assert frame["roe_pct"][0] == pytest.approx(8.566, abs=0.001)


@pytest.mark.rule("R-DATA-10")
def test_before_its_receipt_the_report_of_the_year_before_counts(server: ReplayServer, dart: DartStatements) -> None:
    older = [dict(row, rcept_no="20240312000736", thstrm_dt="2023.12.31 현재") for row in REPORT]
    server.script = replay(good(REPORT), good(older))
    assert dart.fundamentals(date(2025, 3, 10))["period"].to_list() == ["202312"]


def test_a_second_question_within_the_hour_asks_nothing(server: ReplayServer, dart: DartStatements) -> None:
    server.script = replay(good(REPORT))
    dart.fundamentals(KNOWN_BY)
    asked = len(server.asked)
    dart.fundamentals(KNOWN_BY)
    assert len(server.asked) == asked == 3


def test_a_missing_figure_is_unknown(server: ReplayServer, dart: DartStatements) -> None:
    server.script = replay(good([account("자본총계", "1,000"), account("당기순이익", "-")]))
    assert dart.fundamentals(KNOWN_BY).select("roe_pct", "net_income_krw", "total_equity_krw").rows() == [
        (None, None, 1000.0)
    ]


def test_no_report_of_anybody_is_no_data(server: ReplayServer, dart: DartStatements) -> None:
    server.script = replay(NOTHING)
    with pytest.raises(NoDataError, match="no annual report of 2 companies"):
        dart.fundamentals(KNOWN_BY)


FAULTS: dict[str, tuple[Any, str]] = {
    "page": (LOGIN_PAGE, "a page came in place of data"),
    "key": ({"status": "010", "message": "등록되지 않은 키입니다."}, "JENNIE_DART_API_KEY"),
    "limit": ({"status": "020", "message": "요청 제한을 초과하였습니다."}, "limit of requests"),
    "maintenance": ({"status": "800", "message": "시스템 점검"}, "refused: 800"),
    "no status": ({"list": []}, "refused: without a status"),
    "no list": ({"status": "000", "message": "정상"}, "records are not a list"),
    "renamed": (good([{"rcept_no": "20250311001085"}]), "lacks the column stock_code"),
    "text": (good([account("자본총계", "약 4백조")]), "is not a number"),
    "receipt": (good([account("자본총계", "1", rcept_no="2025")]), "names no day"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_faulty_report_is_refused(server: ReplayServer, dart: DartStatements, fault: str) -> None:
    body, words = FAULTS[fault]
    server.script = replay(body)
    with pytest.raises(SourceReplyError, match=words) as caught:
        dart.fundamentals(KNOWN_BY)
    assert str(caught.value).startswith("dart statements 2025-06-26: ")
    assert KEY not in str(caught.value)


REGISTERS: dict[str, tuple[Any, str]] = {
    "xml error": ("<result><status>020</status><message>요청 제한</message></result>", "limit of requests.*020"),
    "unknown": ("<result><status>800</status><message>점검</message></result>", "status 800 점검"),
    "json error": ({"status": "010", "message": "등록되지 않은 키입니다."}, "JENNIE_DART_API_KEY"),
    "page": (LOGIN_PAGE, "a page came"),
    "cut zip": (zipped()[:60], "cannot be read"),
    "other member": (zipped(member="OTHER.xml"), "cannot be read"),
    "no xml": (zipped("not xml"), "cannot be read"),
    "nobody": (zipped("<result></result>"), "names no listed company"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REGISTERS, ids=str)
def test_a_faulty_register_is_refused(server: ReplayServer, dart: DartStatements, fault: str) -> None:
    body, words = REGISTERS[fault]
    server.script = replay(good(REPORT), register=body)
    with pytest.raises(SourceReplyError, match=words):
        dart.fundamentals(KNOWN_BY)
