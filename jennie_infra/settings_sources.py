"""Settings of the suppliers of market data: which one gives which dataset, keys and addresses."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from jennie_infra.settings_rules import HttpUrl


class SourceSettings(BaseModel):
    """One field for each dataset; `folder` is the market folder. A rehearsal reads the folder whatever stands here."""

    source_prices: Literal["folder", "krx"] = Field(
        default="folder", description="who gives prices, listing and market values: folder or krx"
    )
    source_index: Literal["folder", "krx"] = Field(
        default="folder", description="who gives index levels: folder or krx"
    )
    source_macro: Literal["folder", "fred", "ecos", "fred+ecos"] = Field(
        default="folder", description="who gives macro series: folder, fred (US), ecos (won per dollar) or fred+ecos"
    )
    source_statements: Literal["folder", "dart"] = Field(
        default="folder", description="who gives filed statements: folder or dart"
    )
    source_headlines: Literal["folder", "naver"] = Field(
        default="folder", description="who gives headlines: folder or naver"
    )
    krx_api_key: SecretStr | None = Field(default=None, description="key of the KRX Open API (AUTH_KEY)")
    krx_url: HttpUrl = Field(default="https://data-dbg.krx.co.kr/svc/apis", description="address of the KRX Open API")
    fred_api_key: SecretStr | None = Field(default=None, description="key of FRED")
    fred_url: HttpUrl = Field(default="https://api.stlouisfed.org/fred", description="address of FRED")
    ecos_api_key: SecretStr | None = Field(default=None, description="key of the Bank of Korea's ECOS")
    ecos_url: HttpUrl = Field(default="https://ecos.bok.or.kr/api", description="address of ECOS")
    dart_api_key: SecretStr | None = Field(default=None, description="key of OpenDART")
    dart_url: HttpUrl = Field(default="https://opendart.fss.or.kr/api", description="address of OpenDART")
    naver_client_id: SecretStr | None = Field(default=None, description="client id of Naver's search API")
    naver_client_secret: SecretStr | None = Field(default=None, description="client secret of Naver's search API")
    naver_url: HttpUrl = Field(default="https://openapi.naver.com", description="address of Naver's search API")
