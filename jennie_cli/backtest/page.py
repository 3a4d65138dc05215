"""The self-contained page of a backtest: Korean with an English switch, charts inside, no outside reference."""

from datetime import date
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from jennie_cli.backtest.charts import charts
from jennie_cli.backtest.findings import findings
from jennie_cli.backtest.run import Outcome
from jennie_cli.backtest.texts import MISSES, REGIMES, rule_name
from jennie_core.replay.backtest_figures import worst_index_days
from jennie_core.replay.backtest_records import DayRecord

WORST_DAYS = 20
TRIPS_SHOWN = 10


def render(outcome: Outcome) -> str:
    """The page as one HTML text."""
    places = [PackageLoader("jennie_cli.backtest"), PackageLoader("jennie_cli.report")]
    environment = Environment(loader=ChoiceLoader(places), autoescape=True)
    environment.filters.update(won=_won, signed=_signed, pct=_pct, number=_number)
    ordered = sorted(outcome.trips, key=lambda trip: (trip.net_krw, trip.code, trip.bought_on))
    return environment.get_template("backtest.html.j2").render(
        outcome=outcome,
        figures=outcome.figures,
        request=outcome.request,
        terms=outcome.request.terms,
        settings=outcome.request.settings,
        scores=outcome.scores,
        facts=outcome.facts,
        findings=findings(outcome),
        charts=charts(outcome),
        worst_days=[_scenario(day) for day in worst_index_days(outcome.days, WORST_DAYS)],
        best_trips=ordered[::-1][:TRIPS_SHOWN],
        worst_trips=ordered[:TRIPS_SHOWN],
        rule_name=rule_name,
        miss_name=lambda miss: MISSES.get(miss, (miss, miss)),
        regime_name=lambda regime: REGIMES[regime],
        first=outcome.days[0].day,
        last=outcome.days[-1].day,
    )


def _scenario(day: DayRecord) -> dict[str, Any]:
    """One falling day as the table shows it."""
    return {
        "day": day,
        "pnl_pct": day.pnl_krw / day.equity_before_krw * 100,
        "refusals": sorted(day.refusals.items(), key=lambda pair: (-pair[1], pair[0])),
        "exits": sorted(day.exits.items(), key=lambda pair: (-pair[1], pair[0])),
        "carried": len(day.carried),
    }


def _won(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}원"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.0f}원"


def _pct(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:+.{digits}f} %"


def _number(value: float | date | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}" if isinstance(value, float) else f"{value}"
