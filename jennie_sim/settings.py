"""What can be chosen when the exchange starts."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class WireRevision(StrEnum):
    """Field counts of H0STCNT0, H0STASP0 and H0STCNI0/9; clients check them strictly (protocol sheet, 0.1 and 0.2)."""

    R46_59_23 = "46/59/23"
    R46_59_26 = "46/59/26"
    R47_63_26 = "47/63/26"

    @property
    def trade_fields(self) -> int:
        """Fields of one H0STCNT0 record."""
        return int(self.value.split("/")[0])

    @property
    def book_fields(self) -> int:
        """Fields of one H0STASP0 record."""
        return int(self.value.split("/")[1])

    @property
    def notice_fields(self) -> int:
        """Fields of one H0STCNI0/9 record."""
        return int(self.value.split("/")[2])


class SimSettings(BaseModel):
    """Behaviour of the exchange beside its market data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wire_revision: WireRevision = WireRevision.R47_63_26
    records_per_frame: int = Field(default=1, ge=1, le=999, description="trades bundled into one frame at most")
    rest_per_second: int = Field(default=18, ge=0, description="requests per market second and appkey; 0 = no limit")
    ledger_per_second: int = Field(
        default=0, ge=0, description="order and account calls per market second and appkey; 0 = no limit"
    )
    approvals_per_second: int = Field(
        default=1, ge=0, description="approval keys per market second and appkey; 0 = no limit"
    )
    token_limit: bool = Field(default=True, description="one token a market minute and appkey")
    slice_seconds: float = Field(
        default=5.0, gt=0, description="usual slice; widens the request window before the first"
    )
    max_registrations: int = Field(default=41, ge=1)
    commission_ratio: float = Field(default=0.00015, ge=0, lt=0.01)
    accept_any_key: bool = False
    heartbeat_seconds: float = Field(
        default=10.0, gt=0, description="market seconds between heartbeats when it runs freely"
    )
    send_timeout_seconds: float = Field(
        default=10.0, gt=0, description="real time a client may block before it is cut off"
    )
