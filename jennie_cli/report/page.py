"""The self-contained page of a rehearsal: `report.html` with charts, Korean with an English switch."""

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader
from plotly.subplots import make_subplots

from jennie_cli.report.model import CurvePoint, Report

GOOD, BAD, INK, MUTED = "#c4392f", "#2f6fc4", "#1d2433", "#8a93a6"  # Korean markets: red rises, blue falls


def render(report: Report) -> str:
    """The page as one HTML text without outside references."""
    environment = Environment(loader=PackageLoader("jennie_cli.report"), autoescape=True)
    environment.filters["won"] = _won
    environment.filters["signed"] = _signed
    environment.filters["figure"] = _figure
    charts = [chart for chart in (_equity(report), _flow(report), _latency(report)) if chart is not None]
    fragments = [
        chart.to_html(
            full_html=False, include_plotlyjs=index == 0, config={"displayModeBar": False, "responsive": True}
        )
        for index, chart in enumerate(charts)
    ]
    return environment.get_template("page.html.j2").render(
        report=report,
        charts=fragments,
        refusals=sorted(report.signals.refused.items(), key=lambda row: -row[1]),
    )


def write(report: Report, path: Path) -> None:
    """Write the page in one step."""
    temporary = path.with_suffix(".part")
    temporary.write_text(render(report), encoding="utf-8")
    temporary.replace(path)


def _equity(report: Report) -> go.Figure | None:
    curve = report.equity_curve
    if len(curve) < 2:
        return None
    figure = make_subplots(specs=[[{"secondary_y": True}]])
    minutes = [point.minute for point in curve]
    figure.add_scatter(
        x=minutes, y=[point.equity_krw for point in curve], name="평가금액 Equity", line={"color": INK, "width": 2}
    )
    figure.add_scatter(
        x=minutes,
        y=[point.kospi_change_pct for point in curve],
        name="KOSPI %",
        line={"color": MUTED, "width": 1.5, "dash": "dot"},
        secondary_y=True,
    )
    for side, symbol, color in (("buy", "triangle-up", GOOD), ("sell", "triangle-down", BAD)):
        rows = [row for row in report.order_rows if row.side == side and row.filled_quantity > 0]
        placed = [(row, _level_at(curve, row.market_time[:5])) for row in rows]
        figure.add_scatter(
            x=[point.minute for _, point in placed],
            y=[point.equity_krw for _, point in placed],
            text=[f"{row.market_time} {row.stock_name} {row.filled_quantity}주 {row.reason}" for row, _ in placed],
            mode="markers",
            marker={"symbol": symbol, "size": 12, "color": color},
            name="매수 Buy" if side == "buy" else "매도 Sell",
        )
    figure.update_yaxes(tickformat=".2f", ticksuffix=" %", showgrid=False, zeroline=False, secondary_y=True)
    return style(figure, "평가금액과 KOSPI · Equity and KOSPI")


def _level_at(curve: tuple[CurvePoint, ...], minute: str) -> CurvePoint:
    """The newest point not after a minute, else the first."""
    return next((point for point in reversed(curve) if point.minute <= minute), curve[0])


def _flow(report: Report) -> go.Figure | None:
    refused = sorted(report.signals.refused.items(), key=lambda row: row[1])[-12:]
    if not refused:
        return None
    figure = go.Figure(
        go.Bar(x=[count for _, count in refused], y=[rule for rule, _ in refused], orientation="h", marker_color=MUTED)
    )
    return style(figure, "거절된 매수, 규칙별 · Refused buys by rule")


def _latency(report: Report) -> go.Figure | None:
    latency = report.latency_ms
    rows = (
        ("틱→시그널 tick→signal", latency.tick_to_signal),
        ("시그널→주문 signal→order", latency.signal_to_order),
        ("틱→주문 tick→order", latency.tick_to_order),
    )
    known = [(name, value) for name, value in rows if value.p50 is not None]
    if not known:
        return None
    names = [name for name, _ in known]
    figure = go.Figure(
        [
            go.Bar(x=names, y=[value.p50 for _, value in known], name="p50", marker_color=INK),
            go.Bar(x=names, y=[value.p99 for _, value in known], name="p99", marker_color=MUTED),
        ]
    )
    return style(figure, "지연 시간 (ms) · Latency (ms)")


def style(figure: go.Figure, title: str) -> go.Figure:
    """The one look of all charts."""
    layout: dict[str, Any] = {
        "title": {"text": title, "font": {"size": 15}},
        "template": "plotly_white",
        "height": 340,
        "margin": {"l": 60, "r": 40, "t": 50, "b": 40},
        "legend": {"orientation": "h", "y": 1.08, "x": 1, "xanchor": "right"},
        "font": {"family": "Pretendard, 'Noto Sans KR', 'NanumGothic', 'Apple SD Gothic Neo', sans-serif", "size": 12},
        "xaxis": {"nticks": 14},
    }
    return figure.update_layout(**layout)


def _won(value: int | float | None) -> str:
    return "알 수 없음" if value is None else f"{value:,.0f}원"


def _signed(value: int | float | None) -> str:
    return "알 수 없음" if value is None else f"{value:+,.0f}원"


def _figure(value: str | None) -> str:
    """A value or limit of a rule as a person writes it: 6, not 6.0."""
    return "" if value is None else value.removesuffix(".0")
