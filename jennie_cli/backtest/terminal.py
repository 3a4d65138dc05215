"""The summary in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from jennie_cli.backtest.findings import findings
from jennie_cli.backtest.run import Outcome
from jennie_cli.backtest.texts import Text


def show(outcome: Outcome, console: Console) -> None:
    """Main figures with unit and range, the findings, the hash and the place of the page."""
    text, figures, scores = Text(outcome.request.language), outcome.figures, outcome.scores
    first, last = outcome.days[0].day, outcome.days[-1].day
    table = Table(title=f"jennie backtest {first} – {last}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    fall, index_fall = figures.drawdown, figures.index_drawdown
    rows: tuple[tuple[str, str, str], ...] = (
        ("거래일", "sessions", f"{figures.sessions:,}"),
        ("수익률 (비용 포함)", "return, costs included", _pct(figures.return_pct)),
        ("KOSPI", "KOSPI", _pct(figures.index_return_pct)),
        ("연 수익률", "return a year", _pct(figures.yearly_return_pct)),
        ("최대 낙폭", "deepest drawdown", f"{_pct(fall.depth_pct)} ({fall.peak} – {fall.trough})"),
        ("KOSPI 최대 낙폭", "of KOSPI", "–" if index_fall is None else _pct(index_fall.depth_pct)),
        ("매수 / 매도 체결", "buys / sells", f"{figures.buys:,} / {figures.sells:,}"),
        ("완결 거래", "round trips", f"{figures.round_trips:,}"),
        ("승률", "win rate", _pct(figures.win_rate_pct, sign=False)),
        ("거래당 순손익", "net per round trip", _pct(figures.mean_trip_pct)),
        ("연 회전율", "turnover a year", f"{figures.turnover_per_year:.1f} x"),
        ("평균 투자 비중", "mean exposure", _pct(figures.exposure_pct, sign=False)),
        ("수수료 + 세금", "commission + tax", f"{figures.commissions_krw + figures.taxes_krw:,}원"),
        (
            f"순위 IC ({scores.horizon}거래일)",
            f"rank IC ({scores.horizon} sessions)",
            "–" if scores.mean_ic is None else f"{scores.mean_ic:+.4f} (t {_plain(scores.ic_t_value)})",
        ),
        ("십분위 스프레드", "decile spread", _pct(scores.mean_spread_pct)),
        ("거래 해시", "trade hash", outcome.trade_hash),
        ("설정 해시", "settings hash", outcome.request.settings.settings_hash()),
        ("시간", "time", _times(outcome)),
    )
    for korean, english, value in rows:
        table.add_row(text.of(korean, english), value)
    console.print(table)
    for pair in findings(outcome):
        console.print(Styled("• " + text.of(*pair)), soft_wrap=True)
    console.print(Styled(text.of("보고서", "report") + f": {outcome.request.out}"), soft_wrap=True)


def _pct(value: float | None, *, sign: bool = True) -> str:
    return "–" if value is None else f"{value:+.2f} %" if sign else f"{value:.2f} %"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _times(outcome: Outcome) -> str:
    whole = sum(outcome.seconds.values())
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items())
    return f"{whole:.1f} s ({parts})"
