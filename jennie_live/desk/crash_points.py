"""Named places at which a rehearsal may end the process, so that "between A and B" is exact (drill 3)."""

import os
from pathlib import Path

from jennie_core.domain.enums import Mode

VARIABLE = "CRASH_AT"
EXIT_CODE = 137


class CrashPoints:
    """Ends the process once at the point that `CRASH_AT` names; does nothing outside a rehearsal."""

    def __init__(self, mode: Mode, state_dir: Path, wanted: str | None = None) -> None:
        name = os.environ.get(VARIABLE, "") if wanted is None else wanted
        self._armed = name if mode is Mode.REHEARSAL else ""
        self._marker = state_dir / f"crashed-{name}"

    @staticmethod
    def disarmed() -> "CrashPoints":
        """Points that never fire."""
        return CrashPoints(Mode.LIVE, Path("/"), "")

    def is_armed(self, name: str) -> bool:
        """Whether the process will end at this point; a restarted process does not end there again."""
        return self._armed == name and not self._marker.exists()

    def crash_at(self, name: str) -> None:
        """End the process here if this point is armed."""
        if self._armed and self.is_armed(name):
            self._marker.write_text(name)
            os._exit(EXIT_CODE)
