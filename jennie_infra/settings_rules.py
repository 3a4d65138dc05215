"""Rules of single settings that a type alone cannot say; each raises ValueError with the repair."""

from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _url(text: str, schemes: tuple[str, ...]) -> str:
    example = f"{schemes[0]}://host:1234"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number or beyond 65535
        usable = False
    if not usable:
        raise ValueError(f"not an address; write one like {example}")
    return text


def http_url(text: str) -> str:
    """http or https with a host."""
    return _url(text, ("http", "https"))


def websocket_url(text: str) -> str:
    """ws or wss with a host."""
    return _url(text, ("ws", "wss"))


def redis_url(text: str) -> str:
    """redis or rediss with a host, or unix with the path of a socket."""
    return text if text.startswith("unix:///") else _url(text, ("redis", "rediss"))


def iso_day(text: str) -> str:
    """YYYY-MM-DD."""
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("not a date; write it as 2025-06-27") from error
    return text


HttpUrl = Annotated[str, AfterValidator(http_url)]
WebSocketUrl = Annotated[str, AfterValidator(websocket_url)]
RedisUrl = Annotated[str, AfterValidator(redis_url)]
IsoDay = Annotated[str, AfterValidator(iso_day)]
