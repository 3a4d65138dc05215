"""Words of the command line that cannot be: one line that names the variable, the value and the repair, exit code 2."""

import errno
import sys
from pathlib import Path

import pytest
import typer

from jennie_cli.data_plane import check_names
from jennie_cli.errors import UserError, one_clear_line
from jennie_cli.main import main
from jennie_cli.market import choose_day
from jennie_cli.values import parse_day, parse_port_base, parse_seed, parse_speed, require_known_check


@pytest.mark.parametrize("text", ["abc", "", "0", "-1", "nan", "inf", "-inf", "1e400"])
def test_a_speed_that_is_none_is_named(text: str) -> None:
    with pytest.raises(UserError, match=rf"^SPEED={text}: .*write e\.g\. 400, or max$"):
        parse_speed(text)


def test_speeds_are_read() -> None:
    assert (parse_speed("400"), parse_speed("0.5"), parse_speed("max")) == (400.0, 0.5, None)


@pytest.mark.parametrize("text", ["abc", "1.5", "-5", "9" * 30, ""])
def test_a_seed_that_is_none_is_named(text: str) -> None:
    with pytest.raises(UserError, match=rf"^SEED={text}: .* 0 to "):
        parse_seed(text)


@pytest.mark.parametrize("text", ["abc", "99999", "-1"])
def test_a_port_base_that_is_none_is_named(text: str) -> None:
    with pytest.raises(UserError, match=rf"^PORT_BASE={text}: .* 0 to 50000"):
        parse_port_base(text)


@pytest.mark.parametrize("text", ["2026-13-45", "yesterday", "27/06/2025"])
def test_a_day_that_is_none_is_named(text: str) -> None:
    with pytest.raises(UserError, match=rf"^DAY={text}: not a date; write it as"):
        parse_day(text, "DAY")


@pytest.mark.parametrize("day", ["1999-01-04", "2099-01-03", "2099-01-05"], ids=["before", "a far Saturday", "after"])
def test_a_day_beyond_the_calendar_is_named_with_its_span(day: str) -> None:
    with pytest.raises(UserError, match=rf"^DAY={day}: .*choose one from \d{{4}}-.* to \d{{4}}-"):
        choose_day(parse_day(day, "DAY"), None)


def test_a_check_that_does_not_exist_is_named_with_those_that_do() -> None:
    """A rehearsal whose switch does nothing would look like one that stood the test."""
    with pytest.raises(UserError, match=r"^FAIL_CHECK=nonsense: .*freshness"):
        require_known_check("nonsense", check_names())
    require_known_check("freshness", check_names())
    require_known_check("daily_prices.freshness", check_names())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["frobnicate"], "frobnicate"),
        (["rehearse", "--nonsense"], "--nonsense"),
        (["backfill"], "ASSET"),
        (["sim", "--pack", "/nonexistent/pack"], "/nonexistent/pack"),
    ],
    ids=["command", "option", "missing word", "exchange"],
)
def test_words_that_cannot_be_are_one_line(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["jennie", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert named.lower() in said.err.lower()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG])
def test_what_the_system_refuses_is_one_line_with_the_place(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, one_clear_line():
        raise OSError(number, "refused by the system", "/some/place")
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err.startswith("jennie: /some/place: refused by the system; ")


def test_a_fault_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), one_clear_line():
        (tmp_path / "absent").read_text()


def test_a_message_is_never_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), one_clear_line():
        raise UserError("folder [red]x[/] is\n  missing")
    assert capsys.readouterr().err == "jennie: folder [red]x[/] is missing\n"
