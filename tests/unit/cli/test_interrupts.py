"""Ctrl-C and SIGTERM are heard whoever catches them, and cannot cut short a clean end."""

import os
import signal
from types import FrameType

import pytest

from jennie_cli.interrupts import heeded_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command(number: signal.Signals) -> None:
    with heeded_interrupts(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_somebody_else_catches_is_raised_afterwards(number: signal.Signals) -> None:
    """Dagster does so for the time of a run and calls the run failed; the day must not go on."""
    caught: list[int] = []

    def swallow(heard: int, _frame: FrameType | None) -> None:
        caught.append(heard)

    with heeded_interrupts() as interrupts:
        interrupts.check()
        signal.signal(number, swallow)
        os.kill(os.getpid(), number)
        assert caught == [number]
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_second_signal_does_not_cut_short_the_end() -> None:
    with heeded_interrupts() as interrupts:
        with interrupts.deaf():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with heeded_interrupts():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
