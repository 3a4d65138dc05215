"""Mutated frames (drill 18): no crash, no impossible tick, every record accounted for."""

import random
from pathlib import Path

from jennie_infra.kis.codec_ws import BadFrame, FrameDecoder, RawNotices, Trades, WireLayout

FRAMES = Path(__file__).parents[2] / "contract" / "frames"
MUTATIONS = 20_000
ALPHABET = "0123456789^|-.ABZ{}\x00 가"


def mutate(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(ALPHABET) + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + text[at + 1 :] or "0"
        elif kind == 2:
            text = text[:at] + rng.choice(ALPHABET) + text[at:]
        else:
            text = text[: max(1, at)]
    return text


def test_no_mutation_crashes_the_decoder_or_passes_an_impossible_price() -> None:
    originals = [path.read_text() for path in sorted(FRAMES.glob("*.txt")) if ".clear." not in path.name]
    rng = random.Random(18)
    decoder = FrameDecoder(WireLayout(47, 63, 26))
    decoder.decode((FRAMES / "ack.H0STCNI0.txt").read_text(), 1)
    counted = 0
    for _ in range(MUTATIONS):
        raw = mutate(rng, rng.choice(originals))
        found = decoder.decode(raw, 1)
        if isinstance(found, Trades):
            declared = int(raw.split("|")[2])
            assert len(found.records) + sum(found.impossible.values()) == declared
            for tick, base in found.records:
                assert tick.price_krw > 0
                assert base > 0
                assert tick.volume >= 0
            counted += 1
        elif isinstance(found, BadFrame):
            assert found.reason
            counted += 1
        elif isinstance(found, RawNotices):
            assert all(len(fields) == 26 for fields in found.records)
            counted += 1
        else:
            counted += 1
    assert counted == MUTATIONS
