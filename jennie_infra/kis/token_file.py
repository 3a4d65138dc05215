"""Where the access token lies between two processes: a private file and its copy, replaced atomically (drill 13)."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from jennie_infra.settings import write_private

FILE_NAME = "kis_token.json"
QUOTATION_FILE_NAME = "kis_quote_token.json"
COPY_SUFFIX = ".copy"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """Content of the token file. `issue_us` is on the clock that counts the limit (market time in a rehearsal).

    None: it was issued before that clock was known. An empty token says that one was asked for, and when.
    """

    fingerprint: str
    access_token: str
    expires_us: int
    issue_us: int | None


class Damaged(Enum):
    """There is a file, and neither it nor its copy can be read."""

    BOTH = "both"


_SHAPE = TypeAdapter(StoredToken)


class TokenFile:
    """Two copies, so that a damaged one costs neither the token nor the knowledge of when it was issued."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, path.with_name(path.name + COPY_SUFFIX))

    def read(self) -> StoredToken | Damaged | None:
        """The first copy that can be read; None where there is none."""
        for path in self._paths:
            try:
                return _SHAPE.validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
        return Damaged.BOTH if any(path.exists() for path in self._paths) else None

    def write(self, token: StoredToken) -> None:
        """Replace both, mode 0600. Raises OSError."""
        self._paths[0].parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._paths:
            write_private(path, json.dumps(asdict(token)))

    def forget(self) -> None:
        """Remove both."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def fingerprint(rest_url: str, app_key: str) -> str:
    """Names host and key without showing them, so that a token is never used elsewhere."""
    return hashlib.sha256(f"{rest_url}|{app_key}".encode()).hexdigest()[:16]
