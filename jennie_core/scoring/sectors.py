"""The fifteen sector groups and the names that lead to them (R-SECT)."""

import polars as pl

SECTOR_GROUPS: tuple[str, ...] = (
    "반도체/IT",
    "바이오/헬스케어",
    "2차전지/소재",
    "금융",
    "자동차",
    "건설/부동산",
    "화학/에너지",
    "철강/소재",
    "음식료/생활",
    "미디어/엔터",
    "운송/물류",
    "통신",
    "유틸리티",
    "조선/방산",
    "기타",
)
"""R-SECT-01, labels as stored."""

OTHER = "기타"
UNCLASSIFIED = "미분류"

CODE_OVERRIDES: dict[str, str] = {"000880": "조선/방산"}
"""R-SECT-03: a stock whose business differs from its portal sub-sector."""

_PORTAL = {
    "반도체/IT": (
        "반도체와반도체장비 디스플레이장비및부품 디스플레이패널 전자장비와기기 전자제품 "
        "컴퓨터와주변기기 핸드셋 사무용전자제품 전기제품 소프트웨어 IT서비스 "
        "양방향미디어와서비스 인터넷과카탈로그소매"
    ),
    "바이오/헬스케어": "제약 생물공학 생명과학도구및서비스 건강관리장비와용품 건강관리업체및서비스 건강관리기술",
    "2차전지/소재": "전기장비",
    "금융": "은행 증권 손해보험 생명보험 카드 기타금융 창업투자",
    "자동차": "자동차 자동차부품",
    "건설/부동산": "건설 건축자재 건축제품 부동산",
    "화학/에너지": "화학 석유와가스 에너지장비및서비스 가스유틸리티",
    "철강/소재": "철강 비철금속 포장재 종이와목재 기계",
    "음식료/생활": (
        "식품 식품과기본식료품소매 음료 담배 가정용품 가정용기기와용품 화장품 "
        "섬유,의류,신발,호화품 섬유·의류·신발·호화품 호텔,레스토랑,레저 호텔·레스토랑·레저 "
        "다각화된소비자서비스 교육서비스 백화점과일반상점 전문소매 판매업체 무역회사와판매업체"
    ),
    "미디어/엔터": "게임엔터테인먼트 방송과엔터테인먼트 레저용장비와제품 광고 출판",
    "운송/물류": "해운사 항공사 항공화물운송과물류 도로와철도운송 운송인프라",
    "통신": "통신장비 다각화된통신서비스 무선통신서비스",
    "유틸리티": "전기유틸리티 복합유틸리티",
    "조선/방산": "조선 우주항공과국방",
    "기타": "상업서비스와공급품 복합기업 가구 문구류 기타",
}
PORTAL_SUB_SECTORS: dict[str, str] = {name: group for group, names in _PORTAL.items() for name in names.split()}
"""R-SECT-02: portal sub-sector name to group."""

_LARGE = {
    "반도체/IT": "반도체 디스플레이 스마트폰 전자제품 인터넷",
    "바이오/헬스케어": "헬스케어",
    "2차전지/소재": "배터리",
    "금융": "금융",
    "자동차": "자동차",
    "건설/부동산": "건설",
    "화학/에너지": "석유화학 에너지",
    "철강/소재": "철강 비철금속 기계",
    "음식료/생활": "음식료 내수 유통 패션 화장품",
    "미디어/엔터": "게임 방송미디어",
    "운송/물류": "운송",
    "통신": "통신",
    "조선/방산": "조선 방산",
    "기타": "지주사 전문서비스 미분류",
}
LARGE_SECTORS: dict[str, str] = {name: group for group, names in _LARGE.items() for name in names.split()}
"""Large sector of the classification in the market folder (decision 0002) to group."""

_MID = {
    "건설/부동산": "리츠",
    "기타": "가구 컨택센터",
    "철강/소재": "종이",
    "화학/에너지": "주유소",
    "미디어/엔터": "여가 광고_비계열 광고_계열",
    "2차전지/소재": "전력_기자재 전력_송배전 전선업",
    "유틸리티": "전력_발전정비",
    "음식료/생활": "종합상사 농업",
    "반도체/IT": "온라인",
    "금융": "금융서비스",
}
MID_SECTORS: dict[str, str] = {name: group for group, names in _MID.items() for name in names.split()}
"""Middle sectors whose group differs from that of their large sector, after the portal's own division (R-SECT-02)."""


def sector_group(code: str, sector_large: str | None, sector_mid: str | None) -> str:
    """Group of one stock by R-SECT-03: override, middle name, large name, else 기타."""
    if code in CODE_OVERRIDES:
        return CODE_OVERRIDES[code]
    for name, table in ((sector_mid, MID_SECTORS), (sector_large, LARGE_SECTORS)):
        if name is not None and name in table:
            return table[name]
    for name in (sector_mid, sector_large):
        if name is not None and name in SECTOR_GROUPS:
            return name
        if name is not None and name in PORTAL_SUB_SECTORS:
            return PORTAL_SUB_SECTORS[name]
    return OTHER


def with_sector_group(master: pl.DataFrame) -> pl.DataFrame:
    """Add sector_group (String, never null) and is_sector_known (Boolean) to rows with code, sector_large, sector_mid.

    기타 holds conglomerates and the like *and* stocks without a classification; only the former make its returns.
    """
    names = master.select("sector_large", "sector_mid").unique()
    groups = [sector_group("", large, mid) for large, mid in names.iter_rows()]
    table = names.with_columns(sector_group=pl.Series(groups, dtype=pl.String))
    joined = master.join(table, on=["sector_large", "sector_mid"], how="left", nulls_equal=True)
    override = pl.col("code").replace_strict(CODE_OVERRIDES, default=None, return_dtype=pl.String)
    named = pl.coalesce("sector_mid", "sector_large")
    return joined.with_columns(
        sector_group=pl.coalesce(override, pl.col("sector_group")),
        is_sector_known=override.is_not_null() | (named.is_not_null() & (named != UNCLASSIFIED)).fill_null(value=False),
    )
