"""KRX Open API: its documented replies, and every fault that must not become a price."""

import gzip
from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson
import pytest

from jennie_core.krx.calendar import KrxCalendar
from jennie_core.scoring.frames import DAILY_PRICES, INDEX_DAILY, MARKET_CAPS, STOCK_MASTER, require
from jennie_infra.sources.errors import SourceReplyError
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.kept import KeptReplies
from jennie_infra.sources.web.krx import KrxIndex, KrxPrices, krx_service
from tests.contract.sources.conftest import LOGIN_PAGE, Answer, Asked, ReplayServer

KEY = "KRXSECRET+/=KEY"
DAY = date(2025, 6, 27)


def stock(code: str, name: str, day: str = "20250627", **changed: str) -> dict[str, str]:
    """A record as the exchange documents it (유가증권 일별매매정보)."""
    return {
        "BAS_DD": day, "ISU_CD": code, "ISU_NM": name, "MKT_NM": "KOSPI", "SECT_TP_NM": "-",
        "TDD_CLSPRC": "60,800", "CMPPREVDD_PRC": "600", "FLUC_RT": "1.00", "TDD_OPNPRC": "60,300",
        "TDD_HGPRC": "61,000", "TDD_LWPRC": "60,100", "ACC_TRDVOL": "15,000,000", "ACC_TRDVAL": "909,000,000,000",
        "MKTCAP": "359,900,000,000,000", "LIST_SHRS": "5,919,637,922",
    } | changed  # fmt: skip


def index(name: str, day: str = "20250627") -> dict[str, str]:
    """A record as the exchange documents it (KOSPI 시리즈 일별시세정보)."""
    return {
        "BAS_DD": day, "IDX_CLSS": "KOSPI", "IDX_NM": name, "CLSPRC_IDX": "3,055.94", "CMPPREVDD_IDX": "-23.62",
        "FLUC_RT": "-0.77", "OPNPRC_IDX": "3,087.25", "HGPRC_IDX": "3,096.19", "LWPRC_IDX": "3,041.20",
        "ACC_TRDVOL": "500,000", "ACC_TRDVAL": "12,000,000", "MKTCAP": "2,500,000,000",
    }  # fmt: skip


def block(*rows: dict[str, str]) -> dict[str, Any]:
    return {"OutBlock_1": list(rows)}


KOSPI_DAY = block(stock("005930", "삼성전자"), stock("KR7000660001", "SK하이닉스"))
KOSDAQ_DAY = block(
    stock("035720", "관리받는회사", SECT_TP_NM="관리종목(소속부없음)"),
    stock("0126Z0", "멈춘회사", TDD_OPNPRC="0", TDD_HGPRC="0", TDD_LWPRC="0", ACC_TRDVOL="0", MKTCAP="-"),
)


def market(asked: Asked) -> Answer:
    replies = {
        "/sto/stk_bydd_trd": KOSPI_DAY,
        "/sto/ksq_bydd_trd": KOSDAQ_DAY,
        "/idx/kospi_dd_trd": block(index("코스피"), index("코스피 200"), index("코스피 100")),
        "/idx/kosdaq_dd_trd": block(index("코스닥"), index("코스닥 150")),
    }
    return Answer(replies[asked.path])


@pytest.fixture
def client(server: ReplayServer, kept: KeptReplies) -> Iterator[SourceClient]:
    made = SourceClient(krx_service(server.url, KEY), kept)
    yield made
    made.close()


@pytest.fixture
def prices(client: SourceClient) -> KrxPrices:
    return KrxPrices(client, KrxCalendar.shipped())


def test_a_session_becomes_bars_listing_and_market_values(server: ReplayServer, prices: KrxPrices) -> None:
    server.script = market
    bars = require(prices.daily_prices(DAY, DAY), DAILY_PRICES, "bars")
    assert bars["code"].to_list() == ["000660", "005930", "0126Z0", "035720"]
    assert bars.filter(bars["code"] == "005930").row(0) == (
        "005930", DAY, 60_300, 61_000, 60_100, 60_800, 15_000_000, False,
    )  # fmt: skip
    assert bars.filter(bars["is_halted"])["code"].to_list() == ["0126Z0"]
    master = require(prices.stock_master(DAY), STOCK_MASTER, "master")
    assert master.select("code", "market", "status").rows() == [
        ("000660", "KOSPI", None), ("005930", "KOSPI", None),
        ("0126Z0", "KOSDAQ", "halted"), ("035720", "KOSDAQ", "administrative"),
    ]  # fmt: skip
    caps = require(prices.market_caps(DAY), MARKET_CAPS, "caps")
    assert "0126Z0" not in caps["code"].to_list()
    assert caps.filter(caps["code"] == "005930").row(0)[2:] == (359_900_000_000_000, 5_919_637_922)


def test_one_page_is_asked_once_with_the_key_in_its_header(server: ReplayServer, prices: KrxPrices) -> None:
    server.script = market
    prices.daily_prices(DAY, DAY)
    prices.stock_master(date(2025, 6, 29))
    assert [asked.path for asked in server.asked] == ["/sto/stk_bydd_trd", "/sto/ksq_bydd_trd"]
    assert all(asked.headers["auth_key"] == KEY and asked.query == {"basDd": "20250627"} for asked in server.asked)


def test_a_closed_day_is_not_asked_for(server: ReplayServer, prices: KrxPrices) -> None:
    assert prices.daily_prices(date(2025, 6, 28), date(2025, 6, 29)).height == 0
    assert server.asked == []


