"""Permit and stops: seen, and said (O4, O6)."""

import asyncio

from fastapi import APIRouter
from redis.exceptions import RedisError

from jennie_core.domain.control import ControlVerb
from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.stops import read_stop_file, say
from jennie_infra.telemetry import get_logger
from jennie_live.dashboard.context import Context, Dashboard
from jennie_live.dashboard.frame import read_permit, stops_readable
from jennie_live.dashboard.problems import ProblemError
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.operation import PermitView, StopAnswer, StopRequest, StopsView

router = APIRouter(prefix="/api", tags=["control"])
SAID_BY = "dashboard"
ANSWER_SECONDS = 3.0
VERBS = {"pause": ControlVerb.PAUSE, "halt": ControlVerb.HALT, "resume": ControlVerb.RESUME}


@router.get("/permit")
async def permit(context: Context) -> PermitView:
    """The permit as the buy executor would judge it now, with every check it rests on."""
    return await read_permit(context)


@router.get("/stops")
async def stops(context: Context) -> StopsView:
    """The stops in force and what is set aside for liquidation."""
    state = context.runtime.stops.state
    problem = None
    codes: tuple[str, ...] = ()
    armed: bool | None = None
    try:
        raw = await context.runtime.redis.smembers(RedisKeys.FORCED_LIQUIDATION.value)
        codes = tuple(sorted(text(code) for code in raw))
        armed = await context.runtime.redis.exists(RedisKeys.FORCED_LIQUIDATION_ARMED.value) == 1
    except (RedisError, OSError) as error:
        problem = Problem(
            rule="REDIS-DOWN", detail=f"the flags cannot be read ({type(error).__name__})", next_step="see System"
        )
    return StopsView(
        source="stop flags",
        as_of=state.since,
        problem=problem,
        state=state,
        readable=stops_readable(context),
        liquidation_codes=codes,
        liquidation_armed=armed,
    )


@router.post("/stops/{verb}")
async def say_stop(context: Context, verb: str, body: StopRequest) -> StopAnswer:
    """Pause, halt or resume in file, Redis and ledger; one place is enough, and the answer names all three."""
    if verb not in VERBS:
        raise ProblemError(404, "STOP-VERB", f"{verb!r} is not a stop", "use pause, halt or resume")
    if body.confirm != verb:
        raise ProblemError(409, "STOP-CONFIRM", "the confirmed word is another one", "confirm the action that is shown")
    answer = await _say(context, VERBS[verb], body.reason.strip() or f"{verb} from the dashboard")
    await context.runtime.stops.refresh()
    get_logger().warning("stop said", verb=verb, stored_in=answer.stored_in, failed=answer.failed)
    return answer


async def _say(context: Dashboard, verb: ControlVerb, reason: str) -> StopAnswer:
    work = asyncio.to_thread(
        say,
        context.settings,
        verb,
        said_by=SAID_BY,
        reason=reason,
        now=context.now(),
        redis=context.stop_redis,
        ledger=context.stop_ledger,
    )
    task = asyncio.ensure_future(work)
    try:
        receipt = await asyncio.wait_for(asyncio.shield(task), ANSWER_SECONDS)
    except TimeoutError:
        state = read_stop_file(context.settings)
        if state is None:
            raise ProblemError(
                503, "STOP-SLOW", "no place has confirmed yet", "run `jennie halt` in a terminal"
            ) from None
        return StopAnswer(state=state, stored_in=("file",), failed=("redis or ledger: no answer yet",))
    except OSError as error:
        raise ProblemError(503, "STOP-FAILED", str(error), "run `jennie halt` in a terminal") from error
    return StopAnswer(state=receipt.state, stored_in=receipt.stored_in, failed=receipt.failed)
