"""Which reads rest: each endpoint by itself, so that a slow one never delays another, and all of them with the host.

Orders, revisions and cancels never ask here. Their answers and silences count, as they say how the host is.
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic

from jennie_infra.kis.breaker import FAILURES_TO_OPEN, Breaker, State
from jennie_infra.kis.errors import BreakerOpenError
from jennie_infra.kis.tr_ids import ORDER_FUNCTIONS, Function

MOST_OF_ONE = FAILURES_TO_OPEN // 2


class Circuits:
    """One breaker per function and one for the host.

    The host counts as gone after twenty failures without an answer in between, when no connection is had at all or
    when no function makes up more than half of them: a slow endpoint proves nothing about the others (drill 15).
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._functions: dict[Function, Breaker] = {}
        self._in_a_row: Counter[Function] = Counter()
        self._unreached = 0
        self.host = Breaker("the broker", clock)

    def check(self, function: Function) -> None:
        """Let a read pass or raise BreakerOpenError."""
        own = self._own(function)
        own.check()
        try:
            self.host.check()
        except BreakerOpenError:
            own.abandoned()
            raise

    def succeeded(self, function: Function) -> None:
        """An answer with meaning arrived, a business refusal included; after an outage nothing rests because of it."""
        if self.host.state != "closed":
            self._functions.clear()
        self._in_a_row.clear()
        self._unreached = 0
        self.host.succeeded()
        self._own(function).succeeded()

    def failed(self, function: Function, *, unreached: bool = False) -> None:
        """No answer, or a fault at the broker. `unreached`: not even a connection."""
        self._own(function).failed()
        self._in_a_row[function] += 1
        self._unreached += unreached
        spread = sum(min(count, MOST_OF_ONE) for count in self._in_a_row.values())
        self.host.failed(may_open=max(spread, self._unreached) >= FAILURES_TO_OPEN)

    def abandoned(self, function: Function) -> None:
        """The read that was let through never left, so it proves nothing."""
        self._own(function).abandoned()
        self.host.abandoned()

    def state(self, function: Function) -> State:
        """State of one function's own breaker."""
        return self._own(function).state

    @property
    def resting(self) -> tuple[str, ...]:
        """Reads that rest by themselves; one whose pause is over is asked again by whoever needs it next."""
        return tuple(
            sorted(
                function.value
                for function, breaker in self._functions.items()
                if breaker.state == "open" and function not in ORDER_FUNCTIONS
            )
        )

    def _own(self, function: Function) -> Breaker:
        return self._functions.setdefault(function, Breaker(function.value, self._clock))
