"""The trading services at the end of the lineage, as external assets that sensors report on."""

import dagster as dg

_READS: dict[str, tuple[str, ...]] = {
    "kis_gateway": (),
    "buy_scanner": ("hot_watchlist", "regime_context", "trading_permit"),
    "price_monitor": ("regime_context",),
    "buy_executor": ("sector_budget", "trading_permit"),
    "sell_executor": ("regime_context",),
    "dashboard_api": (),
    "command_handler": (),
}
"""Service (asset name) and the published assets it obeys."""


def service_of(asset: str) -> str:
    """Name of the service in settings and health answers."""
    return asset.replace("_", "-")


SERVICES = [
    dg.AssetSpec(
        name,
        deps=list(deps),
        group_name="trading",
        kinds={"fastapi"},
        owners=["team:trading-plane"],
        description=f"The running {service_of(name)}; its health is reported by a sensor.",
    )
    for name, deps in _READS.items()
]
