#!/usr/bin/env python
"""Write dashboard/openapi.json from the API; `npm run api` in dashboard/ makes the page's TypeScript types from it."""

import json
import tempfile
from pathlib import Path
from typing import Any

from jennie_infra.settings import load_settings
from jennie_live.dashboard.app import build

TARGET = Path(__file__).parent.parent / "dashboard" / "openapi.json"


def document() -> dict[str, Any]:
    """The API's description without what changes from one version to the next."""
    with tempfile.TemporaryDirectory() as home:
        app = build(load_settings({}, Path("/nonexistent"), home=Path(home)))
        found = app.openapi()
    found["info"] = {"title": found["info"]["title"], "version": "1"}
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    print(f"wrote {TARGET.name}")
