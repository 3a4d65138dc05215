"""What moves many codes at once within a day: the market's and each sector's common part of every path."""

import numpy as np
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind
from jennie_sim.market.pack import Listed
from jennie_sim.market.path import code_rng
from jennie_sim.market.pull import Pull

Floats = NDArray[np.float64]

MARKET_SHARE, SECTOR_SHARE = 0.28, 0.20
"""Parts of a share's intraday variance that it has in common with the market and with its sector."""
FUND_SHARE = 0.9
INDEX_SHARE = 0.9


class Tide:
    """The common moves of one day; they depend on the seed alone, so paths do not depend on who is subscribed."""

    def __init__(self, seed: int, minutes: int) -> None:
        self._seed, self._minutes = seed, minutes
        self._market = self._draw("market")

    def _draw(self, what: str) -> Floats:
        draws: Floats = code_rng(self._seed, what, "tide").standard_t(6, self._minutes) * np.sqrt(4 / 6)
        return draws

    def of_index(self) -> Pull:
        """An index is nearly all market."""
        return Pull(self._market, INDEX_SHARE)

    def of(self, listed: Listed) -> Pull | None:
        """A code's part; None for what moves by itself (SPACs)."""
        if listed.kind is AssetKind.SPAC:
            return None
        if listed.kind in (AssetKind.ETF, AssetKind.ETN):
            return Pull(self._market, FUND_SHARE)
        if not listed.sector:
            return Pull(self._market, MARKET_SHARE)
        share = MARKET_SHARE + SECTOR_SHARE
        mixed = np.sqrt(MARKET_SHARE) * self._market + np.sqrt(SECTOR_SHARE) * self._draw(f"sector:{listed.sector}")
        return Pull(mixed / np.sqrt(share), share)
