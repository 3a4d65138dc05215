"""The permit's signature and every way in which it does not allow a buy (O6)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import Mode
from jennie_core.domain.permit import TradingPermit
from jennie_infra.permit import check, sign

KEY = b"a key of this installation"
DAY = date(2025, 6, 27)
NOW = datetime(2025, 6, 27, 10, 0, tzinfo=KST)


def permit(**changes: Any) -> TradingPermit:
    given: dict[str, Any] = {
        "mode": Mode.REHEARSAL,
        "account_hash": "abc",
        "market_day": DAY,
        "watchlist_version": "w1",
        "settings_hash": "s1",
        "granted": True,
        "issued_at": NOW - timedelta(hours=1),
        "expires_at": NOW + timedelta(hours=1),
    }
    return sign(TradingPermit.model_validate(given | changes), KEY)


def judge(given: TradingPermit | None, **changes: Any) -> Refusal | None:
    asked: dict[str, Any] = {
        "now": NOW,
        "mode": "rehearsal",
        "account_hash": "abc",
        "settings_hash": "s1",
        "watchlist_version": "w1",
    }
    return check(given, KEY, **(asked | changes))


def test_a_valid_permit_allows() -> None:
    assert judge(permit()) is None


def test_it_survives_the_way_through_redis() -> None:
    assert judge(TradingPermit.model_validate_json(permit().model_dump_json())) is None


def test_market_time_in_another_zone_is_the_same_instant() -> None:
    assert judge(permit(), now=NOW.astimezone(UTC)) is None
    early = datetime(2025, 6, 27, 8, 30, tzinfo=KST)
    assert judge(permit(issued_at=early), now=early.astimezone(UTC)) is None


def test_a_manual_order_names_no_watchlist() -> None:
    assert judge(permit(), watchlist_version=None) is None


@pytest.mark.parametrize(
    ("given", "asked", "words"),
    [
        (None, {}, "no trading permit"),
        (permit(mode=Mode.PAPER), {}, "another mode or account"),
        (permit(account_hash="xyz"), {}, "another mode or account"),
        (permit(settings_hash="s2"), {}, "other settings"),
        (permit(granted=False, reasons=("freshness: prices are old",)), {}, "freshness: prices are old"),
        (permit(granted=False), {}, "not granted"),
        (permit(expires_at=NOW), {}, "expired"),
        (permit(market_day=DAY - timedelta(days=1)), {}, "another market day"),
        (permit(watchlist_version="w0"), {}, "another watchlist"),
        (permit().model_copy(update={"signature": ""}), {}, "signature"),
        (permit().model_copy(update={"signature": "서명"}), {}, "signature"),
        (permit().model_copy(update={"expires_at": NOW + timedelta(days=1)}), {}, "signature"),
        (permit(granted=False).model_copy(update={"granted": True}), {}, "signature"),
    ],
)
def test_each_refusal_names_rule_value_and_limit(
    given: TradingPermit | None, asked: dict[str, Any], words: str
) -> None:
    refusal = judge(given, **asked)
    assert refusal is not None
    assert refusal.rule == "PERMIT"
    assert words in refusal.detail
    assert refusal.value not in (None, "")
    assert refusal.limit not in (None, "")


@pytest.mark.parametrize("field", sorted(set(TradingPermit.model_fields) - {"signature"}))
def test_the_signature_covers_every_field(field: str) -> None:
    other: dict[str, Any] = {
        "mode": Mode.PAPER,
        "account_hash": "z",
        "market_day": DAY - timedelta(days=1),
        "watchlist_version": "z",
        "settings_hash": "z",
        "granted": False,
        "reasons": ("z",),
        "checks": ({"asset": "a", "check": "c", "passed": True, "blocking": True},),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(days=2),
    }
    changed = TradingPermit.model_validate(permit().model_dump() | {field: other[field]})
    assert sign(changed, KEY).signature != permit().signature


def test_another_key_does_not_fit() -> None:
    foreign = sign(permit(), b"another key")
    refusal = judge(foreign)
    assert refusal is not None
    assert "signature" in refusal.detail
