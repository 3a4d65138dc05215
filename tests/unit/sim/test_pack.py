"""Session packs: what is written can be read, and what cannot be used is named in one line."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jennie_sim.market.generate import GeneratedMarket, generate_market
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.market import Market
from jennie_sim.market.pack import FLOW_SCHEMA, CarriedHolding, PackAccount, PackError, SessionPack, read_pack
from jennie_sim.market.tape import Col
from jennie_sim.market.write_pack import write_pack

DAY = date(2026, 3, 18)


@pytest.fixture(scope="module")
def made() -> GeneratedMarket:
    return generate_market(None, 11, DAY, sessions=70, codes=40)


Pack = Callable[..., Path]


@pytest.fixture
def pack(made: GeneratedMarket, tmp_path: Path) -> Pack:
    def write(
        session: pl.DataFrame | None = None, holdings: tuple[CarriedHolding, ...] = (), **more: pl.DataFrame
    ) -> Path:
        account = PackAccount(account_number="50123456-01", cash_krw=1_000_000, holdings=holdings)
        write_pack(
            tmp_path,
            day=DAY,
            seed=11,
            source="generated",
            simulated=True,
            listing=made.listing,
            session=made.session if session is None else session,
            history=made.daily,
            index=made.index,
            accounts=[account],
            **more,
        )
        return tmp_path

    return write


def test_a_generated_day_comes_back_unchanged(pack: Pack, made: GeneratedMarket) -> None:
    read = read_pack(pack())
    assert read.meta.moved_values == 0
    traded = made.session.filter(pl.col("high") > 0)
    for code, opened, high, low, close, volume in traded.iter_rows():
        bar = read.bars[code]
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (opened, high, low, close, volume)


def test_every_path_of_a_generated_day_shows_its_bar(pack: Pack) -> None:
    market = Market(read_pack(pack()))
    for code in market.listing:
        bar, tape = market.bar(code), market.tape(code)
        if market.is_halted(code, 0):
            assert not tape.times
            continue
        assert int(tape.rows[-1, Col.VOLUME]) == bar.volume
        assert (int(tape.rows[-1, Col.HIGH]), int(tape.rows[-1, Col.LOW])) == (bar.high, bar.low)
        limits = market.limits(code)
        assert limits.lower_krw <= bar.low <= bar.high <= limits.upper_krw


def test_crooked_prices_are_moved_onto_the_grid_and_counted(pack: Pack, made: GeneratedMarket) -> None:
    code = made.session.filter(pl.col("high") > 0)["code"][0]
    crooked = made.session.with_columns(
        pl.when(pl.col("code") == code).then(pl.col("high") * 3 + 1).otherwise(pl.col("high")).alias("high")
    )
    read = read_pack(pack(crooked))
    assert read.meta.moved_values == 1
    assert read.bars[code].high == Market(read).limits(code).upper_krw


def test_a_row_without_open_high_low_is_a_halt(pack: Pack, made: GeneratedMarket) -> None:
    code = made.session.filter(pl.col("high") > 0)["code"][0]
    zeros = [pl.when(pl.col("code") == code).then(0).otherwise(pl.col(c)).alias(c) for c in ("open", "high", "low")]
    assert Market(read_pack(pack(made.session.with_columns(zeros)))).is_halted(code, 0)


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_frame(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    change(pl.read_parquet(path)).write_parquet(path)


BREAKAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("no meta", lambda p: (p / "meta.json").unlink(), "meta.json"),
    ("meta is no JSON", lambda p: (p / "meta.json").write_text("{"), "meta.json"),
    ("unknown key in meta", lambda p: change_json(p / "meta.json", colour="red"), "colour"),
    ("no listing", lambda p: (p / "listing.parquet").unlink(), "listing.parquet"),
    ("not a parquet file", lambda p: (p / "session.parquet").write_text("x"), "session.parquet"),
    ("a column is missing", lambda p: change_frame(p / "index.parquet", lambda f: f.drop("close")), "close"),
    ("a code appears twice", lambda p: change_frame(p / "listing.parquet", lambda f: pl.concat([f, f])), "twice"),
    (
        "high below low",
        lambda p: change_frame(
            p / "session.parquet",
            lambda f: f.with_columns(pl.when(pl.col("high") > 0).then(1).otherwise(0).alias("high")),
        ),
        "between low and high",
    ),
    (
        "history reaches into the day",
        lambda p: change_frame(p / "history.parquet", lambda f: f.with_columns(pl.lit(DAY).alias("date"))),
        "not before the traded day",
    ),
    (
        "no index of the day",
        lambda p: change_frame(p / "index.parquet", lambda f: f.filter(pl.col("date") < DAY)),
        "no row for the traded day",
    ),
    ("half an account", lambda p: (p / "account.json").write_text('{"account_number": "1"}'), "account.json"),
]


@pytest.mark.parametrize(
    ("breakage", "says"), [(b, s) for _, b, s in BREAKAGES], ids=[name for name, _, _ in BREAKAGES]
)
def test_a_broken_pack_is_refused_in_one_line_that_names_the_thing(
    pack: Pack, breakage: Callable[[Path], object], says: str
) -> None:
    folder = pack()
    breakage(folder)
    with pytest.raises(PackError, match=says) as error:
        read_pack(folder)
    assert "\n" not in str(error.value)


def test_a_holding_that_is_not_listed_is_refused(pack: Pack) -> None:
    unknown = CarriedHolding(code="999999", quantity=1, average_price_krw=1, bought_on=date(2026, 3, 17))
    with pytest.raises(PackError, match="999999"):
        read_pack(pack(holdings=(unknown,)))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="nowhere"):
        read_pack(tmp_path / "nowhere")


def test_account_files_are_private(pack: Pack) -> None:
    assert (pack() / "account.json").stat().st_mode & 0o077 == 0


def test_several_accounts_may_share_a_pack(pack: Pack) -> None:
    folder = pack()
    rows = json.loads((folder / "account.json").read_text())
    (folder / "account.json").write_text(json.dumps([*rows, rows[0] | {"account_number": "5012345602"}]))
    read: SessionPack = read_pack(folder)
    assert [account.digits for account in read.accounts] == ["5012345601", "5012345602"]


def minutes(code: str, width_minutes: int) -> pl.DataFrame:
    start = [(9 * 60 + width_minutes * n) * MINUTE_MS for n in range(40)]
    prices = {name: [50_000.0 + 10 * n for n in range(40)] for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"code": [code] * 40, "start": start, **prices, "volume": [1_000] * 40})


def flows(code: str, day: date) -> pl.DataFrame:
    rows = [(code, day, 5, -7)]
    return pl.DataFrame(rows, schema=FLOW_SCHEMA, orient="row")


def test_minute_bars_drive_the_path_of_their_code_alone(pack: Pack, made: GeneratedMarket) -> None:
    code, other = made.session.filter(pl.col("volume") > 100_000)["code"].to_list()[:2]
    plain = Market(read_pack(pack()))
    before = {each: plain.tape(each).rows for each in (code, other)}
    driven = Market(read_pack(pack(minutes=minutes(code, 5))))
    assert np.array_equal(driven.tape(other).rows, before[other])
    assert not np.array_equal(driven.tape(code).rows[:, Col.PRICE], before[code][:, Col.PRICE])
    assert int(driven.tape(code).rows[-1, Col.VOLUME]) == driven.bar(code).volume
    assert driven.tape(code).bar == plain.tape(code).bar


def test_bars_of_another_length_and_flows_of_the_traded_day_are_named(pack: Pack, made: GeneratedMarket) -> None:
    code = made.listing["code"][0]
    with pytest.raises(PackError, match=r"minutes\.parquet: bars of .* are 3 minutes apart; 1 or 5 are understood"):
        read_pack(pack(minutes=minutes(code, 3)))
    folder = pack(minutes=minutes(code, 1), flows=flows(code, date(2026, 3, 17)))
    read = read_pack(folder)
    assert (list(read.minutes), read.flows.rows()) == ([code], [(code, date(2026, 3, 17), 5, -7)])
    flows(code, DAY).write_parquet(folder / "flows.parquet")
    with pytest.raises(PackError, match=r"flows\.parquet: holds rows that are not before the traded day"):
        read_pack(folder)
