"""Alerts of the data plane: said once when a condition begins and once when it ends (I5)."""

from datetime import datetime
from typing import Literal

from redis.exceptions import RedisError
from sqlalchemy import insert, select, update

from jennie_assets.platform import Platform
from jennie_core.domain.signals import Alert
from jennie_infra.bus.streams import Streams, publish_sync
from jennie_infra.db.ledger import AlertLog
from jennie_infra.telemetry import get_logger

SERVICE = "data-plane"


def raise_alert(
    platform: Platform,
    alert_id: str,
    *,
    text: str,
    next_step: str,
    now: datetime,
    severity: Literal["info", "warning", "critical"] = "critical",
) -> bool:
    """Say that a condition holds; False when it was already said and has not cleared."""
    with platform.ledger.begin() as connection:
        is_open = connection.execute(
            select(AlertLog.alert_id).where(AlertLog.alert_id == alert_id, AlertLog.cleared_at.is_(None))
        ).first()
        if is_open is not None:
            return False
        connection.execute(
            insert(AlertLog).values(
                alert_id=alert_id, raised_at=now, severity=severity, service=SERVICE, text=text, next_step=next_step
            )
        )
    _publish(platform, Alert(
        alert_id=alert_id, severity=severity, service=SERVICE, text=text, next_step=next_step, raised_at=now
    ))  # fmt: skip
    return True


def clear_alert(platform: Platform, alert_id: str, *, text: str, now: datetime) -> bool:
    """Say that a condition has ended; False when it was not open."""
    with platform.ledger.begin() as connection:
        ended = connection.execute(
            update(AlertLog).where(AlertLog.alert_id == alert_id, AlertLog.cleared_at.is_(None)).values(cleared_at=now)
        ).rowcount
    if not ended:
        return False
    _publish(platform, Alert(
        alert_id=alert_id, severity="info", service=SERVICE, text=text, cleared=True, raised_at=now
    ))  # fmt: skip
    return True


def _publish(platform: Platform, alert: Alert) -> None:
    """The ledger has the alert already; a Redis that is down delays the message, it does not lose the fact."""
    try:
        publish_sync(platform.redis, Streams.ALERTS, alert, alert.raised_at)
    except (RedisError, OSError) as error:
        get_logger().warning("alert_not_published", alert_id=alert.alert_id, error=type(error).__name__)
