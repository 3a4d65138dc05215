"""The one-page summary of a replay in the terminal."""

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from jennie_cli.replay.model import ReplayReport, TradeRow
from jennie_cli.replay.texts import Language, text

MOST_ROWS = 40


class Summary:
    """Renders one report in one language."""

    def __init__(self, report: ReplayReport, language: Language, seconds: float) -> None:
        self._report = report
        self._language: Language = language
        self._seconds = seconds

    def show(self, console: Console, written: Path | None) -> None:
        """Print it."""
        report = self._report
        parts: list[RenderableType] = [self._head(), self._money(), self._flow()]
        parts += [part for part in (self._requests(), self._trades(), self._refusals(), self._holdings()) if part]
        parts.append(self._trust())
        parts += [f"[dim]{escape(note.ko if self._language == 'ko' else note.en)}[/]" for note in report.notes]
        if written is not None:
            parts.append(f"[dim]{self._say('written')}:[/] {escape(str(written))}")
        title = f"{self._say('title')}  {report.market_day}"
        console.print(Panel(Group(*parts), title=title, border_style="green"))

    def _head(self) -> str:
        report = self._report
        return (
            f"{self._say('data')} {escape(report.data_source)}; "
            f"{self._say('fills')} {self._say('fills_' + report.fills)}"
        )

    def _money(self) -> str:
        report = self._report
        return (
            f"{self._say('equity')} [b]{self._won(report.start_equity_krw)} → {self._won(report.end_equity_krw)}[/] "
            f"({self._say('day_pnl')} {self._won(report.day_pnl_krw)}, {self._say('costs_included')})\n"
            f"{self._say('realized')} {self._won(report.realized_krw)}, "
            f"{self._say('unrealized')} {self._won(report.unrealized_krw)}, "
            f"{self._say('fees')} {self._won(report.fees_krw)}, {self._say('taxes')} {self._won(report.taxes_krw)}"
        )

    def _flow(self) -> str:
        report = self._report
        sides = [row.side for row in report.requests]
        return text(
            "flow",
            self._language,
            ticks=report.ticks,
            buys=sides.count("buy"),
            sells=sides.count("sell"),
            orders=len(report.trades),
            filled=sum(row.filled_quantity > 0 for row in report.trades),
        )

    def _requests(self) -> RenderableType | None:
        report = self._report
        if not report.requests:
            return None
        table = self._table("requests", "time", "side", "code", "name", "why", "price", "outcome", right=("price",))
        for row in report.requests[:MOST_ROWS]:
            outcome = self._say("ordered") if row.rule is None else _because(row.rule, row.value, row.limit)
            side, price = self._say(row.side), f"{row.price_krw:,}"
            table.add_row(row.market_time, side, row.stock_code, escape(row.stock_name), row.reason, price, outcome)
        return self._with_rest(table, len(report.requests))

    def _trades(self) -> RenderableType | None:
        report = self._report
        if not report.trades:
            return None
        right = ("filled", "price", "costs", "net")
        columns = ("time", "side", "code", "name", "filled", "price", "why", "costs", "net")
        table = self._table("trades", *columns, right=right)
        for row in report.trades[:MOST_ROWS]:
            table.add_row(
                row.market_time,
                self._say(row.side),
                row.stock_code,
                escape(row.stock_name),
                f"{row.filled_quantity}/{row.quantity}",
                "-" if row.average_price_krw is None else f"{row.average_price_krw:,.0f}",
                _why(row),
                f"{row.costs_krw:,}",
                "" if row.realized_pnl_krw is None else f"{row.realized_pnl_krw:,}",
            )
        return self._with_rest(table, len(report.trades))

    def _refusals(self) -> RenderableType | None:
        if not self._report.refused:
            return None
        table = self._table("refused", "rule", "count", "why", "value", "limit", right=("count",))
        for row in self._report.refused:
            table.add_row(row.rule, str(row.count), escape(row.detail), _shown(row.value), _shown(row.limit))
        return table

    def _holdings(self) -> RenderableType | None:
        if not self._report.holdings:
            return None
        right = ("quantity", "average", "price", "unrealized")
        table = self._table("holdings", "code", "name", "quantity", "average", "price", "unrealized", right=right)
        for row in self._report.holdings:
            average = f"{row.average_price_krw:,.0f}"
            table.add_row(
                row.stock_code,
                escape(row.stock_name),
                f"{row.quantity:,}",
                average,
                f"{row.price_krw:,}",
                f"{row.unrealized_krw:,}",
            )
        return table

    def _trust(self) -> str:
        report = self._report
        settings = self._say("defaults") if report.settings_are_default else f"[yellow]{self._say('changed')}[/]"
        rate = report.ticks / self._seconds if self._seconds > 0 else 0.0
        return (
            f"{self._say('order_hash')} [b]{report.order_hash}[/]; "
            f"{self._say('settings')} {report.settings_hash} ({settings}); "
            f"{text('speed', self._language, seconds=self._seconds, rate=rate)}"
        )

    def _table(self, title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
        table = Table(title=self._say(title), title_justify="left", box=None, pad_edge=False)
        for name in columns:
            table.add_column(
                self._say(name),
                justify="right" if name in right else "left",
                overflow="fold",
                no_wrap=name in ("time", "code"),
            )
        return table

    def _with_rest(self, table: Table, rows: int) -> RenderableType:
        if rows <= MOST_ROWS:
            return table
        return Group(table, f"[dim]{text('more', self._language, count=rows - MOST_ROWS)}[/]")

    def _say(self, key: str) -> str:
        return text(key, self._language)

    def _won(self, value: int | None) -> str:
        return self._say("unknown") if value is None else f"{value:,}원"


def _why(row: TradeRow) -> str:
    """Reason, rule, and the state of an order that did not fill."""
    parts = (row.reason, row.rule, row.state if row.filled_quantity < row.quantity else None)
    return "\n".join(part for part in parts if part)


def _because(rule: str, value: str | None, limit: str | None) -> str:
    if value is None and limit is None:
        return rule
    return f"{rule} {_shown(value)} / {_shown(limit)}"


def _shown(value: str | None) -> str:
    return "-" if value is None else escape(value)
