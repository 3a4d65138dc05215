"""Copies the plain counters of the hot path into Prometheus once a second."""

from collections import Counter

from jennie_infra.kis.client import KisClient
from jennie_infra.telemetry import Metrics
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.orders import OrderDesk
from jennie_live.gateway.polling import Poller
from jennie_live.gateway.recorder import Recorder


class Figures:
    """The hot path counts in dictionaries; this turns their growth into metrics."""

    def __init__(
        self,
        metrics: Metrics,
        client: KisClient,
        feed: Feed,
        intake: Intake,
        desk: OrderDesk,
        poller: Poller,
        recorder: Recorder,
    ) -> None:
        self._client = client
        self._feed = feed
        self._intake = intake
        self._desk = desk
        self._poller = poller
        self._recorder = recorder
        self._records = metrics.counter("records_total", "trade records and order books by outcome", ("outcome",))
        self._dropped = metrics.counter("ticks_dropped_total", "records and frames that became no tick", ("reason",))
        self._frames = metrics.counter("frames_total", "frames by kind", ("kind",))
        self._notices = metrics.counter("notices_total", "notice records by outcome", ("outcome",))
        self._orders = metrics.counter("orders_total", "order calls by outcome", ("outcome",))
        self._refused = metrics.counter("budget_refusals_total", "requests refused for want of room", ("caller",))
        self._gauges = {
            name: metrics.gauge(name, text)
            for name, text in (
                ("gateway_subscribed_codes", "codes with a registration"),
                ("gateway_polled_codes", "codes that are polled"),
                ("gateway_connects", "sessions opened since the start"),
                ("gateway_tick_gaps", "records before which others are missing"),
                ("gateway_poll_failures", "polled quotes that failed"),
                ("gateway_log_lines_dropped", "lines the tick log could not take"),
                ("gateway_budget_in_window", "requests that count at the moment"),
                ("gateway_budget_refused", "requests refused for want of room"),
            )
        }
        self._seen: Counter[tuple[str, str]] = Counter()

    def _records_by_outcome(self) -> Counter[str]:
        shelf = self._intake.shelf
        return self._intake.screen.counts + (Counter() if shelf is None else shelf.counts)

    def update(self) -> None:
        """Carry over what has grown."""
        use = self._client.budget.use()
        for kind, metric, counts in (
            ("records", self._records, self._records_by_outcome()),
            ("dropped", self._dropped, self._intake.dropped()),
            ("frames", self._frames, self._intake.frames),
            ("notices", self._notices, self._intake.notices),
            ("orders", self._orders, self._desk.outcomes),
            ("refused", self._refused, use.refused_by),
        ):
            for label, total in list(counts.items()):
                grown = total - self._seen[(kind, label)]
                if grown:
                    metric.labels(label).inc(grown)
                    self._seen[(kind, label)] = total
        for name, value in (
            ("gateway_subscribed_codes", len(self._feed.subscribed)),
            ("gateway_polled_codes", len(self._feed.polled())),
            ("gateway_connects", self._feed.connects),
            ("gateway_tick_gaps", self._intake.screen.gaps),
            ("gateway_poll_failures", self._poller.failures),
            ("gateway_log_lines_dropped", self._recorder.dropped),
            ("gateway_budget_in_window", use.in_window),
            ("gateway_budget_refused", use.refused),
        ):
            self._gauges[name].set(value)
