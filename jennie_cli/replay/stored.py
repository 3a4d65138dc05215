"""The data plane of a recorded day: what both stores kept, published again at the instants at which it was known."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Engine

from jennie_core.replay.day_ports import Published
from jennie_infra.db.repositories import recorded_day

Step = Callable[[Published], Published]


class StoredPlane:
    """Steps in order of time; what is held changes nothing, it was counted when the list was made."""

    def __init__(self, steps: list[tuple[datetime, Step]]) -> None:
        self._steps = sorted(steps, key=lambda step: step[0])
        self._now = Published()

    @property
    def is_empty(self) -> bool:
        """Nothing was published that day."""
        return not self._steps

    def published(self, now: datetime, held_per_sector: Mapping[str, int]) -> Published:
        """Everything known up to `now`."""
        while self._steps and self._steps[0][0] <= now:
            self._now = self._steps.pop(0)[1](self._now)
        return self._now


def stored_plane(market: Engine, ledger: Engine, day: date, settings_hash: str) -> tuple[StoredPlane, set[str]]:
    """Contexts, budgets and lists of the market store, permits of the ledger; and the settings these were issued for.

    The replay decides under its own settings, so a recorded permit counts for them: what it says of the data stands.
    """
    steps: list[tuple[datetime, Step]] = []
    with market.connect() as connection:
        steps += [
            (each.context.known_at, _with(context=each.context, vix=each.vix))
            for each in recorded_day.contexts_of(connection, day)
        ]
        steps += [(each.known_at, _with(budget=each)) for each in recorded_day.budgets_of(connection, day)]
        steps += [(each.known_at, _with(watchlist=each)) for each in recorded_day.watchlists_of(connection, day)]
    with ledger.connect() as connection:
        permits = recorded_day.permits_of(connection, day)
    issued_for = {each.settings_hash for each in permits}
    stamped = (each.model_copy(update={"settings_hash": settings_hash}) for each in permits)
    steps += [(each.issued_at, _with(permit=each)) for each in stamped]
    return StoredPlane(steps), issued_for


def _with(**changes: object) -> Step:
    return lambda published: replace(published, **changes)  # type: ignore[arg-type]  # names are the field's own
