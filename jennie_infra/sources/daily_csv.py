"""One stock's (or many stocks') daily bars from a CSV as people have it: Korean or English headers, cp949 or UTF-8."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from jennie_infra.sources.checks import PRICES, ImportNote, canonical_daily, check_daily, daily_notes, first_break
from jennie_infra.sources.errors import DataFileError

_HEADERS = {
    "date": ("date", "날짜", "일자", "거래일", "trade_date"),
    "open": ("open", "시가"),
    "high": ("high", "고가"),
    "low": ("low", "저가"),
    "close": ("close", "종가"),
    "volume": ("volume", "거래량"),
    "code": ("code", "종목코드", "단축코드", "ticker", "symbol"),
    "adj_close": ("adj close", "adj_close"),
}
_DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y.%m.%d", "%Y/%m/%d")
_MIN_ADJUSTMENT = 0.01


@dataclass(frozen=True)
class ImportedBars:
    """Canonical bars (`frames.DAILY_PRICES`) and what was unusual about the file."""

    bars: pl.DataFrame
    notes: list[ImportNote]


def read_daily_csv(path: Path, *, start: date | None = None, end: date | None = None) -> ImportedBars:
    """Read a whole file or refuse it with one DataFileError; nothing is half-read.

    The code comes from a code column or from six characters in the file name (`A005930.csv`, `x_005930.csv`).
    Row numbers in errors and notes are the file's own line numbers.
    """
    texts = _read_texts(path)
    mapping = _columns(path, texts)
    code = pl.col(mapping["code"]) if "code" in mapping else pl.lit(_code_in_name(path), dtype=pl.String)
    texts = texts.with_columns(pl.col(mapping["date"]).str.strip_chars().alias("date_text"))
    wanted = [*PRICES, "volume", *(["adj_close"] if "adj_close" in mapping else [])]
    frame = texts.select(
        "row",
        code.str.strip_chars().str.replace(r"^A([0-9A-Z]{6})$", "$1").alias("code"),
        _date_expression().alias("date"),
        "date_text",
        *(_number(mapping[name]).alias(name) for name in wanted),
        *(pl.col(mapping[name]).alias(f"{name}_text") for name in wanted),
    )
    check_daily(frame, path)
    if "adj_close" in wanted:
        ratio = pl.col("adj_close") / pl.col("close")
        first_break(
            frame,
            path,
            [(ratio < _MIN_ADJUSTMENT, "adj_close", f"adjusted close under {_MIN_ADJUSTMENT:.0%} of the close")],
        )
    notes = daily_notes(frame, path)
    in_window = pl.lit(value=True)
    if start is not None:
        in_window = in_window & (pl.col("trade_date") >= start)
    if end is not None:
        in_window = in_window & (pl.col("trade_date") <= end)
    return ImportedBars(canonical_daily(frame).filter(in_window), notes)


def _read_texts(path: Path) -> pl.DataFrame:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(path, f"not readable ({error.strerror})") from error
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise DataFileError(path, "neither UTF-8 nor CP949 text")
    if len(text.strip().strip('"')) == 0:
        raise DataFileError(path, "the file holds no table", row=1, value=text.strip())
    try:
        frame = pl.read_csv(text.encode(), infer_schema=False, truncate_ragged_lines=False)
    except pl.exceptions.PolarsError as error:
        raise DataFileError(path, f"not a readable CSV ({str(error).strip().splitlines()[0][:120]})") from error
    return frame.with_row_index("row", offset=2)


def _columns(path: Path, texts: pl.DataFrame) -> dict[str, str]:
    """Canonical name to the file's own header; a nameless first column may hold the dates."""
    mapping: dict[str, str] = {}
    headers = [name for name in texts.columns if name != "row"]
    for canonical, names in _HEADERS.items():
        for header in headers:
            if header.strip().lower() in names:
                mapping[canonical] = header
                break
    if not mapping:
        raise DataFileError(path, "the first line is no header", row=1, value=_as_written(headers))
    nameless = headers[0].strip() == "" or headers[0].startswith("_duplicated")
    if "date" not in mapping and nameless and texts.height and _looks_like_date(texts[headers[0]][0]):
        mapping["date"] = headers[0]
    for needed in ("date", *PRICES, "volume"):
        if needed not in mapping:
            raise DataFileError(path, "daily bars need this column", row=1, column=needed, value=_as_written(headers))
    return mapping


def _as_written(headers: list[str]) -> str:
    return ",".join(re.sub(r"_duplicated_\d+$", "", header) for header in headers)[:50]


def _looks_like_date(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"\d{4}[-./]?\d{2}[-./]?\d{2}", text.strip()) is not None


def _number(header: str) -> pl.Expr:
    return pl.col(header).str.replace_all(",", "").str.strip_chars().cast(pl.Float64, strict=False)


def _date_expression() -> pl.Expr:
    return pl.coalesce(pl.col("date_text").str.to_date(layout, strict=False) for layout in _DATE_FORMATS)


def _code_in_name(path: Path) -> str | None:
    found = re.search(r"(?:^|[^0-9A-Z])A?(\d[0-9A-Z]{5})(?:$|[^0-9A-Z])", path.stem)
    return None if found is None else found.group(1)
