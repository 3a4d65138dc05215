"""The documentation keeps to the tree: links, commands, variables, twins."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from jennie_cli.main import app
from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = ROOT / "docs" / "configuration.md"
IMAGE_LIMIT_BYTES = 300_000
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def code(page: Path) -> Iterator[str]:
    """Inline code and the lines of fenced blocks that are not diagrams or files."""
    text = page.read_text()
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for language, block in FENCE.findall(text):
        if language in ("", "bash", "sh"):
            yield from block.splitlines()


def commands(page: Path) -> list[str]:
    """The fenced command lines of a page, in order."""
    return [line.strip() for language, block in FENCE.findall(page.read_text()) if language == ""
            for line in block.splitlines() if line.strip()]  # fmt: skip


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_and_image_exists(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.is_relative_to(ROOT), f"{target} leaves the repository"
        assert place.exists(), f"{target} does not exist"
        if anchor:
            assert anchor in anchors(place), f"{target}: no such heading"


def test_every_page_and_image_is_reached_from_the_readme() -> None:
    seen, waiting = set[Path](), [ROOT / "README.md", ROOT / "README.ko.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        if page.is_dir():
            waiting += page.iterdir()
        if page.suffix == ".md":
            targets = (target.partition("#")[0] for target in LINK.findall(prose(page)) if "://" not in target)
            waiting += [(page.parent / target).resolve() for target in targets if target]
    assert {*PAGES, *(ROOT / "docs" / "images").iterdir()} <= seen


@pytest.mark.parametrize("image", sorted((ROOT / "docs" / "images").iterdir()), ids=lambda path: path.name)
def test_images_are_small_pngs(image: Path) -> None:
    assert image.read_bytes().startswith(b"\x89PNG\r\n")
    assert image.stat().st_size < IMAGE_LIMIT_BYTES


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_target_and_variable_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE))
    known = set(re.findall(r"\$\((?:if \$\()?([A-Z_]+)\)", makefile))
    for text in code(page):
        for target, rest in re.findall(r"(?:^|[\s;(])make ([a-z][a-z-]*)((?: [A-Z_]+=\S*)*)", text):
            assert target in targets, f"make {target} does not exist"
            for variable in re.findall(r"([A-Z_]+)=", rest):
                assert variable in known, f"make knows no {variable}="


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_jennie_command_and_option_exists(page: Path) -> None:
    group = typer.main.get_command(app)
    named = getattr(group, "commands")  # noqa: B009 - typer's group has no public type
    for text in code(page):
        for match in re.finditer(r"(?:^|[\s(/])jennie ([a-z]+)((?: [^#|;`]+)?)", text):
            command, rest = match.groups()
            assert command in named, f"jennie {command} does not exist"
            if command == "sim":
                continue  # it hands its options on
            options = {option for parameter in named[command].params
                       for option in (*parameter.opts, *parameter.secondary_opts)}  # fmt: skip
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, text


def variables_of(text: str) -> set[str]:
    return set(re.findall(r"JENNIE_[A-Z][A-Z_]*[A-Z]", text))


def test_every_variable_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(JENNIE_[A-Z_]+)` \| (\S+) \| .{10,}\|$", CONFIGURATION.read_text(), re.MULTILINE))
    assert set(rows) == {f"JENNIE_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = rows[f"JENNIE_{name.upper()}"].strip("`")
        default = field.default
        if default is None or default in ("", ()):
            assert shown == "—", name
        else:
            assert shown == (str(default).lower() if isinstance(default, bool) else str(default)), name


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_names_an_unknown_variable(page: Path) -> None:
    known = {f"JENNIE_{name.upper()}" for name in Settings.model_fields}
    assert variables_of(page.read_text()) <= known | {"JENNIE_KIS"}  # `JENNIE_KIS_*` names a family


def test_every_trading_setting_is_listed_with_its_default() -> None:
    text = CONFIGURATION.read_text()
    groups = re.split(r"^### `\[(\w+)\]`.*$", text, flags=re.MULTILINE)[1:]
    listed = {
        group: dict(re.findall(r"^\| `([a-z_]+)` \| `(.+?)` \| \S.*? \| .+ \|$", body, re.MULTILINE))
        for group, body in zip(groups[::2], groups[1::2], strict=True)
    }
    shipped = TradingSettings().model_dump(mode="json")
    assert {group: {name: json.loads(value.replace("_", "")) if value[0] != "[" else json.loads(value)
                    for name, value in rows.items()} for group, rows in listed.items()} == shipped  # fmt: skip


def test_the_korean_readme_is_a_twin() -> None:
    english, korean = ROOT / "README.md", ROOT / "README.ko.md"
    marks = [re.findall(r"^(#+) ", prose(page), re.MULTILINE) for page in (english, korean)]
    assert marks[0] == marks[1]
    assert commands(english) == commands(korean)
    rows = [re.findall(r"^\|.*\|$", prose(page), re.MULTILINE) for page in (english, korean)]
    assert [row.count("|") for row in rows[0]] == [row.count("|") for row in rows[1]]
    figures = [re.findall(r"\d[\d,.]*", " ".join(table)) for table in rows]
    assert figures[0] == figures[1]
    images = [len(re.findall(r"!\[", page.read_text())) for page in (english, korean)]
    assert images[0] == images[1]
    assert variables_of(english.read_text()) == variables_of(korean.read_text())


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_names_a_place_on_a_machine(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"(?<![\w.])/(?:work|home|root|Users|tmp|opt)/", text)
    assert str(ROOT) not in text


def test_the_listed_tests_exist() -> None:
    for page in PAGES:
        for path in re.findall(r"\btests/[\w/]+\.(?:py|txt)", page.read_text()):
            assert (ROOT / path).is_file(), f"{page_name(page)}: {path}"
