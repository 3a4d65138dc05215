"""Invented companies: names, codes, sectors and sizes. None is a real listing; real codes do not begin with 7."""

from dataclasses import dataclass, replace

import numpy as np

from jennie_core.domain.enums import AssetKind, ListingStatus, Market


@dataclass(frozen=True, slots=True)
class Company:
    """One invented listing. `beta`, `spread_pct` (usual daily move) and `activity` drive its prices and volume."""

    code: str
    name: str
    market: Market
    kind: AssetKind
    status: ListingStatus
    sector_large: str
    sector_mid: str
    first_price_krw: int
    shares: int
    beta: float
    spread_pct: float
    activity: float
    listed_for_sessions: int | None = None
    """Sessions since its listing; None = longer than the history."""


SECTORS: tuple[tuple[str, str, tuple[str, ...], int], ...] = (
    ("반도체", "반도체_장비", ("반도체", "실리콘", "세미텍", "나노칩"), 16),
    ("헬스케어", "제약_바이오", ("바이오텍", "제약", "메디랩", "젠셀"), 16),
    ("배터리", "배터리_소재", ("에너셀", "전지", "양극재", "배터리솔루션"), 12),
    ("자동차", "자동차부품", ("오토", "모빌리티", "자동차부품", "드라이브"), 12),
    ("인터넷", "플랫폼_소프트웨어", ("소프트랩", "플랫폼", "데이터웍스"), 11),
    ("금융", "은행_증권", ("금융지주", "증권", "손해보험", "캐피탈"), 10),
    ("건설", "건설_건자재", ("건설", "이앤씨", "건자재"), 9),
    ("조선", "조선_기자재", ("조선해양", "중공업", "마린"), 8),
    ("방산", "우주_방산", ("디펜스", "항공우주"), 6),
    ("석유화학", "화학_정유", ("케미칼", "정유", "폴리머"), 9),
    ("철강", "철강_가공", ("제강", "스틸", "특수강"), 7),
    ("음식료", "식품_음료", ("식품", "음료", "푸드"), 8),
    ("화장품", "화장품_브랜드", ("코스메틱", "뷰티랩"), 6),
    ("게임", "게임_개발", ("게임즈", "인터랙티브"), 6),
    ("방송미디어", "콘텐츠_엔터", ("엔터테인먼트", "스튜디오"), 6),
    ("통신", "통신_장비", ("텔레콤", "네트웍스"), 5),
    ("운송", "해운_물류", ("해운", "로지스"), 6),
    ("에너지", "전력_가스", ("에너지", "파워텍"), 6),
)
"""Large sector, middle sector, endings of company names, usual number of companies."""

_FIRST = (
    *("가람", "누리별", "다온별", "도담", "라온빛", "마루샘", "미르온", "바다솔", "벼리", "산들재"),
    *("새벽빛", "소담", "아라솔", "여울", "온새미", "은가람", "이든별", "잎새", "차오름", "토담"),
    *("푸른솔", "하늬", "한울림", "해오름", "가온별", "나래솔", "다솜빛", "들꽃마루", "로운", "모란재"),
)

_STATUSES = (
    ListingStatus.ADMINISTRATIVE,
    ListingStatus.ADMINISTRATIVE,
    ListingStatus.INVESTMENT_WARNING,
    ListingStatus.INVESTMENT_RISK,
    ListingStatus.OVERHEATED,
    ListingStatus.HALTED,
    ListingStatus.HALTED,
    ListingStatus.LIQUIDATION_TRADING,
)


