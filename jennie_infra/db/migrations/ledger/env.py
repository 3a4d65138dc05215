"""Alembic environment of the ledger store; the engine is handed over by `jennie_infra.db.schema`."""

from alembic import context

from jennie_infra.db.ledger import LedgerBase

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=LedgerBase.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
