"""Live trading refuses to start until every safety drill of this version is on record as green (O7)."""

import json
from pathlib import Path

from jennie_cli.errors import UserError
from jennie_infra.settings import Settings
from jennie_live.common.web import version

RECORD = "drills.json"


def drill_record(settings: Settings) -> Path:
    """Where `make drills` writes its results: {version: {drill: whether every run was green}}."""
    return settings.var_dir / RECORD


def record_drills(passed: dict[str, bool], var_dir: Path = Path("var")) -> None:
    """Replace the record of this version; other versions' records stay."""
    path = var_dir / RECORD
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        record = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps({**record, version(): passed}, indent=1) + "\n")
    temporary.replace(path)


def require_green_drills(settings: Settings) -> None:
    """Raise UserError unless the record says that all safety drills of this version passed."""
    path = drill_record(settings)
    try:
        record = json.loads(path.read_text())[version()]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"JENNIE_MODE=live: no safety drills of version {version()} are on record in {path}; run `make drills`"
        ) from error
    red = [name for name, passed in record.items() if not passed]
    if red or not record:
        raise UserError(
            f"JENNIE_MODE=live: safety drills not green: {', '.join(red) or 'none recorded'}; run `make drills`"
        )
