"""Alerts of every service as they were raised and cleared (I5)."""

from sqlalchemy import update
from sqlalchemy.engine import Connection

from jennie_core.domain.signals import Alert
from jennie_infra.db.repositories.tables import ALERT_LOG
from jennie_infra.db.upsert import insert_ignore


def note(connection: Connection, alert: Alert) -> None:
    """Store that an alert was raised, or that the open ones of its id have ended; told twice, it changes nothing."""
    t, alert_id = ALERT_LOG.c, alert.alert_id[:80]
    if alert.cleared:
        connection.execute(
            update(ALERT_LOG)
            .where(t.alert_id == alert_id, t.cleared_at.is_(None), t.raised_at <= alert.raised_at)
            .values(cleared_at=alert.raised_at)
        )
        return
    row = alert.model_dump(include={"raised_at", "severity", "service", "text", "next_step"})
    insert_ignore(connection, ALERT_LOG, row | {"alert_id": alert_id, "cleared_at": None})
