"""What every protocol handler needs: the exchange, the keys, the limits, the faults."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from jennie_sim.exchange.exchange import Exchange
from jennie_sim.faults.registry import FaultRegistry
from jennie_sim.market.breadth import Breadth
from jennie_sim.market.hours import to_instant
from jennie_sim.market.market import Market
from jennie_sim.protocol.credentials import KeyBook
from jennie_sim.protocol.limits import Limits, Violations
from jennie_sim.protocol.message import Request
from jennie_sim.settings import SimSettings

PERSONAL = frozenset(
    ("CANO", "ACNT_PRDT_CD", "APPKEY", "APPSECRET", "SECRETKEY", "TOKEN", "CTX_AREA_FK100", "CTX_AREA_NK100")
)


@dataclass(slots=True)
class Broker:
    """One running exchange as the protocol sees it."""

    exchange: Exchange
    settings: SimSettings
    keys: KeyBook
    limits: Limits
    breadth: Breadth
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    violations: Violations = field(default_factory=Violations)
    requests_served: int = 0
    _pages: dict[str, int] = field(default_factory=dict)
    _alike: tuple[int, Counter[str]] = field(default_factory=lambda: (0, Counter()))

    def occasion(self, request: Request) -> str:
        """Name of a request for switched-on faults: market time, contents, and its number among equal ones.

        Without account, keys and cursors, which differ from run to run.
        """
        if self._alike[0] != self.now_ms:
            self._alike = (self.now_ms, Counter())
        contents = sorted(f"{name}={value}" for name, value in request.params.items() if name not in PERSONAL)
        name = f"{self.now_ms}:{request.path}:{request.tr_id}:{'&'.join(contents)}"
        self._alike[1][name] += 1
        return f"{name}:{self._alike[1][name]}"

    def next_page(self, request: Request) -> int:
        """Where a call without a cursor goes on: behind the last page of the same parameters when tr_cont is N."""
        return self._pages.get(_same_call(request), 0) if request.headers.get("tr_cont", "").strip() == "N" else 0

    def remember_page(self, request: Request, start: int | None) -> str:
        """Keep where the next page begins (None = there is none); returns the reply's tr_cont mark."""
        self._pages.pop(_same_call(request), None)
        if start is None:
            return "D"
        self._pages[_same_call(request)] = start
        return "M"

    def forget_occasions(self) -> None:
        """Count equal requests afresh."""
        self._alike = (self.now_ms, Counter())

    @classmethod
    def of(cls, exchange: Exchange, settings: SimSettings) -> "Broker":
        """A broker over an exchange."""
        return cls(
            exchange=exchange,
            settings=settings,
            keys=KeyBook(exchange.market.pack.accounts, settings.accept_any_key),
            limits=Limits(settings),
            breadth=Breadth(exchange.market),
        )

    @property
    def market(self) -> Market:
        """The traded day."""
        return self.exchange.market

    @property
    def now_ms(self) -> int:
        """Market time in milliseconds since midnight KST."""
        return self.exchange.now_ms

    @property
    def now(self) -> datetime:
        """Market time."""
        return to_instant(self.market.day, self.exchange.now_ms)


def _same_call(request: Request) -> str:
    contents = sorted(f"{name}={value}" for name, value in request.params.items())
    return f"{request.headers.get('appkey', '')}:{request.tr_id}:{'&'.join(contents)}"