@pytest.mark.rule("R-DATA-03")
def test_index_levels_of_a_session(server: ReplayServer, client: SourceClient) -> None:
    server.script = market
    levels = require(KrxIndex(client, KrxCalendar.shipped()).index_daily(DAY, DAY), INDEX_DAILY, "index")
    assert levels["index_code"].to_list() == ["KOSDAQ", "KOSPI", "KOSPI200"]
    assert levels.row(1) == ("KOSPI", DAY, 3087.25, 3096.19, 3041.20, 3055.94, -0.77)


@pytest.mark.rule("R-MACD-01")
@pytest.mark.parametrize("rows", [[index("코스피")], [index("코스피", "20250626"), index("코스피 200", "20250626")]])
def test_an_index_that_is_missing_or_of_yesterday_is_refused(
    server: ReplayServer, client: SourceClient, rows: list[dict[str, str]]
) -> None:
    server.always(block(*rows))
    with pytest.raises(SourceReplyError, match=r"krx index 2025-06-27: .*(코스피 200|another day)"):
        KrxIndex(client, KrxCalendar.shipped()).index_daily(DAY, DAY)


def without(column: str) -> dict[str, Any]:
    return block({name: value for name, value in stock("005930", "삼성전자").items() if name != column})


FAULTS: dict[str, tuple[Any, int, str]] = {
    "login page": (LOGIN_PAGE, 200, "a page came in place of data"),
    "CP949 page": (LOGIN_PAGE.encode("cp949"), 200, "a page came in place of data"),
    "binary": (b"\xff\xfe\x00\x81", 200, "neither UTF-8 nor CP949"),
    "cut off": ('{"OutBlock_1": [', 200, "not JSON"),
    "list": ([1, 2], 200, "not a JSON object"),
    "empty session": (block(), 200, "a session without rows"),
    "no block": ({"output": []}, 200, "no OutBlock_1"),
    "yesterday": (block(stock("005930", "삼성전자", day="20250626")), 200, "another day's page"),
    "mixed days": (block(stock("005930", "가"), stock("000660", "나", day="20250626")), 200, "row 2 is of 20250626"),
    "missing column": (without("TDD_CLSPRC"), 200, "lacks the column TDD_CLSPRC"),
    "no number": (block(stock("005930", "삼성전자", TDD_CLSPRC="N/A")), 200, "TDD_CLSPRC, value 'N/A': not a number"),
    "no close": (block(stock("005930", "삼성전자", TDD_CLSPRC="-")), 200, "column close.*missing"),
    "zero close": (block(stock("005930", "삼성전자", TDD_CLSPRC="0")), 200, "a close of 0 is no price"),
    "impossible bar": (block(stock("005930", "삼성전자", TDD_HGPRC="50,000")), 200, "the high is below"),
    "twice": (block(stock("005930", "가"), stock("005930", "나")), 200, "more than one row"),
    "key in 200": ({"respMsg": "Unauthorized Key", "respCode": "401"}, 200, "key is not accepted.*JENNIE_KRX_API_KEY"),
    "key": ({"respMsg": "Unauthorized API Call", "respCode": "401"}, 401, "key is not accepted.*approved"),
    "limit": ({"respMsg": "too many", "respCode": "429"}, 429, "limit of requests is reached"),
    "plain limit": ("slow down", 429, "limit of requests|not JSON"),
    "redirect": ("", 302, "sends to another page"),
    "server error": ("down", 503, "no answer after 3 tries .status 503"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_faulty_reply_is_one_line_and_never_a_price(server: ReplayServer, prices: KrxPrices, fault: str) -> None:
    body, status, words = FAULTS[fault]
    server.always(body, status)
    with pytest.raises(SourceReplyError, match=words) as caught:
        prices.daily_prices(DAY, DAY)
    line = str(caught.value)
    assert line.startswith("krx daily_prices 2025-06-27: ")
    assert "\n" not in line
    assert KEY not in line


def test_a_cp949_reply_is_read(server: ReplayServer, prices: KrxPrices) -> None:
    server.script = lambda asked: Answer(orjson.dumps(market(asked).body).decode().encode("cp949"))
    assert prices.stock_master(DAY).filter(prices.stock_master(DAY)["code"] == "005930")["name"].item() == "삼성전자"


def test_a_passing_failure_is_asked_again(server: ReplayServer, prices: KrxPrices) -> None:
    failures = iter([Answer("busy", 503)])
    server.script = lambda asked: next(failures, None) or market(asked)
    assert prices.daily_prices(DAY, DAY).height == 4


def test_a_refused_reply_is_kept_without_the_key(server: ReplayServer, prices: KrxPrices, kept: KeptReplies) -> None:
    server.always({"respMsg": f"no such key {KEY}", "respCode": "401"}, 401)
    with pytest.raises(SourceReplyError) as caught:
        prices.daily_prices(DAY, DAY)
    assert kept.folder is not None
    (path,) = kept.folder.iterdir()
    text = gzip.decompress(path.read_bytes()).decode()
    assert "no such key ***" in text
    assert KEY not in text
    assert path.name in str(caught.value)
    assert path.stat().st_mode & 0o077 == 0


def test_nobody_there_is_said_without_the_address(kept: KeptReplies) -> None:
    client = SourceClient(krx_service("http://127.0.0.1:9", KEY), kept)
    with pytest.raises(SourceReplyError, match=r"no answer after 3 tries .ConnectError") as caught:
        KrxPrices(client, KrxCalendar.shipped()).daily_prices(DAY, DAY)
    client.close()
    assert "127.0.0.1" not in str(caught.value)
