"""What was asked for: every value of the command line checked before anything is read."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from jennie_cli.errors import UserError
from jennie_cli.values import parse_day
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.replay.backtest_terms import BacktestTerms
from jennie_infra.settings import load_trading_settings

LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """A run that can be started."""

    start: date
    end: date
    data: Path
    out: Path
    language: str
    terms: BacktestTerms
    settings: TradingSettings


def read_request(
    *,
    start: str,
    end: str,
    data: Path,
    out: Path | None,
    var_dir: Path,
    language: str,
    settings_file: Path | None,
    terms: dict[str, str],
) -> BacktestRequest:
    """Check words against rules; raises UserError naming field, value and rule. `terms` are texts by field name."""
    first, last = parse_day(start, "START"), parse_day(end, "END")
    if first is None or last is None:
        raise UserError("START and END are needed; write e.g. 2020-01-01 2025-06-30")
    if first >= last:
        raise UserError(f"START={start} END={end}: the first day must lie before the last")
    calendar = KrxCalendar.shipped()
    for name, day in (("START", first), ("END", last)):
        if not calendar.known_from <= day <= calendar.known_until:
            span = f"{calendar.known_from} to {calendar.known_until}"
            raise UserError(f"{name}={day}: the exchange calendar is known from {span}; choose a day inside")
    if language not in LANGUAGES:
        raise UserError(f"--lang={language}: must be {' or '.join(LANGUAGES)}")
    if not data.is_dir():
        raise UserError(f"--data={data}: no such directory; name a folder with daily KRX bars")
    if not os.access(data, os.R_OK | os.X_OK):
        raise UserError(f"--data={data}: the folder cannot be read; give yourself access to it")
    return BacktestRequest(
        start=first,
        end=last,
        data=data,
        out=_place(out, var_dir / "backtest" / f"{first}_{last}.html"),
        language=language,
        terms=parse_terms(terms),
        settings=load_trading_settings(settings_file),
    )


def parse_terms(texts: dict[str, str]) -> BacktestTerms:
    """Terms from texts; raises UserError naming the option, the value and the bounds."""
    try:
        return BacktestTerms.model_validate(texts)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = "--" + name.removesuffix("_krw").replace("_", "-")
        raise UserError(f"{option}={texts.get(name)}: {_rule(name)}") from error


def _rule(name: str) -> str:
    field = BacktestTerms.model_fields[name]
    words = (("ge", "at least"), ("gt", "above"), ("le", "at most"))
    bounds = [
        f"{word} {getattr(item, key):,.15g}" for item in field.metadata for key, word in words if hasattr(item, key)
    ]
    return f"must be a {'whole ' if field.annotation is int else ''}number {' and '.join(bounds)}"


def _place(out: Path | None, default: Path) -> Path:
    """Where the report goes; a place that cannot be written is refused before the work, not after it."""
    place = default if out is None else out
    if place.is_dir():
        raise UserError(f"--out={place}: is a folder; name a file, e.g. {place / 'backtest.html'}")
    if place.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out={place}: the report is a page; the name must end in .html")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out={place}: {error.strerror}; choose another place") from error
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise UserError(f"--out={place}: the folder cannot be written; choose another place")
    return place
