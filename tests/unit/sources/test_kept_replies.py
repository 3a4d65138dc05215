"""Refused replies: how long they are kept, and what is struck out of them."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from jennie_infra.sources.web.kept import KEEP_DAYS, KEEP_FILES, KeptReplies
from jennie_infra.sources.web.secrets import struck

NOW = datetime(2025, 6, 27, 6, 30, tzinfo=UTC)


def test_a_reply_is_forgotten_after_its_days(tmp_path: Path) -> None:
    kept = KeptReplies(tmp_path)
    old = kept.keep("krx", "index", b"old", NOW - timedelta(days=KEEP_DAYS, seconds=1))
    young = kept.keep("krx", "index", b"young", NOW - timedelta(days=KEEP_DAYS - 1))
    new = kept.keep("krx", "index", b"new", NOW)
    assert old is not None
    assert not old.exists()
    assert sorted(tmp_path.iterdir()) == sorted(path for path in (young, new) if path)
    assert new is not None
    assert gzip.decompress(new.read_bytes()) == b"new"


def test_the_newest_are_kept_when_there_are_many(tmp_path: Path) -> None:
    kept = KeptReplies(tmp_path)
    paths = [kept.keep("krx", "index", b"x", NOW + timedelta(seconds=number)) for number in range(KEEP_FILES + 2)]
    assert sorted(tmp_path.iterdir()) == paths[2:]


def test_a_place_that_cannot_be_written_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert KeptReplies(tmp_path / "file").keep("krx", "index", b"x", NOW) is None
    assert KeptReplies(None).keep("krx", "index", b"x", NOW) is None


@pytest.mark.parametrize("secret", ["plain", "with+/= signs", "한글"])
def test_a_secret_is_struck_as_it_is_and_as_an_address_writes_it(secret: str) -> None:
    text = f"key {secret} in api_key={quote(secret, safe='')}&x"
    assert struck(text.encode(), (secret, "")).decode() == "key *** in api_key=***&x"
