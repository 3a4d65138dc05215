"""Errors a person can mend: one clear line that names the thing and the repair, exit code not zero."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from jennie_infra.db.engine import DatabaseUrlError
from jennie_infra.db.schema import SchemaMismatchError, StampMismatchError
from jennie_infra.settings import SettingsError

REPAIRS = {
    errno.ENOSPC: "free some space or set JENNIE_VAR_DIR to another disk",
    errno.EDQUOT: "free some space or set JENNIE_VAR_DIR to another disk",
    errno.EACCES: "give yourself access to it or choose another place",
    errno.EPERM: "give yourself access to it or choose another place",
    errno.EROFS: "set JENNIE_VAR_DIR to a place that can be written",
    errno.ENAMETOOLONG: "set JENNIE_VAR_DIR to a shorter path",
}
"""What the system refuses and a person can mend; any other OSError is a fault of ours and keeps its traceback."""

REFUSED = 2
"""Exit code of a command that was refused for something the person can mend."""
INTERRUPTED = 130


class UserError(Exception):
    """Something the person can mend; the message says what and how."""


def tell(problem: str, *, repair: str = "") -> None:
    """One line on standard error; nothing in it is taken for markup."""
    text = Text.assemble(("jennie:", "bold red"), " ", "; ".join(part for part in (problem, repair) if part))
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Turn the errors a person can mend into one line on standard error and exit code 2."""
    try:
        yield
    except (UserError, SettingsError, DatabaseUrlError, SchemaMismatchError, StampMismatchError) as error:
        tell(" ".join(str(error).split()))
        raise typer.Exit(REFUSED) from error
    except OSError as error:
        if error.errno not in REPAIRS:
            raise
        place = f"{error.filename}: " if error.filename else ""
        tell(f"{place}{error.strerror}", repair=REPAIRS[error.errno])
        raise typer.Exit(REFUSED) from error
