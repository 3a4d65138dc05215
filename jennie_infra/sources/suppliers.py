"""Makes each supplier on the web from the settings; one client for each service."""

from collections.abc import Callable, Iterable
from datetime import date

from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.settings import Settings
from jennie_infra.sources.web.dart import DartStatements, dart_service
from jennie_infra.sources.web.ecos import Ecos, ecos_service
from jennie_infra.sources.web.fred import Fred, fred_service
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.kept import KeptReplies
from jennie_infra.sources.web.krx import KrxIndex, KrxPrices, krx_service
from jennie_infra.sources.web.naver import Listed, NaverNews, naver_service
from jennie_infra.sources.web.reply import Service


class Suppliers:
    """Every method raises SettingsError where the key of its service is missing."""

    def __init__(self, settings: Settings, kept: KeptReplies) -> None:
        self._settings = settings
        self._kept = kept
        self._calendar = KrxCalendar.shipped()
        self._clients: dict[str, SourceClient] = {}

    def krx_prices(self) -> KrxPrices:
        """Prices of the exchange."""
        return KrxPrices(self._krx(), self._calendar)

    def krx_index(self) -> KrxIndex:
        """Index levels of the exchange."""
        return KrxIndex(self._krx(), self._calendar)

    def fred(self) -> Fred:
        """Series of US markets."""
        key = self._settings.secret("fred_api_key")
        return Fred(self._client(fred_service(self._settings.fred_url, key)), key)

    def ecos(self) -> Ecos:
        """Won per dollar."""
        key = self._settings.secret("ecos_api_key")
        return Ecos(self._client(ecos_service(self._settings.ecos_url, key)), key)

    def dart(self, listed: Callable[[date], Iterable[str]]) -> DartStatements:
        """Annual reports of the `listed` codes."""
        key = self._settings.secret("dart_api_key")
        return DartStatements(self._client(dart_service(self._settings.dart_url, key)), key, listed)

    def naver(self, listed: Listed) -> NaverNews:
        """Headlines of the `listed` companies."""
        keys = (self._settings.secret("naver_client_id"), self._settings.secret("naver_client_secret"))
        return NaverNews(self._client(naver_service(self._settings.naver_url, *keys)), listed)

    def close(self) -> None:
        """Release every connection."""
        for client in self._clients.values():
            client.close()

    def _krx(self) -> SourceClient:
        return self._client(krx_service(self._settings.krx_url, self._settings.secret("krx_api_key")))

    def _client(self, service: Service) -> SourceClient:
        if service.name not in self._clients:
            self._clients[service.name] = SourceClient(service, self._kept)
        return self._clients[service.name]
