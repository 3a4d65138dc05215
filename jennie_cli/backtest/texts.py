"""Words of the backtest's report in both languages; the page carries both, the terminal one."""

from dataclasses import dataclass

Pair = tuple[str, str]
"""Korean, English."""

PHASES: dict[str, Pair] = {
    "read": ("데이터 읽기", "reading the data"),
    "score": ("전 기간 채점", "scoring the whole range"),
    "trade": ("매매", "trading"),
    "judge": ("평가", "judging"),
    "write": ("보고서 쓰기", "writing the report"),
}

RULES: dict[str, Pair] = {
    "R-EXIT-01": ("하드 손절", "hard stop"),
    "R-EXIT-02": ("이익 하한", "profit floor"),
    "R-EXIT-03": ("이익 잠금 2", "profit lock 2"),
    "R-EXIT-04": ("이익 잠금 1", "profit lock 1"),
    "R-EXIT-05": ("본전 청산", "breakeven"),
    "R-EXIT-06": ("ATR 손절", "ATR stop"),
    "R-EXIT-07": ("고정 손절", "fixed stop"),
    "R-EXIT-08": ("추적 손절", "trailing stop"),
    "R-EXIT-09": ("분할 익절", "scale-out"),
    "R-EXIT-10": ("RSI 과열", "RSI overbought"),
    "R-EXIT-11": ("목표 수익", "profit target"),
    "R-EXIT-12": ("데드크로스", "death cross"),
    "R-EXIT-13": ("보유 기간 만료", "time exit"),
    "R-BT-delisted": ("상장폐지 정리", "delisting"),
    "R-GATE-05": ("거시 위험", "macro risk"),
    "R-STRAT-11": ("회피 전략", "strategy to avoid"),
    "R-BUY-03": ("매매 불가", "not tradable"),
    "R-BUY-04": ("점수 미달", "score too low"),
    "R-BUY-06": ("이미 보유", "already held"),
    "R-BUY-07": ("재매수 대기", "cooldown"),
    "R-BUY-08": ("하루 매수 한도", "buys a day"),
    "R-BUY-09": ("보유 종목 수 한도", "number of positions"),
    "R-BUY-14": ("가격 이탈", "price ran away"),
    "Q3-status": ("거래정지", "trading halt"),
    "R-REG-09": ("국면 미상", "regime unknown"),
    "R-THR-07": ("장중 위험 차단", "intraday throttle"),
    "R-COR-02": ("상관관계", "correlation"),
    "R-SIZE-04": ("비중 한도", "weight limit"),
    "R-SIZE-05": ("현금 부족", "not enough cash"),
    "R-SIZE-07": ("현금이 목표의 절반 미만", "cash under half of the target"),
    "R-SIZE-08": ("포트폴리오 위험 한도", "portfolio heat"),
    "R-SIZE-10": ("수량 0", "size rounds to none"),
    "R-GRD-01": ("업종 종목 수", "stocks of a sector"),
    "R-GRD-02": ("업종 비중", "value of a sector"),
    "R-GRD-03": ("종목 비중", "value of a stock"),
    "R-GRD-04": ("최소 현금", "cash floor"),
    "R-GRD-08": ("손실 한도와 예약 위험", "loss limit and reserved risk"),
}

MISSES: dict[str, Pair] = {
    "halted": ("거래정지 또는 거래 없음", "halted or no trade"),
    "limit_up": ("시가 상한가", "limit-up at the open"),
    "limit_down": ("하한가에 잠김", "locked limit-down"),
    "thin_volume": ("거래량 부족", "volume too thin"),
    "limit_not_reached": ("지정가 미도달", "limit not reached"),
}

REGIMES: dict[str, Pair] = {
    "STRONG_BULL": ("강한 상승", "strong bull"),
    "BULL": ("상승", "bull"),
    "SIDEWAYS": ("횡보", "sideways"),
    "BEAR": ("하락", "bear"),
    "STRONG_BEAR": ("강한 하락", "strong bear"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """Chooses between the languages."""

    language: str

    def of(self, korean: str, english: str) -> str:
        """The word in the chosen language."""
        return english if self.language == "en" else korean


def rule_name(rule: str) -> Pair:
    """The rule in words; the id itself where it has none."""
    return RULES.get(rule, (rule, rule))
