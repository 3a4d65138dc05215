"""Alerts to the operator's own webhook as JSON; a few jittered tries, then counted and said."""

import aiohttp
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from jennie_core.domain.signals import Alert
from jennie_infra.telemetry import Metrics, get_logger, register_secret

TIMEOUT_SECONDS = 5.0
TRIES = 3


class Webhook:
    """Posts one alert a request; the address is a secret and never shown."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        register_secret(url)
        self._url = url
        self._sent = metrics.counter("webhook_alerts_total", "alerts posted to the webhook", ("outcome",))

    async def post(self, alerts: list[Alert]) -> None:
        """Deliver alerts in order; one that cannot be delivered is logged and counted, the rest goes on."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
            for alert in alerts:
                try:
                    await self._post_one(session, alert)
                    self._sent.labels("delivered").inc()
                except RetryError as error:
                    self._sent.labels("failed").inc()
                    cause = type(error.last_attempt.exception()).__name__
                    get_logger().error("alert not delivered to the webhook", alert_id=alert.alert_id, error=cause)

    async def _post_one(self, session: aiohttp.ClientSession, alert: Alert) -> None:
        tries = AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(initial=0.2, max=2.0),
            retry=retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
        )
        async for attempt in tries:
            with attempt:
                headers = {"Content-Type": "application/json"}
                body = alert.model_dump_json().encode()
                async with session.post(self._url, data=body, headers=headers) as response:
                    response.raise_for_status()
