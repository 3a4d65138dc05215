"""What a desk does in live operation when the feed or the writer of its requests falls silent (real time, T1)."""

import time
from typing import Any

from jennie_core.domain.enums import Mode
from jennie_core.strategy.agenda import Agenda
from jennie_core.strategy.merge import EventMerge
from jennie_live.common.runtime import Runtime

SILENT_SECONDS = 5.0
"""Real time without a mark after which the feed counts as reconnected."""
ORPHAN_SECONDS = 3.0
"""Real time after which marks of the notices stand alone, because the request stream's writer is gone."""


class FeedWatch:
    """Does nothing in a rehearsal: its exchange holds time on purpose, and a missing worker holds up the slice."""

    def __init__(self, runtime: Runtime, merge: EventMerge[Any], agenda: Agenda) -> None:
        self._clock = runtime.clock
        self._merge = merge
        self._agenda = agenda
        self._is_watching = runtime.settings.mode is not Mode.REHEARSAL
        self._orphan_since: float | None = None
        self._was_silent = False

    @property
    def requests_are_orphaned(self) -> bool:
        """Whether the writer of the requests has not passed on the newest mark of the notices."""
        return self._orphan_since is not None

    def adopt_orphans(self) -> None:
        """A dead scanner or monitor must not keep fills from being booked."""
        if not self._is_watching or not self._merge.waits_for_requests:
            self._orphan_since = None
            return
        now = time.monotonic()
        self._orphan_since = now if self._orphan_since is None else self._orphan_since
        if now - self._orphan_since >= ORPHAN_SECONDS:
            self._merge.complete_without_requests()

    def notice_silence(self) -> None:
        """Have the books compared once a silent feed speaks again."""
        since = self._clock.seconds_since_mark()
        if not self._is_watching or since is None:
            return
        if since > SILENT_SECONDS:
            self._was_silent = True
        elif self._was_silent:
            self._was_silent = False
            self._agenda.want("reconnect")
