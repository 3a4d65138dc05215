"""The newest lines of the services' log files, without reading whole files and without secrets."""

import re
from pathlib import Path
from typing import Any

import orjson

from jennie_core.domain.base import from_epoch_us
from jennie_infra.telemetry import redact
from jennie_live.dashboard.schemas.operation import LogLine, LogSource

TAIL_BYTES = 512 * 1024
LONGEST_LINE = 4_000
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,60}$")
_SECRET_FIELD = re.compile(
    r"(token|secret|appkey|app_key|password|authorization|approval_key|account|cano|chat_id|hts_id)", re.IGNORECASE
)
_LOGIN_TOKEN = re.compile(r"(login\?token=)[\w-]+")
_BOT_TOKEN = re.compile(r"bot\d{6,}:[\w-]{20,}")


def sources(folder: Path) -> tuple[LogSource, ...]:
    """Log files of the folder by name."""
    if not folder.is_dir():
        return ()
    found: list[LogSource] = []
    for path in sorted(folder.glob("*.log")):
        state = path.stat()
        if _NAME.match(path.stem):
            found.append(
                LogSource(
                    service=path.stem, size_bytes=state.st_size, written_at=from_epoch_us(int(state.st_mtime * 1e6))
                )
            )
    return tuple(found)


def tail(folder: Path, service: str, *, limit: int, contains: str = "", level: str = "") -> tuple[LogLine, ...] | None:
    """The newest `limit` matching lines, oldest first; None when there is no such log."""
    path = folder / f"{service}.log"
    if not _NAME.match(service) or not path.is_file():
        return None
    with path.open("rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - TAIL_BYTES))
        raw = handle.read().decode("utf-8", errors="replace")
    rows = raw.splitlines()
    if size > TAIL_BYTES:
        rows = rows[1:]
    found: list[LogLine] = []
    for row in reversed(rows):
        if not row.strip() or (contains and contains.lower() not in row.lower()):
            continue
        line = parse(clean(row[:LONGEST_LINE]))
        if level and line.level != level:
            continue
        found.append(line)
        if len(found) == limit:
            break
    return tuple(reversed(found))


def clean(row: str) -> str:
    """A line without registered secrets, login tokens and bot tokens."""
    return _BOT_TOKEN.sub("bot***", _LOGIN_TOKEN.sub(r"\1***", redact(row)))


def parse(row: str) -> LogLine:
    """A JSON line in its parts, any other line as it is."""
    try:
        document: Any = orjson.loads(row)
    except orjson.JSONDecodeError:
        return LogLine(at=None, level=None, event=row)
    if not isinstance(document, dict):
        return LogLine(at=None, level=None, event=row)
    at, level = document.pop("timestamp", None), document.pop("level", None)
    event = document.pop("event", "")
    document.pop("service", None)
    fields = {key: "***" if _SECRET_FIELD.search(key) else value for key, value in document.items()}
    return LogLine(at=str(at) if at else None, level=str(level) if level else None, event=str(event), fields=fields)
