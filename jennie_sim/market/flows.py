"""Who bought and sold (투자자별 매매동향): as given in the session pack, invented only in a simulated market."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from jennie_sim.market.market import Market
from jennie_sim.market.path import code_rng

USUAL_SHARE_PCT = {"prsn": 60, "frgn": 15, "orgn": 10}
"""Part of a day's volume that persons, foreigners and institutions each buy and sell at least, in per cent."""


@dataclass(frozen=True, slots=True)
class DayFlow:
    """One session of one code. Net purchases in shares; together they are zero."""

    day: date
    close_krw: int
    change_krw: int
    volume: int
    foreign_net: int
    institution_net: int

    @property
    def person_net(self) -> int:
        """What foreigners and institutions did not take."""
        return -(self.foreign_net + self.institution_net)

    def net(self, who: str) -> int:
        """Net purchase of prsn, frgn or orgn."""
        return {"prsn": self.person_net, "frgn": self.foreign_net, "orgn": self.institution_net}[who]

    def bought(self, who: str) -> int:
        """Shares bought."""
        return self.volume * USUAL_SHARE_PCT[who] // 100 + max(0, self.net(who))

    def sold(self, who: str) -> int:
        """Shares sold."""
        return self.bought(who) - self.net(who)


def day_flows(market: Market, code: str) -> list[DayFlow]:
    """The sessions before the traded day whose flows are known, newest first.

    A real day knows only what its pack was given; inventing the rest would pass for fact.
    """
    history = market.history(code).with_columns(
        pl.col("close").diff().fill_null(0).alias("change"),
        pl.col("close").pct_change().fill_null(0.0).alias("move"),
    )
    given = market.pack.flows.filter(pl.col("code") == code)
    if given.is_empty():
        if not market.pack.meta.simulated:
            return []
        given = _invented(market, code, history)
    known = history.join(given.drop("code"), on="date", how="inner").drop_nulls().sort("date", descending=True)
    columns = ("date", "close", "change", "volume", "foreign_net_shares", "institution_net_shares")
    return [DayFlow(*row) for row in known.select(columns).iter_rows()]


def _invented(market: Market, code: str, history: pl.DataFrame) -> pl.DataFrame:
    """Foreigners and institutions lean into the day's move."""
    rng = code_rng(market.pack.meta.seed, code, "flows")
    volume, move = history["volume"].to_numpy(), history["move"].to_numpy()
    noise = rng.normal(0.0, 0.05, (2, len(volume)))
    foreign = volume * np.clip(1.2 * move + noise[0], -0.5, 0.5)
    institution = volume * np.clip(0.9 * move + noise[1], -0.4, 0.4)
    return history.select("code", "date").with_columns(
        pl.Series("institution_net_shares", institution.astype(np.int64)),
        pl.Series("foreign_net_shares", foreign.astype(np.int64)),
    )
