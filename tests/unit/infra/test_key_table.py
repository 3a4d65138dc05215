"""The key table tells the truth: every key and stream is written by its owner and read by each declared reader (S1)."""

import ast
from collections import defaultdict
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.bus.streams import STREAMS, Streams

ROOT = Path(__file__).parents[3]
DECLARATIONS = {"jennie_infra/bus/keys.py", "jennie_infra/bus/streams.py"}

WORKERS = ("gateway", "scanner", "buy_executor", "sell_executor", "monitor", "dashboard", "commands")
PLACES: dict[str, tuple[str, ...]] = {name: (f"jennie_live/{name}/",) for name in WORKERS} | {
    "gateway": ("jennie_live/gateway/", "jennie_infra/bus/ticks.py"),
    "buy_executor": ("jennie_live/buy_executor/", "jennie_live/desk/"),
    "sell_executor": ("jennie_live/sell_executor/", "jennie_live/desk/"),
    "scanner": ("jennie_live/scanner/", "jennie_live/common/tick_loop.py"),
    "monitor": ("jennie_live/monitor/", "jennie_live/common/tick_loop.py"),
    "dashboard": ("jennie_live/dashboard/", "jennie_infra/login.py"),
    "desk": ("jennie_live/desk/",),
    "all workers": ("jennie_live/common/",),
    "stops": ("jennie_infra/stops.py",),
    "operator": ("jennie_live/commands/", "jennie_live/dashboard/"),
    "data plane": ("jennie_assets/",),
    "llm": ("jennie_infra/llm/",),
    "cli": ("jennie_cli/", "jennie_infra/login.py", "jennie_infra/stops.py"),
    "conductor": ("jennie_cli/",),
}
"""Where the code of each name in the table's owner and reader columns lives."""

WITHOUT_OWN_REFERENCE = (
    {
        (Streams.WATERMARKS, name): "through `Runtime.watermark`"
        for name in ("scanner", "monitor", "buy_executor", "sell_executor")
    }
    | {(Streams.CONTROL, name): "through `jennie_infra.stops.say`" for name in ("dashboard", "commands")}
    | {
        (key, "monitor"): "through `jennie_infra.liquidation.load`"
        for key in (RedisKeys.FORCED_LIQUIDATION, RedisKeys.FORCED_LIQUIDATION_ARMED)
    }
)
"""Declared uses that go through a shared function, each with that function."""


@cache
def references() -> dict[StrEnum, frozenset[str]]:
    """Files that name each member as `RedisKeys.X` or `Streams.X`."""
    found: dict[StrEnum, set[str]] = defaultdict(set)
    for path in sorted(ROOT.glob("jennie_*/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name in DECLARATIONS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                kind = {"RedisKeys": RedisKeys, "Streams": Streams}.get(node.value.id)
                if kind is not None and node.attr in kind.__members__:
                    found[kind[node.attr]].add(name)
    return {member: frozenset(files) for member, files in found.items()}


def uses(member: StrEnum, role: str) -> bool:
    """Whether code of that role names the member."""
    if (member, role) in WITHOUT_OWN_REFERENCE:
        return True
    return any(file.startswith(PLACES[role]) for file in references().get(member, ()))


WITHOUT_READER = {RedisKeys.STATUS}
"""Written by the desks, shown by nobody yet; a member leaves this set as soon as somebody reads it."""

USES = [(key, (spec.owner, *spec.readers)) for key, spec in KEYS.items()]
STREAM_USES = [(stream, (*spec.owners, *spec.readers)) for stream, spec in STREAMS.items()]


@pytest.mark.rule("R-RDS-06")
def test_every_key_and_every_stream_is_declared() -> None:
    assert set(KEYS) == set(RedisKeys)
    assert set(STREAMS) == set(Streams)


@pytest.mark.rule("R-RDS-06", "R-TG-24", "R-TG-26")
@pytest.mark.parametrize(("member", "roles"), [*USES, *STREAM_USES])
def test_owner_and_readers_really_use_it(member: StrEnum, roles: tuple[str, ...]) -> None:
    assert (len(roles) >= 2) is (member not in WITHOUT_READER), "an owner and a reader"
    missing = [role for role in roles if not uses(member, role)]
    assert not missing, f"{member.name} is declared for {missing}, but their code never names it"


@pytest.mark.parametrize(
    ("stream", "group"), [(stream, group) for stream, spec in STREAMS.items() for group in spec.groups]
)
def test_every_group_belongs_to_a_declared_reader(stream: Streams, group: str) -> None:
    """A group that nobody reads would keep its stream from being trimmed for ever."""
    assert group.replace("-", "_") in STREAMS[stream].readers


def test_key_names_are_unique_and_their_parts_are_filled() -> None:
    assert len({key.value for key in RedisKeys}) == len(RedisKeys)
    assert RedisKeys.MACRO_INSIGHT.of(date="2025-06-27") == "macro:insight:2025-06-27"
    with pytest.raises(KeyError):
        RedisKeys.MACRO_INSIGHT.of()


def test_a_json_key_has_a_model_and_every_other_kind_says_what_it_is() -> None:
    for key, spec in KEYS.items():
        assert (spec.kind == "json") == (spec.model is not None), key
