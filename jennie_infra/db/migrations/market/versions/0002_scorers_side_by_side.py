"""scorers side by side."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "daily_quant_score"
KEY = "pk_daily_quant_score"
BEFORE = ["score_date", "run_id", "stock_code"]


def upgrade() -> None:
    """A score row belongs to its scorer; every row made so far is of the one that feeds the watchlist."""
    with op.batch_alter_table(TABLE) as batch_op:
        batch_op.add_column(sa.Column("feeds_watchlist", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.drop_constraint(KEY, type_="primary")
        batch_op.create_primary_key(KEY, [*BEFORE, "scorer_version"])
    with op.batch_alter_table(TABLE) as batch_op:
        batch_op.alter_column(
            "feeds_watchlist", existing_type=sa.Boolean(), existing_nullable=False, server_default=None
        )


def downgrade() -> None:
    """Rows of scorers beside the configured one have no place in the old key and are dropped."""
    table = sa.table(TABLE, sa.column("feeds_watchlist", sa.Boolean()))
    op.execute(sa.delete(table).where(sa.not_(table.c.feeds_watchlist)))
    with op.batch_alter_table(TABLE) as batch_op:
        batch_op.drop_constraint(KEY, type_="primary")
        batch_op.create_primary_key(KEY, BEFORE)
        batch_op.drop_column("feeds_watchlist")
