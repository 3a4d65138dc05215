"""The committed page is the one its sources make, small, and speaks the API that is served."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
WEB = ROOT / "jennie_live" / "dashboard" / "web"
MOST_BYTES = 1_000_000


def _script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_built_page_is_as_new_as_its_sources() -> None:
    found = subprocess.run([ROOT / "scripts" / "build_web.sh", "--check"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_the_built_page_is_complete_and_small() -> None:
    page = (WEB / "index.html").read_text()
    named = re.findall(r'(?:src|href)="\./([^"]+)"', page)
    assert named
    assert all((WEB / name).is_file() for name in named)
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < MOST_BYTES


def test_the_pages_types_come_from_the_api_that_is_served() -> None:
    kept = json.loads((ROOT / "dashboard" / "openapi.json").read_text())
    assert kept == json.loads(json.dumps(_script("make_openapi").document())), (
        "run scripts/make_openapi.py, then `npm run api` and `make web`"
    )


def test_both_languages_have_the_same_texts() -> None:
    keys = [
        set(re.findall(r"^  (\w+):", (ROOT / "dashboard" / "src" / "i18n" / f"{name}.ts").read_text(), re.MULTILINE))
        for name in ("ko", "en")
    ]
    assert keys[0] == keys[1]


def test_the_lock_file_names_no_download_address() -> None:
    assert "resolved" not in (ROOT / "dashboard" / "package-lock.json").read_text()
