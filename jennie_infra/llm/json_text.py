"""JSON in a model's text (R-LLM-06): without think tags, from a fenced block or the first balanced braces."""

import re
from typing import Any

import orjson

_THINK = re.compile(r"<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(\{.*?\})\s*```", re.DOTALL)


class NoJsonError(ValueError):
    """The text holds no JSON object."""


def extract_json(text: str) -> dict[str, Any]:
    """The first JSON object of a text; raises NoJsonError."""
    bare = _THINK.sub("", text)
    fenced = _FENCE.search(bare)
    for candidate in ([fenced.group(1)] if fenced else []) + list(_objects(bare)):
        try:
            value = orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            return value
    raise NoJsonError(f"no JSON object in {len(text)} characters")


def _objects(text: str) -> list[str]:
    """Balanced brace spans, in order of their start; braces inside strings do not count."""
    found: list[str] = []
    depth, start, quoted, escaped = 0, 0, False, False
    for position, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"' and depth:
            quoted = True
        elif character == "{":
            if depth == 0:
                start = position
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                found.append(text[start : position + 1])
    return found