def invent_companies(rng: np.random.Generator, codes: int) -> list[Company]:
    """Invent a listing of `codes` securities, largest first within each sector.

    Mostly ordinary shares of both markets, and a few of each kind that a universe leaves out: preferred shares, SPACs,
    ETFs, REITs, administrative issues, warnings, halts, thin trading and recent listings.
    """
    others = max(8, codes // 12)
    common = _common_shares(rng, codes - others)
    return common + _other_kinds(rng, common, others)


def _common_shares(rng: np.random.Generator, count: int) -> list[Company]:
    weights = np.array([sector[3] for sector in SECTORS], dtype=float)
    members = np.maximum(1, np.floor(weights / weights.sum() * count)).astype(int)
    for extra in range(count - int(members.sum())):
        members[extra % len(members)] += 1
    names = _names(rng)
    companies: list[Company] = []
    for (large, middle, endings, _), size in zip(SECTORS, members, strict=True):
        for rank in range(int(size)):
            companies.append(_common(rng, len(companies), next(names), large, middle, endings, rank))
    return _with_special_states(rng, companies)


def _names(rng: np.random.Generator) -> "_Names":
    return _Names([str(name) for name in rng.permutation(_FIRST)])


class _Names:
    """First parts of company names, each used once per round; a second round gets a number word."""

    _ROUNDS = ("", "신", "대", "동", "한", "태", "청", "백", "금", "성")

    def __init__(self, first: list[str]) -> None:
        self._first, self._given = first, 0

    def __next__(self) -> str:
        turn, position = divmod(self._given, len(self._first))
        self._given += 1
        return f"{self._ROUNDS[turn % len(self._ROUNDS)]}{self._first[position]}" + ("" if turn < 10 else str(turn))


def _common(
    rng: np.random.Generator, number: int, first: str, large: str, middle: str, endings: tuple[str, ...], rank: int
) -> Company:
    is_large = rank < 2
    cap_krw = float(rng.lognormal(29.3, 0.6) if is_large else rng.lognormal(26.6, 0.9))
    price = int(np.clip(rng.lognormal(10.4 if is_large else 9.5, 0.9), 1_200, 600_000))
    kosdaq = not is_large and rng.random() < 0.62
    return Company(
        code=_code(rng, number, "0"),
        name=first + endings[rank % len(endings)],
        market=Market.KOSDAQ if kosdaq else Market.KOSPI,
        kind=AssetKind.COMMON,
        status=ListingStatus.NORMAL,
        sector_large=large,
        sector_mid=middle,
        first_price_krw=price,
        shares=max(1_000_000, int(cap_krw / price)),
        beta=float(rng.normal(1.0, 0.28)),
        spread_pct=float(rng.lognormal(0.25 if is_large else 0.75, 0.3)),
        activity=float(rng.lognormal(-0.1, 0.7)),
    )


def _code(rng: np.random.Generator, number: int, last: str) -> str:
    """Six characters beginning with 7; every 23rd carries a letter, as new codes do since 2024."""
    digits = f"7{number * 53 % 10_000:04d}"
    return f"{digits[:4]}A{last}" if number % 23 == 22 else f"{digits}{last}"


def _with_special_states(rng: np.random.Generator, companies: list[Company]) -> list[Company]:
    changed = list(companies)
    chosen = rng.permutation(len(changed))
    small = [int(index) for index in chosen if changed[index].market is Market.KOSDAQ]
    for status, index in zip(_STATUSES, small, strict=False):
        changed[index] = _replace(changed[index], status=status)
    for index in small[len(_STATUSES) : len(_STATUSES) + 3]:
        changed[index] = _replace(changed[index], listed_for_sessions=int(rng.integers(12, 55)))
    for index in small[len(_STATUSES) + 3 : len(_STATUSES) + 8]:
        changed[index] = _replace(changed[index], activity=0.03)
    return changed


def _replace(company: Company, **changes: object) -> Company:
    return replace(company, **changes)  # type: ignore[arg-type]


def _other_kinds(rng: np.random.Generator, common: list[Company], count: int) -> list[Company]:
    largest = sorted(common, key=lambda company: -company.first_price_krw * company.shares)
    kinds = [AssetKind.PREFERRED, AssetKind.SPAC, AssetKind.ETF, AssetKind.REIT]
    made: list[Company] = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        parent = largest[number % len(largest)]
        made.append(_of_kind(rng, kind, number, parent))
    return made


def _of_kind(rng: np.random.Generator, kind: AssetKind, number: int, parent: Company) -> Company:
    serial = number // 4 + 1
    if kind is AssetKind.PREFERRED:
        code, name, price = parent.code[:5] + "5", parent.name + "우", int(parent.first_price_krw * 0.7)
        sector = (parent.sector_large, parent.sector_mid)
    else:
        code = _code(rng, 9_000 + number, "0")
        sector = ("금융", "기타금융")
        name, price = {
            AssetKind.SPAC: (f"여울제{serial}호스팩", 2_000 + 35 * serial),
            AssetKind.ETF: (f"누리별 200지수{serial}", 10_000 * serial + 4_500),
        }.get(kind, (f"온새미{serial}호리츠", 3_000 + 700 * serial))
    calm = kind is not AssetKind.PREFERRED
    return Company(
        code=code,
        name=name,
        market=Market.KOSDAQ if kind is AssetKind.SPAC else Market.KOSPI,
        kind=kind,
        status=ListingStatus.NORMAL,
        sector_large=sector[0],
        sector_mid=sector[1],
        first_price_krw=max(1_000, price),
        shares=int(rng.integers(5_000_000, 30_000_000)),
        beta=0.1 if kind in (AssetKind.SPAC, AssetKind.REIT) else 0.9,
        spread_pct=0.35 if calm else 1.3,
        activity=0.4,
    )
