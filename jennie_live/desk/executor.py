"""What an executor adds to the desk: its decisions, its memory of the day, its figures."""

from abc import ABC, abstractmethod
from datetime import date
from typing import Generic, TypeVar

from jennie_core.domain.base import Message
from jennie_core.strategy.book import PositionChange
from jennie_core.strategy.merge import RequestEvent
from jennie_live.desk.status import Detail

R = TypeVar("R", bound=Message)


class Executor(ABC, Generic[R]):
    """Decides on requests of one side. Everything about orders is the desk's."""

    @abstractmethod
    async def handle(self, event: RequestEvent[R]) -> None:
        """Decide on one request; `desk.now_us` is set."""

    @abstractmethod
    async def load_day(self, day: date) -> None:
        """Load what the executor keeps in memory for a market day."""

    @abstractmethod
    async def settle(self, changed: list[PositionChange]) -> None:
        """The executor's own work at a settled mark; `changed` came into force from the other desk."""

    @abstractmethod
    async def idle(self) -> None:
        """Wait for everything that was begun and not awaited."""

    @abstractmethod
    def status(self) -> Detail:
        """Figures for health and dashboard."""
