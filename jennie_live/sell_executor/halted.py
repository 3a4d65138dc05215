"""Whether a stock whose last sell was refused can be traded again (drill 10)."""

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import ListingStatus
from jennie_core.strategy.sell_checks import halted_refusal
from jennie_infra.gateway_client import GatewayError
from jennie_live.desk.ports import BrokerDoor


async def still_halted(gateway: BrokerDoor, code: str) -> Refusal | None:
    """The refusal to sell into a trading halt (거래정지) again; None when it may trade or nobody can tell (I6)."""
    try:
        quote = await gateway.quote(code)
    except GatewayError:
        return None
    if quote.status is not ListingStatus.HALTED:
        return None
    return halted_refusal(code)
