"""Charts of the backtest's page."""

from typing import Any

import plotly.graph_objects as go

from jennie_cli.backtest.run import Outcome
from jennie_cli.report.page import BAD, GOOD, INK, MUTED, style
from jennie_core.replay.backtest_curves import fall_from_peak
from jennie_core.replay.backtest_figures import index_base


def charts(outcome: Outcome) -> list[str]:
    """Fragments in the order of the page; the first carries the library."""
    made = (_equity(outcome), _drawdown(outcome), _scores(outcome), _exits(outcome))
    return [
        figure.to_html(
            full_html=False,
            include_plotlyjs=number == 0,
            div_id=f"chart-{number}",
            config={"displayModeBar": False, "responsive": True},
        )
        for number, figure in enumerate(made)
    ]


def _equity(outcome: Outcome) -> go.Figure:
    days, start = outcome.days, outcome.figures.start_krw
    base = index_base(days)
    figure = go.Figure()
    dates = [day.day for day in days]
    figure.add_scatter(x=dates, y=[day.equity_krw / start * 100 for day in days], name="전략 Strategy", line=_line(INK))
    if base is not None:
        levels = [None if day.index_close is None else day.index_close / base * 100 for day in days]
        figure.add_scatter(x=dates, y=levels, name="KOSPI", line={**_line(MUTED), "dash": "dot"})
    return style(figure, "평가금액과 KOSPI (시작 = 100) · Equity and KOSPI (start = 100)")


def _drawdown(outcome: Outcome) -> go.Figure:
    figure = go.Figure()
    dates = [day.day for day in outcome.days]
    own = fall_from_peak([float(day.equity_krw) for day in outcome.days])
    figure.add_scatter(x=dates, y=own, name="전략 Strategy", fill="tozeroy", line=_line(BAD))
    known = [(day.day, day.index_close) for day in outcome.days if day.index_close is not None]
    if known:
        falls = fall_from_peak([level for _, level in known])
        figure.add_scatter(x=[day for day, _ in known], y=falls, name="KOSPI", line={**_line(MUTED), "dash": "dot"})
    return _percent(style(figure, "고점 대비 하락 (%) · Drawdown (%)"))


def _scores(outcome: Outcome) -> go.Figure:
    months = outcome.scores.months
    figure = go.Figure(
        go.Bar(
            x=[month.month for month in months],
            y=[month.rank_ic for month in months],
            marker_color=_signed(month.rank_ic for month in months),
            customdata=[[month.days, month.decile_spread_pct] for month in months],
            hovertemplate="%{x}: IC %{y:.3f} · %{customdata[0]}일 days · spread %{customdata[1]:+.2f} %<extra></extra>",
        )
    )
    figure = style(figure, "월별 순위 IC (일별 평균) · Rank IC by month (mean of days)")
    return figure.update_xaxes(type="category")


def _exits(outcome: Outcome) -> go.Figure:
    rows = sorted(outcome.figures.exits, key=lambda row: row.net_krw)
    figure = go.Figure(
        go.Bar(
            x=[row.net_krw / 10_000 for row in rows],
            y=[row.rule for row in rows],
            orientation="h",
            marker_color=_signed(row.net_krw for row in rows),
            text=[f"{row.sells}" for row in rows],
        )
    )
    return style(figure, "청산 규칙별 순손익 (만원; 숫자는 횟수) · Net P&L by exit rule (10,000 won; number: sells)")


def _signed(values: Any) -> list[str]:
    return [GOOD if value > 0 else BAD for value in values]


def _line(color: str) -> dict[str, Any]:
    return {"color": color, "width": 1.8}


def _percent(figure: go.Figure) -> go.Figure:
    figure.update_yaxes(ticksuffix=" %")
    return figure
