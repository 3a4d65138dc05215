"""What a line of chat means: one command with its words, the same for Telegram and for POST /commands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spoken:
    """One command as it was said. `name` is without the slash, in lower case."""

    name: str
    words: tuple[str, ...]

    @property
    def rest(self) -> str:
        """All words as one text."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """How a command is written and what it does. `urgent` ones pass the rate limit: a stop never waits."""

    usage: str
    help_ko: str
    urgent: bool = False


COMMANDS: dict[str, CommandSpec] = {
    "help": CommandSpec("/help", "명령 목록", urgent=True),
    "status": CommandSpec("/status", "정지, 허가, 모드, 시장 시각"),
    "pause": CommandSpec("/pause [사유]", "새 매수만 멈춤", urgent=True),
    "resume": CommandSpec("/resume", "정지 해제 (전면 정지는 확인 필요)", urgent=True),
    "stop": CommandSpec("/stop 확인|긴급", "전면 정지: 자동 매수 차단, 미체결 매수 취소", urgent=True),
    "dryrun": CommandSpec("/dryrun", "모의 여부 (모드로 정해짐)"),
    "buy": CommandSpec("/buy 종목 [수량]", "수동 매수 (확인 필요, 수량이 없으면 현금의 20 %)"),
    "sell": CommandSpec("/sell 종목 [수량|전량]", "수동 매도 (확인 필요)"),
    "sellall": CommandSpec("/sellall 확인", "전 종목 매도 (확인 필요)"),
    "portfolio": CommandSpec("/portfolio", "보유 종목"),
    "pnl": CommandSpec("/pnl", "오늘 거래와 손익"),
    "balance": CommandSpec("/balance", "예수금과 총자산"),
    "price": CommandSpec("/price 종목", "현재가"),
    "watchlist": CommandSpec("/watchlist", "관심 종목 (최대 20)"),
    "watch": CommandSpec("/watch 종목", "직접 추가"),
    "unwatch": CommandSpec("/unwatch 종목", "직접 추가한 종목 제거"),
    "mute": CommandSpec("/mute 분", "거래 알림 끄기 (손절·장애는 계속 옴)"),
    "unmute": CommandSpec("/unmute", "거래 알림 켜기"),
    "alert": CommandSpec("/alert 종목 가격", "가격 알림 (7일)"),
    "alerts": CommandSpec("/alerts", "가격 알림 목록"),
    "config": CommandSpec("/config", "한도와 설정"),
    "maxbuy": CommandSpec("/maxbuy 0-20", "하루 매수 한도"),
    "diagnose": CommandSpec("/diagnose", "Redis, 장부, 게이트웨이, 정지 상태"),
    "liquidate": CommandSpec("/liquidate add|remove|list|arm|disarm|clear|status [종목]", "강제 청산 목록"),
    "scout": CommandSpec("/scout", "종목 발굴 실행"),
    "council": CommandSpec("/council", "거시 위원회 실행"),
    "briefing": CommandSpec("/briefing", "일일 브리핑 실행"),
    "confirm": CommandSpec("/confirm 번호", "앞의 명령을 확인", urgent=True),
    "cancel": CommandSpec("/cancel", "기다리는 확인을 취소", urgent=True),
}

ALIASES = {"report": "diagnose", "start": "help"}


def parse(text: str) -> Spoken | None:
    """The command of a message, or None when it is not one. `/buy@some_bot 005930 3` is `/buy 005930 3`."""
    words = text.split()
    if not words or not words[0].startswith("/") or len(words[0]) < 2:
        return None
    name = words[0][1:].partition("@")[0].lower()
    return Spoken(ALIASES.get(name, name), tuple(words[1:]))


def positive_int(word: str) -> int | None:
    """A whole number above zero with optional thousands separators, else None."""
    cleaned = word.replace(",", "")
    return int(cleaned) if cleaned.isascii() and cleaned.isdigit() and int(cleaned) > 0 else None
