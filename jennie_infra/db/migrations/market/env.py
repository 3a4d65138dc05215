"""Alembic environment of the market store; the engine is handed over by `jennie_infra.db.schema`."""

from alembic import context

from jennie_infra.db.market import MarketBase

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=MarketBase.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
