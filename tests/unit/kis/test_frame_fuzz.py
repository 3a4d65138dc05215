"""100,000 damaged frames of a recorded session (drill 18): no crash, no wrong tick, every record accounted for."""

import random
from collections import Counter
from datetime import datetime
from pathlib import Path

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import ANNOUNCING_PHASES, Tick
from jennie_infra.bus.ticks import encode_tick
from jennie_infra.kis.codec_ws import (
    Ack,
    BadFrame,
    BookRecord,
    Books,
    FrameDecoder,
    PingPong,
    RawNotices,
    Trades,
    WireLayout,
)
from jennie_live.gateway.quality import TickScreen

FRAMES = Path(__file__).parents[2] / "contract" / "frames"
MUTATIONS = 100_000
FRAMES_PER_DAY = 2_000
ALPHABET = "0123456789^|-.ABZ{}\x00 가"
START_US = to_epoch_us(datetime(2025, 6, 27, 9, 30, tzinfo=KST))
CODES = ("005930", "0009K0", "000660", "035420")
BASE_KRW = {code: 50_000 + 7_300 * number for number, code in enumerate(CODES)}


def mutate(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + rng.choice(ALPHABET) + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + text[at + 1 :] or "0"
        elif kind == 2:
            text = text[:at] + rng.choice(ALPHABET) + text[at:]
        elif kind == 3 and "^" in text[at:]:
            first = text.index("^", at)  # two fields run together and leave an empty one behind
            text = text[:first] + text[first + 1 :].replace("^", "^^", 1)
        else:
            text = text[: max(1, at)]
    return text


def template(name: str) -> list[str]:
    return (FRAMES / f"{name}.txt").read_text().strip().split("|", 3)[3].split("^")


class Session:
    """A recorded session: records that follow one another as those of a real day do."""

    def __init__(self, rng: random.Random) -> None:
        self._fields = template("H0STCNT0.47")
        self._rng = rng
        self._cumulative = dict.fromkeys(CODES, 10_000)
        self._second = 0
        self.truth: dict[tuple[str, int], tuple[int, int]] = {}
        """(code, running total) -> (price, size): what no damage may change."""

    def frame(self) -> str:
        """The next frame of one to three records."""
        self._second += 1
        records = [self._record(self._rng.choice(CODES)) for _ in range(self._rng.randint(1, 3))]
        return f"0|H0STCNT0|{len(records):03d}|" + "^".join(records)

    def _record(self, code: str) -> str:
        base, size = BASE_KRW[code], self._rng.randint(1, 900)
        change = self._rng.randint(-40, 40) * 100
        price = base + change
        self._cumulative[code] += size
        self.truth[code, self._cumulative[code]] = (price, size)
        hours, rest = divmod(9 * 3600 + 1800 + self._second, 3600)
        fields = list(self._fields)
        fields[:6] = (
            code, f"{hours:02d}{rest // 60:02d}{rest % 60:02d}", str(price), "5" if change < 0 else "2", str(change),
            f"{change * 100 / base:.2f}",
        )  # fmt: skip
        fields[7:14] = map(
            str, (base, base + 4_000, base - 4_000, price + 100, price, size, self._cumulative[code])
        )  # fmt: skip
        fields[26], fields[29], fields[32] = (str(price - base), str(price - base - 4_000), str(price - base + 4_000))
        return "^".join(fields)


def is_true(tick: Tick, truth: dict[tuple[str, int], tuple[int, int]], *, said_so: bool) -> bool:
    """Price, size and running total are those of a recorded trade. A size or total that cannot be checked may differ
    where the feed `said_so` (a gap or a code's first record: its bar counts as incomplete), a price never.
    """
    if truth.get((tick.code, tick.cumulative_volume)) == (tick.price_krw, tick.volume):
        return True
    return said_so and any(code == tick.code and price == tick.price_krw for (code, _), (price, _) in truth.items())


def test_no_damage_crashes_the_feed_or_makes_a_wrong_tick_and_every_record_is_accounted_for() -> None:
    rng = random.Random(18)
    outcomes: Counter[str] = Counter()
    wrong: list[Tick] = []
    done = holes = 0
    while done < MUTATIONS:
        session, screen, seen = Session(rng), TickScreen(0), set[str]()
        decoder = FrameDecoder(WireLayout(47, 63, 26))
        for number in range(FRAMES_PER_DAY):
            whole = session.frame()
            is_damaged = number % 4 != 0
            raw = mutate(rng, whole) if is_damaged else whole
            done += is_damaged
            before = sum(screen.counts.values())
            found = decoder.decode(raw, 1)
            if not isinstance(found, Trades):
                assert is_damaged
                assert isinstance(found, BadFrame | Ack | PingPong | RawNotices)
                outcomes[type(found).__name__] += 1
                continue
            for reason, count in found.impossible.items():
                screen.reject(reason, count)
            gaps = screen.gaps
            for record in found.records:
                if record.tick.code not in CODES:
                    screen.reject("unsubscribed")
                    continue
                tick = screen.accept(record, START_US)
                if tick is not None:
                    encode_tick(tick)  # whatever passes fits into the stream
                if tick is None or tick.session_phase in ANNOUNCING_PHASES:
                    continue
                said_so = screen.gaps > gaps or tick.code not in seen
                seen.add(tick.code)
                if not is_true(tick, session.truth, said_so=said_so):
                    wrong.append(tick)
            assert sum(screen.counts.values()) - before == int(raw.split("|")[2]), "every record is accounted for"
        outcomes.update(screen.counts)
        holes += screen.gaps
    assert wrong == []
    assert outcomes["published"] > MUTATIONS / 10
    assert outcomes["BadFrame"] > MUTATIONS / 3
    assert holes > 0


def book_frame(rng: random.Random, width: int) -> tuple[str, BookRecord]:
    """A frame with one order book of random prices and sizes, and what it says."""
    best, fields = 50_000 + rng.randint(0, 400) * 100, template("H0STASP0.63")
    asks = [(best + 100 * level, rng.randint(1, 9_000)) for level in range(1, 11)]
    bids = [(best - 100 * level, rng.randint(1, 9_000)) for level in range(rng.choice([6, 10]))]
    empty = [(0, 0)] * (10 - len(bids))
    for at, side in ((3, asks), (13, bids + empty)):
        fields[at : at + 10] = [str(price) for price, _ in side]
        fields[at + 20 : at + 30] = [str(size) for _, size in side]
    fields[43:45] = [str(sum(size for _, size in side)) for side in (asks, bids)]
    fields[59] = str(best + 50)
    said = BookRecord(CODES[0], tuple(asks), tuple(bids), 34_215, "0", 1_523_400)
    return f"0|H0STASP0|001|{'^'.join(fields[:width])}", said


def is_plausible(book: BookRecord) -> bool:
    """Whoever reads it finds no crossed, empty or negative level."""
    levels = (*book.asks, *book.bids)
    return (
        all(price > 0 and size > 0 for price, size in levels)
        and list(book.asks) == sorted(book.asks)
        and list(book.bids) == sorted(book.bids, reverse=True)
        and (not book.asks or not book.bids or book.phase != "0" or book.asks[0] > book.bids[0])
    )


def test_no_damage_crosses_an_order_book_or_changes_its_sizes() -> None:
    """Sizes must add up to their totals: true or dropped. With 63 fields the middle price checks the best ones."""
    for width, layout in ((63, WireLayout(47, 63, 26)), (59, WireLayout(46, 59, 23))):
        rng, decoder, outcomes = random.Random(width), FrameDecoder(layout), Counter[str]()
        for _ in range(MUTATIONS // 2):
            whole, said = book_frame(rng, width)
            raw = mutate(rng, whole)
            found = decoder.decode(raw, 1)
            if not isinstance(found, Books):
                outcomes[type(found).__name__] += 1
                continue
            outcomes.update(found.impossible)
            assert len(found.records) + sum(found.impossible.values()) == 1, "every record is accounted for"
            for book in found.records:
                outcomes["kept"] += 1
                assert is_plausible(book), raw
                for side, true in ((book.asks, said.asks), (book.bids, said.bids)):
                    assert [size for _, size in side] == [size for _, size in true], raw
                if width == 63 and book.phase == "0":
                    assert (book.asks[:1], book.bids[:1]) == (said.asks[:1], said.bids[:1]), raw
        assert outcomes["kept"] > MUTATIONS / 100
        assert outcomes["BadFrame"] > MUTATIONS / 10
        reasons = ("code", "phase", "not_a_number", "crossed", "tick", "level", "level_order", "total", "range")
        assert set(reasons) <= set(outcomes)


def test_damaged_notices_and_control_frames_crash_nothing() -> None:
    originals = [
        path.read_text()
        for path in sorted(FRAMES.glob("*.txt"))
        if ".clear." not in path.name and "CNT0" not in path.name
    ]
    rng = random.Random(18)
    decoder = FrameDecoder(WireLayout(47, 63, 26))
    decoder.decode((FRAMES / "ack.H0STCNI0.txt").read_text(), 1)
    for _ in range(10_000):
        found = decoder.decode(mutate(rng, rng.choice(originals)), 1)
        if isinstance(found, RawNotices):
            assert all(len(fields) == 26 for fields in found.records)
        if isinstance(found, BadFrame):
            assert found.reason
