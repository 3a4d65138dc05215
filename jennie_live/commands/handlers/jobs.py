"""Jobs of the data plane by chat, through Dagster's GraphQL."""

from jennie_infra.dagster_client import DagsterError
from jennie_infra.telegram import escape
from jennie_live.commands.context import Caller, Desk, Reply


async def scout(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Run the scout."""
    return await _launch(desk, caller, "scout_job", "종목 발굴")


async def council(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Run the macro council."""
    return await _launch(desk, caller, "macro_council_job", "거시 위원회")


async def briefing(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Run the daily briefing."""
    return await _launch(desk, caller, "daily_briefing_job", "일일 브리핑")


async def _launch(desk: Desk, caller: Caller, job: str, name: str) -> Reply:
    day = (await desk.now()).date().isoformat()
    try:
        run = await desk.dagster.launch(job, partition=day, said_by=caller.said_by)
    except DagsterError as error:
        return Reply(f"⚠️ {name}을(를) 실행하지 못했습니다: {escape(error)}\n할 일: {escape(error.next_step)}")
    return Reply(f"{name} 실행을 요청했습니다 ({day}, {run.run_id[:8]}).")
