"""Kind of a security from its code and name, where no register says it (증권 종류)."""

import polars as pl

from jennie_core.domain.enums import AssetKind

_ETF_BRANDS = (
    "KODEX|TIGER|KBSTAR|RISE|ACE|ARIRANG|PLUS|HANARO|SOL|KOSEF|KIWOOM|TIMEFOLIO|WON|FOCUS|TREX|HK|KINDEX|SMART|1Q|BNK"
)


def asset_kind_from_name(code: pl.Expr, name: pl.Expr) -> pl.Expr:
    """`AssetKind` value of a listing from its KRX code and Korean name; null when the name is unknown.

    A share code that does not end in 0 is preferred stock (우선주); SPAC, ETN, REIT and ETF are told by their names.
    """
    return (
        pl.when(name.str.contains("스팩|기업인수목적"))
        .then(pl.lit(AssetKind.SPAC.value))
        .when(name.str.contains(r"ETN(\(H\))?$|\bETN\b"))
        .then(pl.lit(AssetKind.ETN.value))
        .when(name.str.contains(rf"^(?:{_ETF_BRANDS}) "))
        .then(pl.lit(AssetKind.ETF.value))
        .when(~code.str.ends_with("0"))
        .then(pl.lit(AssetKind.PREFERRED.value))
        .when(name.str.contains("리츠$|위탁관리부동산투자회사"))
        .then(pl.lit(AssetKind.REIT.value))
        .when(name.is_not_null())
        .then(pl.lit(AssetKind.COMMON.value))
    )
