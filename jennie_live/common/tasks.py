"""Ending tasks for certain, and running several as one.

Python 3.11's `asyncio.wait_for`, which redis-py uses for every write, returns its result and forgets the cancellation
when both happen in the same turn of the loop. A task that is cancelled once may go on for ever: ask until it has ended.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

ASK_AGAIN_SECONDS = 0.2


async def end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and wait until they have ended; what they raise is not raised here."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)


def end_if_cancelled() -> None:
    """Raise CancelledError in a task whose cancellation was swallowed while it read a reply."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def run_together(**coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines as named tasks until one ends or this call is cancelled, then end the others.

    Raises what the first one raised.
    """
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in coroutines.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    for task in done:
        task.result()
