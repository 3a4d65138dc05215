"""What can be wrong with market data, in one line that names the file, the place, the value and the rule.

MarketDataError
├── DataFileError        a file cannot be used: unreadable, malformed, or one value breaks a rule
├── MissingDataError     the folder lacks what was asked for
├── SourceReplyError     a source on the web did not give usable data: refused, unreadable, of another day, over a limit
│   └── NoDataError      it says plainly that it has no data for the question
└── UnknownDayError      the asked day is a holiday, a weekend or outside the data
"""

from datetime import date
from pathlib import Path


class MarketDataError(Exception):
    """Anything wrong with market data; `str()` is one line fit for the terminal."""


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


class SourceReplyError(MarketDataError):
    """A source's reply does not count; nothing of it was used. `repair` is the next step."""

    def __init__(self, source: str, dataset: str, rule: str, *, day: date | None = None, repair: str) -> None:
        self.source = source
        self.dataset = dataset
        self.rule = rule
        self.day = day
        self.repair = repair
        super().__init__(f"{source} {dataset}{f' {day}' if day else ''}: {rule}; {repair}")


class NoDataError(SourceReplyError):
    """The source answers that there is no data: unknown, not zero."""


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
