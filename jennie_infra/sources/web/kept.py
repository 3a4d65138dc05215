"""Replies that were refused, kept compressed so that a person can see what the source really said."""

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

KEEP_DAYS = 14
KEEP_FILES = 200


@dataclass(frozen=True)
class KeptReplies:
    """A folder of refused replies; `None` keeps nothing. Secrets are struck out by the caller before."""

    folder: Path | None

    def keep(self, source: str, dataset: str, content: bytes, now: datetime) -> Path | None:
        """Write one reply and forget those older than `KEEP_DAYS` or beyond the newest `KEEP_FILES`.

        A full disk must not hide why a source failed: then the path is None.
        """
        if self.folder is None:
            return None
        path = self.folder / f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{source}-{dataset}.gz"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(gzip.compress(content, mtime=0))
            path.chmod(0o600)
            self._forget(now)
        except OSError:
            return None
        return path

    def _forget(self, now: datetime) -> None:
        if self.folder is None:
            return
        oldest = f"{(now - timedelta(days=KEEP_DAYS)).astimezone(UTC):%Y%m%dT%H%M%S}"
        files = sorted(self.folder.glob("*.gz"))
        for position, path in enumerate(files):
            if path.name < oldest or position < len(files) - KEEP_FILES:
                path.unlink(missing_ok=True)
