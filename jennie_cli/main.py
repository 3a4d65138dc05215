"""`jennie`: the command line behind the make targets."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jennie_cli.errors import INTERRUPTED, REFUSED, UserError, one_clear_line, tell
from jennie_cli.values import parse_day, parse_port_base, parse_seed, parse_speed
from jennie_core.domain.control import ControlVerb

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="jennie: a self-hosted trading platform for Korean equities.",
)

Reason = Annotated[str, typer.Argument(help="why, for the record")]


@app.command()
def rehearse(
    market_data: Annotated[
        Path | None, typer.Option(help="folder with real daily KRX bars; default: a generated market")
    ] = None,
    day: Annotated[str | None, typer.Option(help="the day to rehearse, YYYY-MM-DD")] = None,
    speed: Annotated[str, typer.Option(help="market seconds per real second, or max")] = "max",
    seed: Annotated[str, typer.Option(help="seed of the generated market and of the tick paths")] = "7",
    until: Annotated[str | None, typer.Option(help="end the day at HH:MM (market time) instead of 20:10")] = None,
    fail_check: Annotated[str | None, typer.Option(help="make this asset check fail, e.g. freshness")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="exchange fault for the whole day: name[@endpoint][:key=value,...]; may be given several times"
        ),
    ] = None,
    port_base: Annotated[
        str, typer.Option(help="added to every port; a rehearsal never shares ports with `jennie up`")
    ] = "20000",
    var_dir: Annotated[Path, typer.Option(help="parent of all state folders", envvar="JENNIE_VAR_DIR")] = Path("var"),
    plain: Annotated[bool, typer.Option(help="one line per phase instead of the live view")] = False,
) -> None:
    """Run one trading day of the rehearsal market and write its report."""
    from jennie_cli.fault_options import parse_fault
    from jennie_cli.rehearse import RehearsalPlan, run_rehearsal

    with one_clear_line():
        plan = RehearsalPlan(
            market_data=market_data,
            day=parse_day(day, "DAY"),
            speed=parse_speed(speed),
            seed=parse_seed(seed),
            until=until,
            fail_check=fail_check,
            port_base=parse_port_base(port_base),
            var_dir=var_dir,
            plain=plain,
            faults=tuple(parse_fault(text) for text in fault or ()),
        )
        raise typer.Exit(run_rehearsal(plan, Console(highlight=False)))


@app.command()
def replay(
    day: Annotated[str, typer.Argument(help="the day, YYYY-MM-DD")],
    market_data: Annotated[
        Path | None, typer.Option(help="folder with real daily KRX bars; default: a generated market")
    ] = None,
    seed: Annotated[str, typer.Option(help="seed of the generated market and of the tick paths")] = "7",
    ticks: Annotated[Path | None, typer.Option(help="recorded tick log: a folder or one part")] = None,
    home: Annotated[Path | None, typer.Option(help="run folder with tick log and stores")] = None,
    estimate_fills: Annotated[
        bool, typer.Option(help="with --home: estimate fills from the ticks even where the exchange could match")
    ] = False,
    slippage_bps: Annotated[float, typer.Option(help="estimated fills: how much worse than the trade")] = 5.0,
    volume_share: Annotated[float, typer.Option(help="estimated fills: share of each trade's volume, 0..1")] = 0.1,
    cash: Annotated[int, typer.Option(help="with --ticks: won the account begins with", min=1)] = 100_000_000,
    json: Annotated[Path | None, typer.Option(help="write the report to this file")] = None,
    lang: Annotated[str, typer.Option(help="ko or en")] = "ko",
) -> None:
    """Run one day again through the deciding code alone: no processes, no network, the same orders."""
    from jennie_cli.replay.command import ReplayPlan, parse_language, parse_rules, run_replay

    with one_clear_line():
        asked = parse_day(day, "DAY")
        if asked is None:
            raise UserError("DAY: give the day to replay, e.g. 2025-06-27")
        plan = ReplayPlan(
            day=asked,
            market_data=market_data,
            seed=parse_seed(seed),
            ticks=ticks,
            home=home,
            estimate_fills=estimate_fills,
            rules=parse_rules(slippage_bps, volume_share),
            cash_krw=cash,
            json=json,
            language=parse_language(lang),
        )
        raise typer.Exit(run_replay(plan, Console(highlight=False)))


@app.command()
def up(
    port_base: Annotated[str, typer.Option(help="added to every port")] = "0",
    seed: Annotated[str, typer.Option(help="rehearsal only: seed of the generated market")] = "7",
    market_data: Annotated[Path | None, typer.Option(help="rehearsal only: folder with real daily KRX bars")] = None,
    day: Annotated[str | None, typer.Option(help="rehearsal only: the market day to live through")] = None,
    detach: Annotated[bool, typer.Option("--detach/--attach", help="return as soon as the stack is up")] = True,
) -> None:
    """Keep the whole stack running at wall-clock speed and print its addresses."""
    from jennie_cli.up import UpPlan, bring_up

    with one_clear_line():
        plan = UpPlan(
            port_base=parse_port_base(port_base),
            seed=parse_seed(seed),
            market_data=market_data,
            day=parse_day(day, "DAY"),
            detach=detach,
        )
        bring_up(plan, Console(highlight=False))


@app.command()
def down() -> None:
    """End the running stack's processes; trading state, stops included, stays as it is (O4)."""
    from jennie_cli.up import bring_down

    with one_clear_line():
        bring_down(Console(highlight=False))


