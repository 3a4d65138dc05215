"""Ctrl-C and SIGTERM end a command in order, also when they come while something else catches them.

Dagster replaces the signal handlers for the time of a run and turns an interrupt into a failed run, after which the day
would go on. The wake-up socket hears every signal whoever handles it, so the command can ask afterwards.
"""

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

HEEDED = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """What the person or the system has asked for while a command ran."""

    def __init__(self, heard: socket.socket) -> None:
        self._heard = heard

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal to end has come, whoever has caught it."""
        with contextlib.suppress(BlockingIOError):
            while numbers := self._heard.recv(64):
                if any(number in numbers for number in HEEDED):
                    raise KeyboardInterrupt

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        """A second Ctrl-C must not cut short the clean end that the first one began."""
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in HEEDED]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)


@contextlib.contextmanager
def heeded_interrupts() -> Iterator[Interrupts]:
    """From here on SIGTERM is a Ctrl-C, and both are remembered; the main thread only."""
    heard, wake = socket.socketpair()
    heard.setblocking(False)
    wake.setblocking(False)
    before = [(number, signal.signal(number, _interrupt)) for number in HEEDED]
    previous = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    try:
        yield Interrupts(heard)
    finally:
        signal.set_wakeup_fd(previous)
        for number, handler in before:
            signal.signal(number, handler)
        heard.close()
        wake.close()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
