"""One command at a time starts processes on a set of ports: free ports looked at twice would be taken twice."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jennie_cli.errors import UserError


@contextmanager
def held_ports(port_base: int) -> Iterator[None]:
    """Hold this user's ports of a base while a command runs; raises UserError when another command has them.

    The lock goes with the process that holds it, however that ends.
    """
    path = Path(tempfile.gettempdir()) / f"jennie-ports-{os.getuid()}-{port_base}.lock"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"PORT_BASE={port_base}: another jennie command runs on these ports; "
                "wait for its end or choose other ports with PORT_BASE"
            ) from error
        yield
    finally:
        os.close(descriptor)
