"""What the ledger says is held, for caps and reports."""

from collections import Counter

from sqlalchemy import select

from jennie_assets.platform import Platform
from jennie_infra.db.ledger import ActivePortfolio


def held_per_sector(platform: Platform) -> dict[str, int]:
    """Held stocks per sector (R-BUD-06); a position of unknown sector counts for none."""
    with platform.ledger.connect() as connection:
        sectors = connection.execute(
            select(ActivePortfolio.sector_group).where(
                ActivePortfolio.quantity > 0, ActivePortfolio.sector_group.is_not(None)
            )
        ).scalars()
        return dict(Counter(name for name in sectors if name is not None))
