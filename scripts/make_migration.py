"""Write a store's next Alembic revision from its tables: `python scripts/make_migration.py ledger "add x" 0002`."""

import sys
import tempfile
from pathlib import Path
from typing import cast

from alembic import command

from jennie_infra.db.engine import make_engine
from jennie_infra.db.schema import Store, alembic_config, upgrade


def main() -> None:
    """Arguments: store, message, revision id."""
    store, message, revision = cast(Store, sys.argv[1]), sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'empty.db'}", durable=False)
        upgrade(store, engine)
        command.revision(alembic_config(store, engine), message=message, autogenerate=True, rev_id=revision)


if __name__ == "__main__":
    main()
