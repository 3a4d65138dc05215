"""Is there news, and was it judged?"""

import polars as pl

from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.inputs import Knowledge
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_infra.db.repositories import market_reference as reference

LEAST_SCORED = 0.10


def _headlines(run: RunFacts, platform: Platform) -> pl.DataFrame:
    known = Knowledge(run.day)
    with platform.market.connect() as connection:
        return reference.read_headlines(connection, known.first_headline, known.known_by)


@checked(asset="news_articles", level=Level.WARN)
def news_present(run: RunFacts, platform: Platform) -> Verdict:
    """The two weeks before the market day have headlines; without them news stays unknown."""
    found = _headlines(run, platform)
    return Verdict(found.height > 0, f"{found.height} headlines of {found['code'].n_unique()} codes")


@checked(asset="news_sentiment", level=Level.WARN)
def news_scored(run: RunFacts, platform: Platform) -> Verdict:
    """Enough headlines have a sentiment; an unscored one is unknown, never a silent 50 (R-NEWS-09)."""
    found = _headlines(run, platform)
    if found.height == 0:
        return Verdict(True, "no headlines")
    scored = found.filter(pl.col("sentiment_score").is_not_null()).height
    return Verdict(scored / found.height >= LEAST_SCORED, f"{scored} of {found.height} headlines scored")


@checked(asset="news_vectors", level=Level.WARN)
def vectors_written(run: RunFacts, platform: Platform) -> Verdict:
    """The newest headlines have vectors; without them the analyst reads titles only (R-NEWS-13)."""
    if _headlines(run, platform).height == 0:
        return Verdict(True, "no headlines")
    written = int(platform.artifacts.read("news_vectors", run.day, run.run_id)["written"][0])
    return Verdict(written > 0, f"{written} vectors")


CHECKS = (news_present, news_scored, vectors_written)
