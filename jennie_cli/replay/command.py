"""`jennie replay`: from the words of the command line to a summary."""

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rich.console import Console

from jennie_cli.errors import UserError
from jennie_cli.market import choose_day
from jennie_cli.replay.inputs import DayInputs, Frame, generated_inputs
from jennie_cli.replay.model import ReplayReport, report_of
from jennie_cli.replay.recording import home_inputs, log_inputs
from jennie_cli.replay.summary import Summary
from jennie_cli.replay.texts import LANGUAGES, Language
from jennie_core.replay.day import DayMachine
from jennie_core.replay.tick_fills import TickFillRules
from jennie_infra.settings import load_settings
from jennie_infra.sources.errors import MarketDataError


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What was asked for."""

    day: date
    market_data: Path | None
    seed: int
    ticks: Path | None
    home: Path | None
    estimate_fills: bool
    rules: TickFillRules
    cash_krw: int
    json: Path | None
    language: Language


def parse_language(value: str) -> Language:
    """ko or en; raises UserError."""
    for language in LANGUAGES:
        if value == language:
            return language
    raise UserError(f"--lang {value}: no such language; choose one of {', '.join(LANGUAGES)}")


def parse_rules(slippage_bps: float, volume_share: float) -> TickFillRules:
    """The rules of estimated fills; raises UserError."""
    if not 0 <= slippage_bps <= 1_000:
        raise UserError(f"--slippage-bps {slippage_bps:g}: must be from 0 to 1000")
    if not 0 < volume_share <= 1:
        raise UserError(f"--volume-share {volume_share:g}: must be above 0 and at most 1")
    return TickFillRules(slippage_bps, volume_share)


def run_replay(plan: ReplayPlan, console: Console) -> int:
    """Replay the day and print it; returns the exit code."""
    if plan.json is not None and not plan.json.absolute().parent.is_dir():
        raise UserError(f"--json {plan.json}: no such folder; make it or name another file")
    with _inputs(plan) as inputs:
        started = time.monotonic()
        report = replay(inputs)
        seconds = time.monotonic() - started
    if plan.json is not None:
        plan.json.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    Summary(report, plan.language, seconds).show(console, plan.json)
    return 0


def replay(inputs: DayInputs) -> ReplayReport:
    """Run the machine over prepared inputs."""
    machine = DayMachine(
        inputs.start, source=inputs.source, broker=inputs.broker, market=inputs.market, plane=inputs.plane
    )
    result = machine.run(inputs.begins_at)
    return report_of(result, data_source=inputs.data_source, fills=inputs.fills, notes=inputs.notes)


def _inputs(plan: ReplayPlan) -> AbstractContextManager[DayInputs]:
    if plan.home is not None and plan.ticks is not None:
        raise UserError("--home and --ticks name the same thing twice; give one of them")
    if plan.home is not None and plan.market_data is not None:
        raise UserError("--home has its own stores; leave --market-data out")
    day = choose_day(plan.day, plan.market_data)
    settings = load_settings()
    trading = settings.trading()
    rules = replace(plan.rules, commission_ratio=trading.orders.commission_ratio)
    frame = Frame(day, trading, settings.slice_seconds)
    try:
        if plan.home is not None:
            return home_inputs(frame, plan.home, estimate=plan.estimate_fills, rules=rules)
        if plan.ticks is not None:
            made = log_inputs(frame, plan.ticks, market_data=plan.market_data, cash_krw=plan.cash_krw, rules=rules)
            return nullcontext(made)
    except MarketDataError as error:
        raise UserError(f"MARKET_DATA: {error}") from error
    return generated_inputs(frame, seed=plan.seed, market_data=plan.market_data)
