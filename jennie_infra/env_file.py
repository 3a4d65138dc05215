"""The `.env` file: NAME=value lines, or one clear line that says which of them cannot be used."""

from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream


class SettingsError(Exception):
    """A setting is wrong; the message names the variable, its value's rule and the repair."""


def read_env_file(path: Path) -> dict[str, str]:
    """Names and values, none of them expanded; empty when there is no file. Raises SettingsError."""
    if not path.exists():
        return {}
    text = _env_text(path)
    for number, line in enumerate(text.splitlines(), start=1):
        found = line.strip()
        if found and not found.startswith("#") and "=" not in found:
            raise SettingsError(
                f"{path} line {number}: expected NAME=value, found {found[:20]!r}; complete or remove the line"
            )
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            name = binding.original.string.strip().splitlines()[0].split("=", 1)[0]
            raise SettingsError(
                f"{path} line {binding.original.line}: {name}=... cannot be read, perhaps a quote is not closed; "
                "complete or remove the line"
            )
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _env_text(path: Path) -> str:
    """The file as text; raises SettingsError for what is no text file or cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); mend or remove it") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path} line {line}: not UTF-8 text; save the file as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SettingsError(f"{path} line {line}: holds a null character; remove or retype the line")
    return text
