"""News vectors in Qdrant (local mode in the state folder, or a server): what was written about a stock lately.

Without an embedding server the vectors are hashed character pairs: words in common are found, meaning is not. The
payload says which embedder made a vector, and vectors of different embedders never share a collection.
"""

import hashlib
import itertools
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import TracebackType
from typing import Any, Protocol

import httpx
from qdrant_client import QdrantClient, models

from jennie_core.domain.base import KST
from jennie_infra.settings import Settings

HASHED = "hashed-pairs"
HASHED_SIZE = 256
TIMEOUT_SECONDS = 10.0
CONTEXT_DAYS = 7


class VectorStoreError(RuntimeError):
    """The vector store or the embedding server did not do its work; trading goes on without it (R-NEWS-13)."""


class Embedder(Protocol):
    """Texts to unit vectors of one size."""

    name: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text; raises VectorStoreError."""
        ...


class HashedEmbedder:
    """Hashed character pairs with signs; equal text gives equal vectors on every machine."""

    name = HASHED

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors of HASHED_SIZE."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * HASHED_SIZE
        for first, second in itertools.pairwise(text):
            digest = hashlib.blake2b((first + second).encode(), digest_size=4).digest()
            vector[digest[0]] += 1.0 if digest[1] % 2 else -1.0  # one byte: HASHED_SIZE places
        length = math.sqrt(sum(value * value for value in vector))
        return [value / length for value in vector] if length else vector


class ServerEmbedder:
    """An OpenAI-compatible embeddings server."""

    def __init__(self, base_url: str, model: str) -> None:
        self.name = model
        self._url = base_url.rstrip("/") + "/embeddings"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors as the server gives them."""
        try:
            reply = httpx.post(self._url, json={"model": self.name, "input": list(texts)}, timeout=TIMEOUT_SECONDS)
            reply.raise_for_status()
            return [row["embedding"] for row in reply.json()["data"]]
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise VectorStoreError(f"embedding server: {type(error).__name__}") from error


class NewsVectors:
    """Headlines by stock; use as a context manager (local mode is locked by one process at a time)."""

    def __init__(self, client: QdrantClient, embedder: Embedder) -> None:
        self._client = client
        self._embedder = embedder
        self.collection = f"news-{embedder.name}".replace("/", "-")

    @classmethod
    def open(cls, settings: Settings) -> "NewsVectors":
        """Open the configured store; raises VectorStoreError when it is locked or absent."""
        embedder: Embedder = HashedEmbedder()
        if settings.embed_base_url is not None:
            embedder = ServerEmbedder(settings.embed_base_url, settings.embed_model)
        try:
            if settings.qdrant_url is None:
                client = QdrantClient(path=str(settings.state_dir / "qdrant"))
            else:
                client = QdrantClient(url=settings.qdrant_url, timeout=int(TIMEOUT_SECONDS))
        except Exception as error:  # the client raises RuntimeError, httpx and its own errors alike
            raise VectorStoreError(f"Qdrant cannot be opened: {str(error)[:200]}") from error
        return cls(client, embedder)

    @property
    def embedder_name(self) -> str:
        """Who makes the vectors."""
        return self._embedder.name

    def add(self, headlines: Iterable[Mapping[str, Any]]) -> int:
        """Write rows with code, published_on and title; a row written again replaces itself."""
        rows = list(headlines)
        if not rows:
            return 0
        vectors = self._embedder.embed([row["title"] for row in rows])
        points = [
            models.PointStruct(
                id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row['code']}|{row['published_on']}|{row['title']}")),
                vector=vector,
                payload={
                    "stock_code": row["code"],
                    "title": row["title"],
                    "published_s": _seconds(row["published_on"]),
                    "embedder": self._embedder.name,
                },
            )
            for row, vector in zip(rows, vectors, strict=True)
        ]
        try:
            if not self._client.collection_exists(self.collection):
                self._client.create_collection(
                    self.collection,
                    vectors_config=models.VectorParams(size=len(vectors[0]), distance=models.Distance.COSINE),
                )
            self._client.upsert(self.collection, points)
        except Exception as error:
            raise VectorStoreError(f"Qdrant refused the vectors: {str(error)[:200]}") from error
        return len(points)

    def context(self, code: str, query: str, *, before: date, limit: int = 5) -> list[str]:
        """Titles about a stock in the seven days before `before`, nearest to the query first (R-NEWS-15)."""
        if not self._client.collection_exists(self.collection):
            return []
        since, until = before - timedelta(days=CONTEXT_DAYS), before - timedelta(days=1)
        near = models.Filter(
            must=[
                models.FieldCondition(key="stock_code", match=models.MatchValue(value=code)),
                models.FieldCondition(key="published_s", range=models.Range(gte=_seconds(since), lte=_seconds(until))),
            ]
        )
        try:
            found = self._client.query_points(
                self.collection, query=self._embedder.embed([query])[0], query_filter=near, limit=limit
            )
        except Exception as error:
            raise VectorStoreError(f"Qdrant did not answer: {str(error)[:200]}") from error
        return [str(point.payload["title"])[:150] for point in found.points if point.payload]

    def __enter__(self) -> "NewsVectors":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), KST).timestamp())