@app.command()
def login() -> None:
    """Print a one-time login link for the dashboard of each running stack."""
    from jennie_cli.login import print_links

    with one_clear_line():
        print_links(Console(highlight=False))


@app.command()
def status() -> None:
    """Show what runs and how it is; exit code 1 when a service is not healthy."""
    from jennie_cli.status import show_status

    with one_clear_line():
        raise typer.Exit(1 if show_status(Console(highlight=False)) else 0)


@app.command()
def doctor(repair: Annotated[bool, typer.Option(help="bring database schemas up to date first")] = False) -> None:
    """Check clock, calendar, ports, disk, databases, Redis and keys; prints the repair beside each failure."""
    from jennie_cli.doctor import examine

    with one_clear_line():
        raise typer.Exit(1 if examine(Console(highlight=False), repair=repair) else 0)


@app.command()
def pause(reason: Reason = "said on the command line") -> None:
    """No new buys; exits go on."""
    _say(ControlVerb.PAUSE, reason)


@app.command()
def halt(reason: Reason = "said on the command line") -> None:
    """Full stop: no automatic buys, open buys are cancelled; protective exits go on unless configured otherwise."""
    _say(ControlVerb.HALT, reason)


@app.command()
def resume(
    reason: Reason = "said on the command line",
    yes: Annotated[bool, typer.Option("--yes", help="confirm without asking")] = False,
) -> None:
    """Lift pause and halt."""
    if not yes and not typer.confirm("Allow automatic buys again?"):
        raise typer.Exit(1)
    _say(ControlVerb.RESUME, reason)


@app.command()
def backfill(
    asset: Annotated[str, typer.Argument(help="asset, e.g. daily_prices")],
    start: Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")],
    end: Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")],
    market_data: Annotated[Path | None, typer.Option(help="market folder; default JENNIE_MARKET_DATA")] = None,
) -> None:
    """Materialise a range of sessions of an asset as one Dagster run."""
    from jennie_cli.backfill import run_backfill

    with one_clear_line():
        first, last = parse_day(start, "--from"), parse_day(end, "--to")
        if first is None or last is None or first > last:
            raise UserError(f"--from {start} --to {end}: the first day must not be after the last")
        raise typer.Exit(run_backfill(asset, first, last, market_data, Console(highlight=False)))


