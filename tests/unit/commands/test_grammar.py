"""Commands as they are typed."""

import pytest

from jennie_live.commands.grammar import COMMANDS, Spoken, parse, positive_int
from jennie_live.commands.handlers import HANDLERS


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("/buy 005930 3", Spoken("buy", ("005930", "3"))),
        ("/BUY@jennie_bot 가온전자", Spoken("buy", ("가온전자",))),
        ("  /stop   긴급  ", Spoken("stop", ("긴급",))),
        ("/report", Spoken("diagnose", ())),
        ("/start", Spoken("help", ())),
        ("hello", None),
        ("/", None),
        ("", None),
    ],
)
def test_a_line_becomes_a_command(text: str, spoken: Spoken | None) -> None:
    assert parse(text) == spoken


@pytest.mark.parametrize(
    ("word", "number"),
    [("3", 3), ("1,200", 1_200), ("0", None), ("-1", None), ("1.5", None), ("３", None), ("", None), ("x", None)],
)
def test_quantities_are_whole_and_positive(word: str, number: int | None) -> None:
    assert positive_int(word) == number


@pytest.mark.rule("R-TG-10")
def test_every_command_of_the_grammar_has_a_handler_and_the_stops_never_wait() -> None:
    assert set(COMMANDS) - {"help", "confirm", "cancel"} == set(HANDLERS)
    assert {name for name, spec in COMMANDS.items() if spec.urgent} >= {"stop", "pause", "resume", "confirm"}
