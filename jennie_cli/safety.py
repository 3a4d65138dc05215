"""Live trading refuses to start until every safety drill of this version is on record as green (O7)."""

import json
from pathlib import Path

from jennie_cli.errors import UserError
from jennie_infra.settings import Settings
from jennie_live.common.web import version

RECORD = "drills.json"


def drill_record(settings: Settings) -> Path:
    """Where `make drills` writes its results: {version: {drill: runs that passed}}."""
    return settings.var_dir / RECORD


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
