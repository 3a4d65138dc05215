"""What can be wrong with market data, in one line that names the file, the place, the value and the rule.

MarketDataError
├── DataFileError        a file cannot be used: unreadable, malformed, or one value breaks a rule
├── MissingDataError     the folder lacks what was asked for
└── UnknownDayError      the asked day is a holiday, a weekend or outside the data
"""

from pathlib import Path


class MarketDataError(Exception):
    """Anything wrong with the market folder; `str()` is one line fit for the terminal."""


class DataFileError(MarketDataError):
    """One file breaks a rule. Nothing of it was used."""

    def __init__(
        self,
        file: Path | str,
        rule: str,
        *,
        row: int | str | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.file = Path(file)
        self.rule = rule
        self.row = row
        self.column = column
        self.value = value
        place = "".join(
            (
                "" if row is None else f", row {row}",
                "" if column is None else f", column {column}",
                "" if value is None else f", value {_short(value)}",
            )
        )
        super().__init__(f"{self.file.name}{place}: {rule}")


class MissingDataError(MarketDataError):
    """The folder has no file (or no row) for a dataset that is needed."""


class UnknownDayError(MarketDataError):
    """The day cannot be a market day of this folder."""


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
