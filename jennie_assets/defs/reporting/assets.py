"""Account value at the close and the evening briefing."""

import dagster as dg

from jennie_assets import records
from jennie_assets.briefing import compose
from jennie_assets.partitions import SESSIONS
from jennie_assets.platform import Platform
from jennie_assets.run_facts import facts
from jennie_assets.snapshot import snapshot_row, store_snapshot
from jennie_infra.db.repositories import market_scores as scores
from jennie_infra.telegram import TelegramError, send_to_all

GROUP = "reporting"
OWNERS = ["team:data-plane"]


@dg.asset(
    group_name=GROUP, owners=OWNERS, kinds={"table", "rest"}, partitions_def=SESSIONS, deps=["positions", "fills"]
)
def daily_asset_snapshot(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Account value after the close: settled cash and stocks as the broker has them (R-GW-06), profit and costs from
    fills (R-SNAP)."""
    from jennie_assets.gateway_reads import balance  # its HTTP client would cost every run's start

    run = facts(context, platform)
    row = snapshot_row(
        balance(platform),
        records.fills(platform, run.day),
        records.realized_pnl(platform, run.day),
        day=run.day,
        run_id=run.run_id,
        now=run.now,
    )
    with platform.ledger.begin() as connection:
        store_snapshot(connection, row)
    figures = {name: value for name, value in row.items() if name.endswith("_krw")}
    return dg.MaterializeResult(
        metadata=run.metadata(rows=1, source="broker balance", version=records.version_of([figures]), **figures)
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "telegram"},
    partitions_def=SESSIONS,
    deps=[daily_asset_snapshot, "positions", "fills", "hot_watchlist", "council_insight", "news_sentiment"],
)
def daily_briefing(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """The day in Korean: account, trades, positions, market, watchlist, news; sent to Telegram once a day."""
    run = facts(context, platform)
    text, writer = compose(platform, run.day, now=run.now)
    with platform.market.connect() as connection:
        already = scores.briefing_was_sent(connection, run.day)
    sent, problem = 0, ""
    if not already:
        try:
            sent = send_to_all(platform.settings, text)
        except TelegramError as error:
            problem = str(error)
            context.log.warning("the briefing was not sent: %s", problem)
    with platform.market.begin() as connection:
        scores.write_briefing(
            connection,
            day=run.day,
            run_id=run.run_id,
            writer=writer,
            text=text,
            sent_at=run.now if sent else None,
            known_at=run.now,
        )
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=1,
            source=writer,
            version=records.version_of([{"text": text}]),
            sent_to=sent,
            already_sent=already,
            problem=problem,
            text=dg.MetadataValue.md(text.replace("\n", "  \n")),
        )
    )
