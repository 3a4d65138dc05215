"""News vectors without any server: local store, hashed embeddings marked as such."""

from datetime import date
from pathlib import Path

import pytest

from jennie_infra.settings import load_settings
from jennie_infra.vectors import HASHED, HashedEmbedder, NewsVectors, VectorStoreError


def test_hashed_vectors_are_equal_for_equal_text_and_have_length_one() -> None:
    first, second = HashedEmbedder().embed(["삼성전자 수주 확대", "삼성전자 수주 확대"])
    assert first == second
    assert abs(sum(value * value for value in first) - 1.0) < 1e-9


@pytest.mark.rule("R-ENR-10", "R-NEWS-12", "R-NEWS-15")
def test_context_finds_the_stocks_own_recent_headlines(tmp_path: Path) -> None:
    settings = load_settings({}, Path("absent.env"), home=tmp_path)
    rows = [
        {"code": "005930", "published_on": date(2025, 6, 25), "title": "대규모 수주 공급계약 체결"},
        {"code": "005930", "published_on": date(2025, 6, 27), "title": "내일 알려질 소식"},
        {"code": "005930", "published_on": date(2025, 5, 1), "title": "오래된 수주 소식"},
        {"code": "000660", "published_on": date(2025, 6, 25), "title": "다른 회사 수주"},
    ]
    with NewsVectors.open(settings) as vectors:
        assert vectors.embedder_name == HASHED
        assert vectors.add(rows) == 4
        assert vectors.add(rows) == 4
        found = vectors.context("005930", "수주 공급계약", before=date(2025, 6, 27))
    assert found == ["대규모 수주 공급계약 체결"]


@pytest.mark.rule("R-NEWS-13")
def test_a_store_that_cannot_be_opened_is_one_named_error(tmp_path: Path) -> None:
    """The kind that the asset catches and goes on with: trading never waits for vectors."""
    settings = load_settings({}, Path("absent.env"), home=tmp_path)
    with NewsVectors.open(settings), pytest.raises(VectorStoreError, match="cannot be opened"):
        NewsVectors.open(settings)
