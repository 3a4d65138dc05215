"""From a line of text to an answer: age, rate, grammar, handler; every failure is an answer with its next step."""

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telegram import escape
from jennie_infra.telemetry import get_logger
from jennie_live.commands.confirmations import LIFE_SECONDS
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.grammar import COMMANDS, Spoken, parse
from jennie_live.commands.handlers import HANDLERS
from jennie_live.commands.stocks import UnknownStockError

LOCAL_CHAT = 0
"""Callers with the service token; the rate limit of chats does not count for them."""


class Dispatcher:
    """Answers commands; counts them by name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        metrics = desk.runtime.metrics
        self._handled = metrics.counter("commands_total", "commands answered", ("command",))

    async def answer(self, caller: Caller, text: str) -> Reply:
        """The answer to one message."""
        spoken = parse(text)
        if spoken is None:
            return Reply("명령은 /로 시작합니다. /help 로 목록을 보세요.")
        spec = COMMANDS.get(spoken.name)
        if spec is None:
            return Reply(f"'{escape(spoken.name)}' 명령은 없습니다. /help 로 목록을 보세요.")
        if caller.chat != LOCAL_CHAT and not spec.urgent and await self._desk.limits.too_fast(caller.chat):
            return Reply("명령은 5초에 하나씩 받습니다(R-TG-02). 실행하지 않았습니다. 잠시 뒤 다시 보내세요.")
        self._handled.labels(spoken.name).inc()
        get_logger().info("command", command=spoken.name, said_by=caller.said_by)
        try:
            return await self._run(caller, spoken)
        except UnknownStockError as error:
            return Reply(str(error))
        except GatewayError as error:
            return Reply(
                f"⚠️ 증권사 정보를 알 수 없습니다: {escape(error)}\n할 일: kis-gateway를 확인하세요 (/diagnose)."
            )
        except StoreUnreadableError as error:
            return Reply(f"⚠️ {escape(error)}\n할 일: {escape(error.next_step)}")
        except MarketTimeUnknownError:
            return Reply("⚠️ 시장 시각을 알 수 없어 실행하지 않았습니다.\n할 일: kis-gateway를 확인하세요 (/diagnose).")
        except (RedisError, SQLAlchemyError, OSError) as error:
            get_logger().error("command failed", command=spoken.name, error=type(error).__name__)
            return Reply(
                f"⚠️ 실행하지 못했습니다 ({type(error).__name__}).\n할 일: /diagnose 로 확인하세요. "
                "급한 정지는 <code>/stop 긴급</code> 또는 터미널의 <code>jennie halt</code>."
            )

    async def _run(self, caller: Caller, spoken: Spoken) -> Reply:
        if spoken.name == "help":
            return Reply("\n".join(f"<code>{escape(spec.usage)}</code> {spec.help_ko}" for spec in COMMANDS.values()))
        if spoken.name == "confirm":
            return Reply(await self._desk.confirmations.confirm(caller.chat, spoken.words[0] if spoken.words else ""))
        if spoken.name == "cancel":
            dropped = self._desk.confirmations.cancel(caller.chat)
            return Reply("취소했습니다." if dropped else "기다리는 명령이 없습니다.")
        reply = await HANDLERS[spoken.name](self._desk, caller, spoken.words)
        if reply.code is None:
            return reply
        hint = f"\n\n{LIFE_SECONDS:.0f}초 안에 <code>/confirm {reply.code}</code> 를 보내면 실행합니다. 취소: /cancel"
        return Reply(reply.text + hint, reply.code)
