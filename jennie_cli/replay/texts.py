"""Words of the replay summary, Korean and English, in one place."""

from typing import Literal

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")

TEXTS: dict[str, dict[Language, str]] = {
    "title": {"ko": "jennie 재생", "en": "jennie replay"},
    "data": {"ko": "자료", "en": "data"},
    "fills": {"ko": "체결", "en": "fills"},
    "fills_exchange": {"ko": "리허설 거래소", "en": "rehearsal exchange"},
    "fills_ticks": {"ko": "기록된 체결로 추정", "en": "estimated from recorded trades"},
    "equity": {"ko": "평가금액", "en": "equity"},
    "day_pnl": {"ko": "당일 손익", "en": "day"},
    "costs_included": {"ko": "비용 포함", "en": "costs included"},
    "realized": {"ko": "실현", "en": "realised"},
    "unrealized": {"ko": "평가", "en": "unrealised"},
    "fees": {"ko": "수수료", "en": "fees"},
    "taxes": {"ko": "세금", "en": "taxes"},
    "unknown": {"ko": "알 수 없음", "en": "unknown"},
    "flow": {
        "ko": "틱 {ticks:,}개, 매수 신호 {buys}건, 매도 주문 {sells}건, 주문 {orders}건, 체결 {filled}건",
        "en": "{ticks:,} ticks; signals {buys} buy, {sells} sell; {orders} orders, {filled} with fills",
    },
    "requests": {"ko": "신호와 결과", "en": "signals and outcomes"},
    "trades": {"ko": "거래", "en": "trades"},
    "refused": {"ko": "규칙별 거절", "en": "refusals by rule"},
    "holdings": {"ko": "보유", "en": "holdings"},
    "time": {"ko": "시각", "en": "time"},
    "side": {"ko": "구분", "en": "side"},
    "buy": {"ko": "매수", "en": "buy"},
    "sell": {"ko": "매도", "en": "sell"},
    "code": {"ko": "종목코드", "en": "code"},
    "name": {"ko": "종목명", "en": "name"},
    "why": {"ko": "사유", "en": "why"},
    "price": {"ko": "가격", "en": "price"},
    "outcome": {"ko": "결과", "en": "outcome"},
    "ordered": {"ko": "주문", "en": "ordered"},
    "filled": {"ko": "체결", "en": "filled"},
    "costs": {"ko": "비용", "en": "costs"},
    "net": {"ko": "순손익", "en": "net"},
    "rule": {"ko": "규칙", "en": "rule"},
    "count": {"ko": "건수", "en": "count"},
    "value": {"ko": "값", "en": "value"},
    "limit": {"ko": "한도", "en": "limit"},
    "quantity": {"ko": "수량", "en": "shares"},
    "average": {"ko": "평균단가", "en": "average"},
    "more": {"ko": "… 외 {count}건은 --json에 있습니다", "en": "… {count} more in --json"},
    "order_hash": {"ko": "주문 해시", "en": "order hash"},
    "settings": {"ko": "설정", "en": "settings"},
    "defaults": {"ko": "기본값", "en": "shipped defaults"},
    "changed": {"ko": "변경됨", "en": "changed"},
    "speed": {"ko": "{seconds:.1f}초, 초당 {rate:,.0f}틱", "en": "{seconds:.1f} s, {rate:,.0f} ticks/s"},
    "written": {"ko": "JSON", "en": "json"},
}


def text(key: str, language: Language, **values: object) -> str:
    """One text with its values filled in."""
    return TEXTS[key][language].format(**values)
