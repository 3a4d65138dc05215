"""Wiring of kis-gateway: settings to clients to worker to HTTP face, in one function."""

from datetime import date, datetime, time

from fastapi import FastAPI

from jennie_core.domain.base import KST
from jennie_core.domain.enums import Mode
from jennie_core.strategy.slice_marks import SliceMarks
from jennie_infra.bus.connect import connect
from jennie_infra.clock import MarketClock, MarketTimeUnknownError, real_now_us, wall_now
from jennie_infra.kis.codec_ws import WireLayout
from jennie_infra.kis.credentials import credentials
from jennie_infra.kis.reads import KisReads
from jennie_infra.kis.tr_ids import NOTICE_FEED
from jennie_infra.settings import Settings, SettingsError, generated_secret
from jennie_live.common.runtime import SERVICE_TOKEN, build_runtime
from jennie_live.common.web import create_app
from jennie_live.gateway.access import TokenCheck
from jennie_live.gateway.books import BookShelf
from jennie_live.gateway.broker import account_line, quotation_line
from jennie_live.gateway.call_store import CallStore, open_store
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.figures import Figures
from jennie_live.gateway.inspection import inspection_routes
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.order_routes import add_order_routes
from jennie_live.gateway.orders import OrderDesk
from jennie_live.gateway.polling import Poller
from jennie_live.gateway.problems import add_problem_handlers
from jennie_live.gateway.publish import Publisher
from jennie_live.gateway.recorder import Recorder
from jennie_live.gateway.routes import capability_routes, claim_routes, read_routes
from jennie_live.gateway.seed import seed_claims
from jennie_live.gateway.stall import StallWatch
from jennie_live.gateway.subscriptions import Claims
from jennie_live.gateway.worker import GatewayWorker, Parts

SERVICE = "kis-gateway"
TICK_FOLDER = "ticks"
PUBLISH_SECONDS = 5.0
"""A batch of ticks that the store has not taken by then is lost and said; a busy machine alone must not cost one."""


class TimeSource:
    """Market time for stamps on readings: marks in a rehearsal, the wall clock at the broker."""

    def __init__(self, settings: Settings, clock: MarketClock) -> None:
        self._rehearsal = settings.mode is Mode.REHEARSAL
        self._market_day = settings.market_day
        self._clock = clock

    def now(self) -> datetime:
        """Now; before the first mark of a rehearsal the start of its market day, if that is set."""
        if not self._rehearsal:
            return wall_now()
        if self._clock.is_known or self._market_day is None:
            return self._clock.now()
        return datetime.combine(date.fromisoformat(self._market_day), time(), tzinfo=KST)

    def day(self) -> date:
        """The market day."""
        return self.now().date()

    def limit_us(self) -> int | None:
        """The clock that the token limit counts on; None while it is unknown."""
        if not self._rehearsal:
            return real_now_us()
        try:
            return self._clock.now_us()
        except MarketTimeUnknownError:
            return None


def build(settings: Settings) -> FastAPI:
    """The gateway's app; nothing is opened yet. Raises SettingsError."""
    rehearsal = settings.mode is Mode.REHEARSAL
    who = credentials(settings)
    layout = _layout(settings)
    runtime = build_runtime(SERVICE, settings, needs_ledger=False, needs_gateway=False)
    now = TimeSource(settings, runtime.clock)

    account, quotations = account_line(settings, who, now.limit_us), quotation_line(settings)
    client = account.client
    reads = KisReads(client, who, settings.mode, now.now, quotations.client if quotations else None)
    store = CallStore(open_store(settings))
    desk = OrderDesk(client, who, store)

    recorder = Recorder(settings.state_dir / TICK_FOLDER, settings.mode.value, settings.tick_log_days)
    publishing = connect(settings.effective_redis_url, timeout_seconds=PUBLISH_SECONDS, retries=0)
    publisher = Publisher(publishing, SERVICE, runtime.metrics, recorder.put, may_conflate=settings.conflates)
    claims = Claims(book_limit=settings.book_codes)
    shelf = BookShelf(now.now)
    poller = Poller(reads, lambda code: intake.screen.known_volume(code))
    slices = SliceMarks() if rehearsal else None
    intake = Intake(
        publisher,
        runtime.clock,
        account.observe_settled,
        poller,
        lambda market_us: worker.judge_slice(market_us),
        now.day,
        slices=slices,
        shelf=shelf,
    )
    feed = Feed(
        settings.effective_kis_ws_url,
        client,
        who,
        layout,
        NOTICE_FEED[settings.mode],
        claims,
        intake,
        rehearsal=rehearsal,
        on_drift=lambda drift_us: worker.observe_drift(drift_us),
    )
    stall = StallWatch(feed, intake, claims)
    figures = Figures(runtime.metrics, client, feed, intake, desk, poller, recorder)
    parts = Parts(
        account=account,
        quotations=quotations,
        store=store,
        desk=desk,
        feed=feed,
        intake=intake,
        poller=poller,
        publisher=publisher,
        publishing=publishing,
        recorder=recorder,
        stall=stall,
        figures=figures,
        seed=lambda: seed_claims(claims, reads, runtime.redis),
        probe=lambda: reads.open_orders("probe"),
    )
    worker = GatewayWorker(runtime, parts)

    app = create_app(runtime, worker, title="jennie kis-gateway")
    check = TokenCheck(generated_secret(settings, SERVICE_TOKEN))
    add_order_routes(app, desk, check)
    app.include_router(read_routes(reads, shelf, check))
    app.include_router(capability_routes(settings.mode, check, real_quotes=quotations is not None))
    app.include_router(claim_routes(claims, feed, check))
    app.include_router(inspection_routes(intake, check))
    add_problem_handlers(app)
    return app


def _layout(settings: Settings) -> WireLayout:
    try:
        return WireLayout.parse(settings.kis_wire_revision)
    except ValueError as error:
        raise SettingsError(f"JENNIE_KIS_WIRE_REVISION: {error}") from error
