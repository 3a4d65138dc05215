"""The one-page report in the terminal."""

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from jennie_cli.report.model import Quantiles, Report


def show(report: Report, console: Console, places: dict[str, str]) -> None:
    """Print the report on one page."""
    parts: list[RenderableType] = [_head(report), _money(report), _flow(report)]
    if report.faults:
        parts.append(_faults(report))
    if report.order_rows:
        parts.append(_orders(report))
    if report.signals.refused:
        parts.append(_refusals(report))
    parts.append(_trust(report))
    parts.append("\n".join(f"[dim]{name}:[/] {place}" for name, place in places.items()))
    title = f"jennie rehearsal  {report.market_day}  seed {report.seed}"
    console.print(Panel(Group(*parts), title=title, border_style="green" if report.reconciliation.matches else "red"))


def _head(report: Report) -> str:
    source = f"{report.data_source}" + ("  [yellow](simulated prices / 모의 가격)[/]" if report.simulated else "")
    watchlist = report.watchlist
    return (
        f"data {source}\n"
        f"assets {report.assets.materialized} materialised, {report.assets.failed} failed; "
        f"checks {report.checks.passed} passed, {report.checks.failed} failed, {report.checks.warned} warned; "
        f"{report.partitions_backfilled} sessions backfilled\n"
        f"watchlist {watchlist.version or 'none'}: {watchlist.size} stocks, {watchlist.tradable} tradable, "
        f"regime {watchlist.regime or 'unknown'}; permit {_permit(report)}{_left_out(report)}"
    )


def _left_out(report: Report) -> str:
    watchlist = report.watchlist
    if not watchlist.left_out:
        return ""
    reasons = ", ".join(f"{reason} {count}" for reason, count in watchlist.left_out.items())
    return f"\nnot for buying, of {watchlist.scored} scored: {reasons}"


def _permit(report: Report) -> str:
    if report.permit_granted is None:
        return "[red]never issued[/]"
    return "[green]granted[/]" if report.permit_granted else f"[red]withheld[/]: {'; '.join(report.permit_reasons)}"


def _money(report: Report) -> str:
    pnl = report.pnl
    return (
        f"equity [b]{_won(report.start_equity_krw)} → {_won(report.end_equity_krw)}[/] "
        f"(day {_won(report.day_pnl_krw)}, costs included)\n"
        f"realised {_won(pnl.realized_krw)}, unrealised {_won(pnl.unrealized_krw)}, "
        f"fees {_won(pnl.fees_krw)}, taxes {_won(pnl.taxes_krw)}"
    )


def _flow(report: Report) -> str:
    orders, latency = report.orders, report.latency_ms
    return (
        f"ticks {report.ticks.sent:,} sent, {report.ticks.received:,} received, {report.ticks.lost} lost; "
        f"signals {report.signals.buy} buy, {report.signals.sell} sell\n"
        f"orders {orders.submitted} submitted: {orders.filled} filled, {orders.partially_filled} partly, "
        f"{orders.cancelled} cancelled, {orders.rejected} rejected, {orders.unknown} unknown; {report.fills} fills\n"
        f"tick→order ms {_quantiles(latency.tick_to_order)} (signal {_quantiles(latency.tick_to_signal)}, "
        f"order {_quantiles(latency.signal_to_order)})"
    )


def _faults(report: Report) -> str:
    rows = ", ".join(f"{row.fault} ({row.hits} times)" for row in report.faults)
    return f"[yellow]faults switched on at the exchange:[/] {escape(rows)}"


def _orders(report: Report) -> Table:
    table = Table(title="orders", title_justify="left", box=None, pad_edge=False)
    for name in ("time", "side", "code", "name", "filled", "price", "why", "state", "realised"):
        right = name in ("filled", "price", "realised")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=name == "time")
    for row in report.order_rows[:20]:
        table.add_row(
            row.market_time,
            row.side,
            row.stock_code,
            row.stock_name,
            f"{row.filled_quantity}/{row.quantity}",
            "-" if row.average_price_krw is None else f"{row.average_price_krw:,.0f}",
            f"{row.reason}\n{row.rule}" if row.rule else row.reason,
            row.state,
            f"{row.realized_pnl_krw:,}" if row.realized_pnl_krw is not None else "",
        )
    return table


def _refusals(report: Report) -> str:
    ordered = sorted(report.signals.refused.items(), key=lambda pair: -pair[1])
    return "refused by rule: " + ", ".join(f"{rule} {count}" for rule, count in ordered[:12])


def _trust(report: Report) -> str:
    state = report.reconciliation
    verdict = "[green]agrees[/]" if state.matches else "[red]DIFFERS[/]: " + "; ".join(state.differences[:5])
    restarts = sum(row.restarts for row in report.processes)
    healthy = sum(1 for row in report.processes if row.healthy)
    settings = "shipped defaults" if report.settings_are_default else "[yellow]changed[/]"
    return (
        f"reconciliation with the exchange's ledger {verdict} ({state.compared} figures); "
        f"broker limits broken {report.limit_violations}\n"
        f"processes {healthy} healthy, {restarts} restarts; settings {report.settings_hash} ({settings}); "
        f"order hash [b]{report.order_hash}[/]; {report.wall_seconds:.1f} s at speed {report.speed}"
    )


def _quantiles(value: Quantiles) -> str:
    if value.p50 is None or value.p99 is None or value.max is None:
        return "no sample"
    return f"p50 {value.p50:.1f} p99 {value.p99:.1f} max {value.max:.1f}"


def _won(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}원"
