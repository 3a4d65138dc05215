"""Striking keys out of whatever may be read by others."""

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

STRUCK = b"***"


def struck(content: bytes, secrets: Iterable[str]) -> bytes:
    """`content` without any of the secrets, as they are and as addresses write them."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote_plus(secret)} - {""}:
            content = content.replace(form.encode(), STRUCK)
    return content
