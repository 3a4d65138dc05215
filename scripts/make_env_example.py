#!/usr/bin/env python
"""Writes .env.example from the fields of Settings, so that every variable is documented and none is forgotten.

python scripts/make_env_example.py
"""

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from jennie_infra.settings import PREFIX, Settings
from jennie_infra.settings_sources import SourceSettings

TARGET = Path(__file__).resolve().parents[1] / ".env.example"
HEAD = """\
# Every setting of jennie. Copy this file to .env (mode 0600) and take the # away from what you set.
# The value shown is the default; an empty one means what its line says. `make demo` needs none of them.
# An unknown JENNIE_* name is an error. Variables of the environment win over this file. Keys may also lie in files of
# mode 0600 below <state folder>/secrets, named like the variable without JENNIE_ in small letters.
"""


def example() -> str:
    """The text of the file."""
    ordered = sorted(Settings.model_fields.items(), key=lambda item: item[0] in SourceSettings.model_fields)
    blocks = [_block(name, field) for name, field in ordered]
    return HEAD + "\n" + "\n".join(blocks)


def _block(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise SystemExit(f"Settings.{name} has no description")
    secret = " [secret]" if SecretStr in getattr(field.annotation, "__args__", ()) else ""
    return f"# {field.description}{secret}\n# {PREFIX}{name.upper()}={_shown(field.default)}\n"


def _shown(value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(getattr(value, "value", value))


if __name__ == "__main__":
    TARGET.write_text(example(), encoding="utf-8")
    print(f"{TARGET.name}: {len(Settings.model_fields)} variables")
