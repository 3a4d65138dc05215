"""Alerts wait for a ledger that is away (I5, drill 26)."""

from datetime import timedelta

from sqlalchemy import create_engine, select

from jennie_core.domain.signals import Alert
from jennie_infra.db.ledger import AlertLog
from jennie_infra.telemetry import Metrics
from jennie_live.commands.alert_record import AlertRecord
from tests.unit.strategy.builders import at

SAID = Alert(alert_id="a", severity="critical", service="gateway", text="said", raised_at=at("10:00"))


async def test_alerts_are_stored_in_order_once_the_ledger_is_back(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    record = AlertRecord(engine, Metrics("test-alert-record"))
    await record.keep([SAID])
    over = SAID.model_copy(update={"cleared": True, "raised_at": SAID.raised_at + timedelta(minutes=1)})
    await record.keep([over])
    AlertLog.metadata.create_all(engine, tables=[AlertLog.__table__])  # type: ignore[list-item]
    await record.keep([])
    with engine.connect() as connection:
        rows = connection.execute(select(AlertLog.__table__)).all()
    assert [(row.text, row.cleared_at) for row in rows] == [("said", over.raised_at)]
    engine.dispose()
