"""Errors a person can mend: one clear line that names the thing and the repair, exit code not zero."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from jennie_infra.db.engine import DatabaseUrlError
from jennie_infra.db.schema import SchemaMismatchError, StampMismatchError
from jennie_infra.settings import SettingsError


class UserError(Exception):
    """Something the person can mend; the message says what and how."""


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Turn the errors a person can mend into one line on standard error and exit code 2."""
    try:
        yield
    except (UserError, SettingsError, DatabaseUrlError, SchemaMismatchError, StampMismatchError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]jennie:[/] {error}", markup=True)
        raise typer.Exit(2) from error
