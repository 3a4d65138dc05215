"""What surrounds simulated prices: indices, macro series, investor flows, annual ratios, headlines."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind, Market
from jennie_sim.market.companies import Company
from jennie_sim.market.history import Bars

Floats = NDArray[np.float64]

INDEX_LEVEL = {"KOSPI": 2_700.0, "KOSDAQ": 860.0}
"""Points of the last session before the traded day; only the scale is fixed, every move comes from the listing."""


def index_frame(companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    """Capitalisation-weighted indices of the listing, one row per index and session."""
    frames = []
    for index_code, level in INDEX_LEVEL.items():
        members = [
            number
            for number, company in enumerate(companies)
            if company.market is Market(index_code)
            and company.kind in (AssetKind.COMMON, AssetKind.PREFERRED)
            and company.listed_for_sessions is None
        ] or list(range(len(companies)))  # a tiny listing may leave a market without members
        shares = np.array([companies[number].shares for number in members], dtype=float)
        close = bars.close[:, members].astype(float)

        def worth(part: NDArray[np.int64], close: Floats = close, members: list[int] = members) -> Floats:
            values = part[:, members].astype(np.float64)
            return np.where(values > 0, values, close)

        scale = level / float((close[-2] * shares).sum())
        opened, closed = (worth(bars.open) * shares).sum(axis=1), (close * shares).sum(axis=1)
        top, bottom = np.maximum(opened, closed), np.minimum(opened, closed)
        # Not every member peaks at once: the index reaches about a third of the members' joint excursion.
        high = top + 0.35 * ((worth(bars.high) * shares).sum(axis=1) - top)
        low = bottom - 0.35 * (bottom - (worth(bars.low) * shares).sum(axis=1))
        points = [np.round(part * scale, 2) for part in (opened, high, low, closed)]
        before = np.concatenate(([points[0][0]], points[3][:-1]))
        frames.append(
            pl.DataFrame(
                {
                    "index_code": [index_code] * len(bars.days),
                    "date": list(bars.days),
                    "open": points[0],
                    "high": np.maximum.reduce(points),
                    "low": np.minimum.reduce(points),
                    "close": points[3],
                    "change_ratio": np.round(points[3] / before - 1, 4),
                    "volume": bars.volume[:, members].sum(axis=1),
                    "amount_krw": (bars.volume[:, members] * bars.close[:, members]).sum(axis=1),
                }
            )
        )
    return pl.concat(frames)


def macro_frame(rng: np.random.Generator, bars: Bars) -> pl.DataFrame:
    """VIX, SP500, NASDAQ, USDKRW and US10Y on the sessions' dates, tied to the market's common move."""
    count = len(bars.days)
    common = bars.market_move
    sp500 = 5_400 * np.exp(np.cumsum(0.55 * common + rng.normal(0.0002, 0.006, count)))
    nasdaq = 17_600 * np.exp(np.cumsum(0.7 * common + rng.normal(0.0003, 0.008, count)))
    usdkrw = 1_365 * np.exp(np.cumsum(-0.16 * common + rng.normal(0.0, 0.0035, count)))
    stress, level = [], 0.0
    for move, noise in zip(common.tolist(), rng.normal(0, 0.045, count).tolist(), strict=True):
        level = 0.93 * level - 4.5 * move + noise
        stress.append(level)
    series = {
        "VIX": np.clip(16.0 * np.exp(np.array(stress)), 10.5, 65.0),
        "SP500": sp500,
        "NASDAQ": nasdaq,
        "USDKRW": usdkrw,
        "US10Y": 4.2 + np.cumsum(rng.normal(0, 0.035, count)) * 0.3,
    }
    frames = []
    for name, close in series.items():
        opened = np.concatenate((close[:1], close[:-1]))
        frames.append(
            pl.DataFrame(
                {
                    "series": [name] * count,
                    "date": list(bars.days),
                    "open": opened.round(4),
                    "high": (np.maximum(opened, close) * 1.004).round(4),
                    "low": (np.minimum(opened, close) * 0.996).round(4),
                    "close": close.round(4),
                }
            )
        )
    return pl.concat(frames)


def flow_frame(rng: np.random.Generator, companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    """Net purchases of institutions and foreigners: they lean into the day's move and persist for some days."""
    numbers = [n for n, company in enumerate(companies) if company.kind in (AssetKind.COMMON, AssetKind.PREFERRED)]
    volume: Floats = bars.volume[:, numbers].astype(np.float64)
    before = np.vstack((bars.close[:1, numbers], bars.close[:-1, numbers])).astype(float)
    move = np.divide(bars.close[:, numbers], before, out=np.ones_like(before), where=before > 0) - 1
    mood = np.zeros_like(volume)
    for row in range(1, len(mood)):
        mood[row] = 0.8 * mood[row - 1] + rng.normal(0, 0.035, len(numbers))
    foreign = (volume * np.clip(mood + 1.2 * move + rng.normal(0, 0.04, volume.shape), -0.5, 0.5)).astype(np.int64)
    institution = (volume * np.clip(0.4 * mood + 0.9 * move + rng.normal(0, 0.04, volume.shape), -0.5, 0.5)).astype(
        np.int64
    )
    shares = np.array([companies[n].shares for n in numbers])
    first_held = (shares * rng.beta(2, 9, len(numbers))).astype(np.int64)
    held = np.clip(first_held + np.cumsum(foreign, axis=0), shares // 200, shares * 9 // 10)
    listed = bars.close[:, numbers] > 0
    days, codes = np.nonzero(listed)
    dates = np.array(bars.days, dtype="datetime64[D]")
    names = np.array([companies[n].code for n in numbers])
    return pl.DataFrame(
        {
            "code": names[codes],
            "date": dates[days],
            "institution_net_shares": institution[days, codes],
            "foreign_net_shares": foreign[days, codes],
            "foreign_held_shares": held[days, codes],
            "foreign_held_pct": (held[days, codes] / shares[codes] * 100).round(2),
        }
    ).sort("code", "date")


def ratio_frame(rng: np.random.Generator, companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    """Annual statements of ordinary companies for the last two closed years, known from the filing day in March."""
    last = bars.days[-1]
    newest = last.year - 1 if last >= date(last.year, 3, 31) else last.year - 2
    rows = []
    for number, company in enumerate(companies):
        if company.kind is not AssetKind.COMMON:
            continue
        worth = float(company.first_price_krw) * company.shares
        equity = worth / float(rng.lognormal(0.25, 0.55))
        quality = float(rng.normal(7.0, 8.0))
        for year in (newest - 1, newest):
            roe = quality + float(rng.normal(0, 3.5))
            equity *= 1 + roe / 200
            debt = equity * float(rng.lognormal(-0.2, 0.6))
            revenue = (equity + debt) * float(rng.lognormal(-0.2, 0.4))
            margin = roe * 0.8 + float(rng.normal(1.5, 2.0))
            rows.append(
                {
                    "code": company.code,
                    "fiscal_year": year,
                    "report_code": "11011",
                    "filing_date": date(year + 1, 3, 12) + timedelta(days=number % 18),
                    "roe": round(roe, 2),
                    "debt_ratio": round(debt / equity * 100, 2),
                    "cur_ratio": round(float(rng.lognormal(5.0, 0.35)), 2),
                    "op_margin": round(margin, 2),
                    "revenue_yoy": round(float(rng.normal(6, 14)), 2),
                    "op_income_yoy": round(float(rng.normal(7, 35)), 2),
                    "net_income": round(equity * roe / 100),
                    "total_equity": round(equity),
                    "total_debt": round(debt),
                    "total_asset": round(equity + debt),
                    "revenue": round(revenue),
                    "op_income": round(revenue * margin / 100),
                    "market": company.market.value,
                }
            )
    return pl.DataFrame(rows)


_GOOD = (
    "{name}, 대규모 공급계약 체결… 실적 개선 기대",
    "{name} 분기 영업이익 시장 기대치 상회",
    "{name} 신사업 진출에 강세",
    "외국인 {name} 순매수 확대",
    "{name}, 자사주 매입 결정",
)
_BAD = (
    "{name}, 분기 실적 기대 이하… 목표가 하향",
    "{name} 유상증자 결정에 급락",
    "{name} 주요 고객사 계약 해지 공시",
    "기관 매도에 {name} 약세",
    "{name}, 소송 리스크 부각",
)
_PLAIN = (
    "{name}, 정기 주주총회 개최",
    "{sector} 업종 주간 동향… {name} 등 주목",
    "{name} 기업설명회 개최 예정",
    "{name}, 신제품 발표회 열어",
    "{sector} 업계, 다음 분기 전망은",
)
_PRESS = ("모의경제", "가상증권신문", "리허설투데이")


def headline_frame(rng: np.random.Generator, companies: Sequence[Company], bars: Bars, days: int = 40) -> pl.DataFrame:
    """Headlines of the last `days` sessions: large moves are reported, quiet days bring a few plain ones."""
    rows = []
    first = max(1, len(bars.days) - days)
    for today in range(first, len(bars.days)):
        for number, company in enumerate(companies):
            before, close = int(bars.close[today - 1, number]), int(bars.close[today, number])
            move = close / before - 1 if before and close else 0.0
            if rng.random() >= min(0.9, 0.06 + 7 * abs(move)):
                continue
            telling = abs(move) > 0.02 and rng.random() < 0.8
            choices = (_GOOD if move > 0 else _BAD) if telling else _PLAIN
            title = choices[int(rng.integers(len(choices)))].format(name=company.name, sector=company.sector_large)
            press = _PRESS[int(rng.integers(len(_PRESS)))]
            rows.append({"code": company.code, "date": bars.days[today], "title": title, "press": press})
    schema = {"code": pl.String, "date": pl.Date, "title": pl.String, "press": pl.String}
    return pl.DataFrame(rows, schema=schema)
