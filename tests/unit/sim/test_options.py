"""`jennie sim` as a tool: its options, what a mistake looks like, and the page that explains them."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jennie_cli.main import app
from jennie_sim.main import main
from jennie_sim.market.handmade import CODE, LISTING
from jennie_sim.market.pack import PackError, read_accounts
from jennie_sim.options import parser, settings_of

PAGE = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "x"], "argument --port: 'x' is not a port"),
        (["--codes", "3"], "'3' is not a whole number from 20 on"),
        (["--start", "25:00"], "write it as 09:00"),
        (["--day", "2025-02-30"], "write it as 2025-06-27"),
        (["--speed", "-1"], "'-1' is not a number from 0 on"),
        (["--speed", "nan"], "'nan' is not a number from 0 on"),
        (["--wire-revision", "1/2/3"], "invalid choice"),
        (["--earthquake"], "unrecognized arguments: --earthquake"),
    ],
)
def test_a_bad_option_is_one_line_and_exit_code_2(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("jennie sim: ")
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--records-per-frame", "1000"], "records_per_frame: Input should be less than or equal to 999"),
        (["--commission-ratio", "0.5"], "commission_ratio"),
        (["--pack", "/nowhere"], "/nowhere: no such session pack folder"),
    ],
)
def test_a_bad_start_is_one_line_and_exit_code_2(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_the_command_of_the_front_door_ends_with_the_same_code() -> None:
    assert CliRunner().invoke(app, ["sim", "--pack", "/nowhere"]).exit_code == 2


def test_every_option_is_explained_with_its_default() -> None:
    rows = re.findall(r"^\| (`--[^|]+) \| [^|]+ \| ([^|]*)\|$", PAGE, re.MULTILINE)
    explained = {name: default.strip() for names, default in rows for name in re.findall(r"`(--[a-z-]+)`", names)}
    actions = {action.option_strings[-1]: action for action in parser()._actions if action.dest != "help"}
    assert set(explained) == set(actions)
    for name in ("--rest-per-second", "--ledger-per-second", "--records-per-frame", "--commission-ratio"):
        assert explained[name] == str(actions[name].default)


def test_limits_follow_the_options() -> None:
    alone = settings_of(parser().parse_args([]))
    assert (alone.rest_per_second, alone.approvals_per_second, alone.token_limit) == (18, 0, True)
    packed = settings_of(parser().parse_args(["--pack", "folder"]))
    assert packed.approvals_per_second == 1
    free = settings_of(parser().parse_args(["--no-limits", "--ledger-per-second", "5", "--approvals-per-second", "2"]))
    assert (free.rest_per_second, free.ledger_per_second, free.approvals_per_second, free.token_limit) == (
        0, 0, 0, False,
    )  # fmt: skip


ROW = {"account_number": "60123456-01", "cash_krw": 5, "app_key": "a", "app_secret": "b"}


def test_accounts_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps([ROW, ROW | {"account_number": "60123456-22"}]))
    assert [account.digits for account in read_accounts(path, LISTING, date(2025, 6, 27))] == [
        "6012345601",
        "6012345622",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "Invalid JSON"),
        (json.dumps(ROW | {"account_number": "1"}), "account_number"),
        (json.dumps([ROW, ROW]), "appears twice"),
        (json.dumps(ROW | {"holdings": [{"code": "999999", "quantity": 1, "average_price_krw": 1,
                                         "bought_on": "2025-06-26"}]}), "999999 is not in the listing"),
        (json.dumps(ROW | {"holdings": [{"code": CODE, "quantity": 1, "average_price_krw": 1,
                                         "bought_on": "2025-06-27"}]}), "not before 2025-06-27"),
    ],
)  # fmt: skip
def test_a_bad_accounts_file_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content)
    with pytest.raises(PackError, match=f"{path}.*{says}"):
        read_accounts(path, LISTING, date(2025, 6, 27))
