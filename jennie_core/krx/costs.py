"""Taxes and fees of a trade in whole won, truncated (5.5, 5.6)."""

from datetime import date
from typing import NamedTuple

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.calendar import KrxCalendar

MILLION = 1_000_000
BILLION = 1_000_000_000


class TaxRates(NamedTuple):
    """Sell-side tax (증권거래세 + 농어촌특별세) by market in parts per million, for settlements from a date on."""

    settled_from: date
    kospi_ppm: int
    kosdaq_ppm: int
    konex_ppm: int


SELL_TAXES: tuple[TaxRates, ...] = (
    TaxRates(date(2000, 1, 1), 3_000, 3_000, 3_000),
    TaxRates(date(2019, 6, 3), 2_500, 2_500, 1_000),
    TaxRates(date(2021, 1, 1), 2_300, 2_300, 1_000),
    TaxRates(date(2023, 1, 1), 2_000, 2_000, 1_000),
    TaxRates(date(2024, 1, 1), 1_800, 1_800, 1_000),
    TaxRates(date(2025, 1, 1), 1_500, 1_500, 1_000),
    TaxRates(date(2026, 1, 1), 2_000, 2_000, 1_000),
)
"""From press and broker notices, consistent with each other, not checked against the statute (5.5)."""


def sell_tax_ppm(market: Market, trade_date: date, kind: AssetKind = AssetKind.COMMON) -> int:
    """Rate in parts per million; the settlement date decides. An unknown market pays the KOSPI rate, the highest."""
    if kind in (AssetKind.ETF, AssetKind.ETN):
        return 0
    settled = KrxCalendar.shipped().settlement_date(trade_date)
    rates = next((row for row in reversed(SELL_TAXES) if settled >= row.settled_from), SELL_TAXES[0])
    if market is Market.KOSDAQ:
        return rates.kosdaq_ppm
    if market is Market.KONEX:
        return rates.konex_ppm
    return rates.kospi_ppm


def sell_tax_krw(amount_krw: int, market: Market, trade_date: date, kind: AssetKind = AssetKind.COMMON) -> int:
    """Tax on a sell of `amount_krw`; ETF and ETN are exempt."""
    return amount_krw * sell_tax_ppm(market, trade_date, kind) // MILLION


def commission_krw(amount_krw: int, ratio: float) -> int:
    """Broker's commission on one side; exact in integers, so 0.00015 of a large amount never drifts by a won."""
    return amount_krw * round(ratio * BILLION) // BILLION


def buy_cost_krw(amount_krw: int, commission_ratio: float) -> int:
    """Everything a buy costs beside the shares."""
    return commission_krw(amount_krw, commission_ratio)


def sell_cost_krw(
    amount_krw: int, commission_ratio: float, market: Market, trade_date: date, kind: AssetKind = AssetKind.COMMON
) -> int:
    """Commission and tax of a sell."""
    return commission_krw(amount_krw, commission_ratio) + sell_tax_krw(amount_krw, market, trade_date, kind)