sources_app = typer.Typer(no_args_is_help=True, help="suppliers of market data")
app.add_typer(sources_app, name="sources")


@sources_app.command("check")
def sources_check(
    day: Annotated[str | None, typer.Option(help="session, YYYY-MM-DD; default the newest published one")] = None,
    lang: Annotated[str, typer.Option(help="ko or en")] = "ko",
) -> None:
    """Ask every configured data source and say what works; nothing is written."""
    from jennie_cli.backtest.texts import Text
    from jennie_cli.replay.command import parse_language
    from jennie_cli.sources import check_sources, published_session
    from jennie_infra.clock import wall_now
    from jennie_infra.settings import load_settings

    with one_clear_line():
        chosen = parse_day(day, "--day") or published_session(wall_now())
        settings, text = load_settings(), Text(parse_language(lang))
        raise typer.Exit(check_sources(settings, chosen, text, Console(highlight=False)))


@app.command()
def backtest(
    start: Annotated[str, typer.Argument(help="first day, YYYY-MM-DD")],
    end: Annotated[str, typer.Argument(help="last day, YYYY-MM-DD")],
    data: Annotated[Path, typer.Option(help="folder with daily KRX bars, index, market values, statements")],
    out: Annotated[Path | None, typer.Option(help="the page; default below the state folder")] = None,
    seed_cash: Annotated[str, typer.Option(help="won at the start")] = "100000000",
    slippage_bps: Annotated[str, typer.Option(help="basis points lost on each trade's price")] = "10",
    volume_share_pct: Annotated[str, typer.Option(help="most of a bar's volume that a day's orders take")] = "1",
    delisting_haircut_pct: Annotated[
        str, typer.Option(help="taken off the last close of a holding that ends in a halt")
    ] = "50",
    score_horizon_sessions: Annotated[str, typer.Option(help="sessions the scores are judged over")] = "5",
    settings_file: Annotated[
        Path | None, typer.Option(help="TOML of trading settings", envvar="JENNIE_SETTINGS_FILE")
    ] = None,
    lang: Annotated[str, typer.Option(help="ko or en")] = "ko",
    var_dir: Annotated[Path, typer.Option(help="parent of all state folders", envvar="JENNIE_VAR_DIR")] = Path("var"),
    plain: Annotated[bool, typer.Option(help="one line per phase instead of the progress bar")] = False,
) -> None:
    """Run the daily chain (score, select, enter, exit) over years of real bars and write its report."""
    from jennie_cli.backtest.command import backtest as run
    from jennie_cli.backtest.request import read_request

    with one_clear_line():
        request = read_request(
            start=start,
            end=end,
            data=data,
            out=out,
            var_dir=var_dir,
            language=lang,
            settings_file=settings_file,
            terms={
                "seed_cash_krw": seed_cash,
                "slippage_bps": slippage_bps,
                "volume_share_pct": volume_share_pct,
                "delisting_haircut_pct": delisting_haircut_pct,
                "score_horizon_sessions": score_horizon_sessions,
            },
        )
        run(request, Console(highlight=False), plain=plain)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sim(context: typer.Context) -> None:
    """Start the rehearsal exchange alone; `jennie sim --help` lists its options."""
    from jennie_sim.main import main

    raise typer.Exit(main(context.args))


def main() -> None:
    """Entry of the `jennie` command: what is wrong with the words themselves is one line, too."""
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.TyperException as error:
        tell(error.format_message().splitlines()[0], repair="see `jennie --help`")
        code = REFUSED
    except (typer.Abort, KeyboardInterrupt):
        tell("interrupted; what this command had started is ended")
        code = INTERRUPTED
    raise SystemExit(code)


def _say(verb: ControlVerb, reason: str) -> None:
    from jennie_cli.stops import say_stop

    with one_clear_line():
        say_stop(verb, reason, Console(highlight=False))
