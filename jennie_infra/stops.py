"""The stops (O4): one writer's path, three places (file, ledger, Redis), any one of which is enough to stop buying."""

import contextlib
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Engine, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.base import Message
from jennie_core.domain.control import ControlCommand, ControlVerb, StopState
from jennie_infra.bus.connect import SyncRedis
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, publish_sync
from jennie_infra.db.ledger import ControlLog, StopRow
from jennie_infra.db.upsert import upsert
from jennie_infra.settings import Settings, write_private

FILE_NAME = "stop.json"


class StopReceipt(Message):
    """What was said and which of the three places took it."""

    state: StopState
    stored_in: tuple[str, ...]
    failed: tuple[str, ...] = ()


def stop_file(settings: Settings) -> Path:
    """The durable file of this state folder."""
    return settings.state_dir / FILE_NAME


def read_stop_file(settings: Settings) -> StopState | None:
    """The stop as the file has it; None when no file was ever written. An unreadable file counts as a halt."""
    path = stop_file(settings)
    try:
        return StopState.model_validate_json(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return StopState(paused=True, halted=True, reason=f"{path.name} cannot be read", said_by="stop file")


def read_stop_row(connection: Connection) -> StopState | None:
    """The stop as the ledger has it; None when none was ever said."""
    row = connection.execute(select(StopRow.__table__)).mappings().first()
    if row is None:
        return None
    return StopState.model_validate({name: value for name, value in row.items() if name != "row_id"})


def join(*states: StopState) -> StopState:
    """Union of what several places say, with the words of the first that stops most."""
    strongest = max(states, key=lambda state: (state.halted, state.paused))
    return strongest.model_copy(
        update={"paused": any(state.blocks_buys for state in states), "halted": any(state.halted for state in states)}
    )


def say(
    settings: Settings,
    verb: ControlVerb,
    *,
    said_by: str,
    reason: str,
    now: datetime,
    redis: SyncRedis | None,
    ledger: Engine | None,
) -> StopReceipt:
    """Pause, halt or resume in every place that can be reached; raises OSError when none took it.

    A pause never weakens a halt, wherever that is on record.
    """
    current = _in_force(settings, redis, ledger)
    state = _next_state(current, verb, said_by, reason, now).model_copy(
        update={"halt_blocks_exits": settings.halt_blocks_exits}
    )
    stored: list[str] = []
    failed: list[str] = []
    command = ControlCommand(command_id=uuid.uuid4().hex, verb=verb, reason=reason, said_by=said_by, said_at=now)
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        write_private(stop_file(settings), state.model_dump_json())
        stored.append("file")
    except OSError as error:
        failed.append(f"file: {error}")
    if redis is not None:
        try:
            mirror(redis, state)
            publish_sync(redis, Streams.CONTROL, command, now)
            stored.append("redis")
        except (RedisError, OSError) as error:
            failed.append(f"redis: {type(error).__name__}")
    if ledger is not None:
        try:
            record(ledger, state, command)
            stored.append("ledger")
        except SQLAlchemyError as error:
            failed.append(f"ledger: {type(error).__name__}")
    if not stored:
        raise OSError("; ".join(failed))
    return StopReceipt(state=state, stored_in=tuple(stored), failed=tuple(failed))


def _in_force(settings: Settings, redis: SyncRedis | None, ledger: Engine | None) -> StopState:
    """Union of the places that can be read now."""
    found = [read_stop_file(settings) or StopState()]
    if redis is not None:
        with contextlib.suppress(RedisError, OSError, ValueError):
            raw: Any = redis.get(RedisKeys.STOP_STATE.value)
            found.append(StopState() if raw is None else StopState.model_validate_json(raw))
    if ledger is not None:
        with contextlib.suppress(SQLAlchemyError), ledger.connect() as connection:
            found.append(read_stop_row(connection) or StopState())
    return join(*found)


def mirror(redis: SyncRedis, state: StopState) -> None:
    """Put the state into the Redis flags."""
    redis.set(RedisKeys.STOP_STATE.value, state.model_dump_json())
    for key, is_set in ((RedisKeys.EMERGENCY_PAUSE, state.paused), (RedisKeys.EMERGENCY_STOP, state.halted)):
        if is_set:
            redis.set(key.value, state.reason or "no reason given")
        else:
            redis.delete(key.value)


def record(ledger: Engine, state: StopState, command: ControlCommand) -> None:
    """Store the state and the command in the ledger in one transaction."""
    with ledger.begin() as connection:
        row = state.model_dump(include={"paused", "halted", "reason", "said_by", "since"})
        upsert(connection, StopRow.metadata.tables[StopRow.__tablename__], [{"row_id": 1, **row}])
        connection.execute(
            insert(ControlLog).values(
                command_id=command.command_id,
                verb=command.verb.value,
                stock_code=command.stock_code,
                reason=command.reason,
                said_by=command.said_by,
                said_at=command.said_at,
            )
        )


def _next_state(current: StopState, verb: ControlVerb, said_by: str, reason: str, now: datetime) -> StopState:
    since = now
    if verb is ControlVerb.PAUSE:
        return StopState(paused=True, halted=current.halted, reason=reason, said_by=said_by, since=since)
    if verb is ControlVerb.HALT:
        return StopState(paused=True, halted=True, reason=reason, said_by=said_by, since=since)
    if verb is ControlVerb.RESUME:
        return StopState(reason=reason, said_by=said_by, since=since)
    raise ValueError(f"{verb.value} is not a stop")
