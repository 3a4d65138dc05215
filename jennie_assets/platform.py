"""Everything a run reaches outside of Dagster, wired in one place from the settings; opened at first use."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.settings import PREFIX, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jennie_assets.artifacts import Artifacts
    from jennie_infra.bus.connect import SyncRedis
    from jennie_infra.llm.provider import LanguageModel
    from jennie_infra.sources.protocol import MarketDataSource

ProgressReport = Callable[[str, int, int], None]


def _silent(_asset: str, _done: int, _total: int) -> None:
    return None


class Platform:
    """The resource `platform` of every asset, check and sensor."""

    def __init__(self, settings: Settings, *, report_progress: ProgressReport = _silent) -> None:
        self.settings = settings
        self.report_progress = report_progress

    @cached_property
    def trading(self) -> TradingSettings:
        """Decision parameters with the overrides of the settings file."""
        return self.settings.trading()

    @cached_property
    def market(self) -> "Engine":
        """The market store."""
        from jennie_infra.db.engine import make_engine

        url = self.settings.effective_market_url
        return make_engine(url, durable=False, setting=f"{PREFIX}MARKET_URL")

    @cached_property
    def ledger(self) -> "Engine":
        """The ledger store."""
        from jennie_infra.db.engine import make_engine

        return make_engine(self.settings.effective_ledger_url, durable=True, setting=f"{PREFIX}LEDGER_URL")

    @cached_property
    def redis(self) -> "SyncRedis":
        """A client with short time-outs."""
        from jennie_infra.bus.connect import connect_sync

        return connect_sync(self.settings.effective_redis_url)

    @cached_property
    def source(self) -> "MarketDataSource":
        """The configured suppliers and the market folder; raises SettingsError naming the setting that is missing."""
        from jennie_infra.sources.registry import market_source

        return market_source(self.settings)

    @cached_property
    def language_model(self) -> "LanguageModel":
        """The configured model, or the rules."""
        from jennie_infra.llm.choose import choose_model

        return choose_model(self.settings)

    @cached_property
    def artifacts(self) -> "Artifacts":
        """Frames that pass between assets of one run."""
        from jennie_assets.artifacts import Artifacts

        return Artifacts(self.artifact_folder)

    @property
    def artifact_folder(self) -> Path:
        """Where those frames lie."""
        return self.settings.state_dir / "artifacts"

    def close(self) -> None:
        """Release what was opened."""
        for name in ("market", "ledger"):
            if name in self.__dict__:
                self.__dict__[name].dispose()
        if "redis" in self.__dict__:
            self.redis.close()
