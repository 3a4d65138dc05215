"""The code location `jennie`: assets, checks, jobs, schedules and sensors of all domains."""

import dagster as dg

from jennie_assets.defs.macro import assets as macro
from jennie_assets.defs.macro import checks as macro_checks
from jennie_assets.defs.market_data import assets as market_data
from jennie_assets.defs.market_data import checks as market_data_checks
from jennie_assets.defs.news import assets as news
from jennie_assets.defs.news import checks as news_checks
from jennie_assets.defs.reporting import assets as reporting
from jennie_assets.defs.reporting import checks as reporting_checks
from jennie_assets.defs.research import assets as research
from jennie_assets.defs.research import checks as research_checks
from jennie_assets.defs.research import scorers as research_scorers
from jennie_assets.defs.scout import assets as scout
from jennie_assets.defs.scout import checks as scout_checks
from jennie_assets.defs.scout import publish
from jennie_assets.defs.trading import assets as trading
from jennie_assets.defs.trading import checks as trading_checks
from jennie_assets.defs.trading.sensors import build_sensors
from jennie_assets.defs.trading.services import SERVICES
from jennie_assets.jobs import build_jobs
from jennie_assets.platform import Platform
from jennie_assets.schedules import AFTER_PUBLICATION, build_schedules
from jennie_core.domain.enums import Mode
from jennie_infra.settings import Settings, load_settings

ASSET_MODULES = (market_data, news, macro, scout, publish, trading, reporting, research, research_scorers)
CHECK_MODULES = (
    market_data_checks, news_checks, macro_checks, scout_checks, trading_checks, reporting_checks, research_checks,
)  # fmt: skip


def build_definitions(settings: Settings, platform: Platform | None = None) -> dg.Definitions:
    """Everything of the location. Schedules and sensors run by themselves except in a rehearsal: that is conducted."""
    conducted = settings.mode is Mode.REHEARSAL
    observes = not conducted if settings.sensors is None else settings.sensors
    late = not conducted and "krx" in (settings.source_prices, settings.source_index)
    status = dg.DefaultScheduleStatus.STOPPED if conducted else dg.DefaultScheduleStatus.RUNNING
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(ASSET_MODULES),
            *SERVICES,
        ],
        asset_checks=[check for module in CHECK_MODULES for check in module.CHECKS],
        jobs=build_jobs(),
        schedules=build_schedules(status, (AFTER_PUBLICATION,) if late else ()),
        sensors=build_sensors(dg.DefaultSensorStatus.RUNNING if observes else dg.DefaultSensorStatus.STOPPED),
        resources={"platform": platform if platform is not None else Platform(settings)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The location as Dagster's processes load it, from this process's settings."""
    return build_definitions(load_settings())
