"""Usage per day and service at `llm:stats:{date}:{service}` (R-LLM-09)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from redis.exceptions import RedisError

from jennie_infra.bus.connect import SyncRedis
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.llm.provider import Answer


def count_usage(redis: SyncRedis, day: date, service: str, answers: Sequence[Answer[Any]]) -> None:
    """Add calls, failures and tokens; statistics never fail the work they count."""
    if not answers:
        return
    key = RedisKeys.LLM_STATS.of(date=day.isoformat(), service=service)
    figures = {
        "calls": len(answers),
        "failed": sum(answer.value is None for answer in answers),
        "tokens_in": sum(answer.tokens_in for answer in answers),
        "tokens_out": sum(answer.tokens_out for answer in answers),
    }
    try:
        pipeline = redis.pipeline(transaction=False)
        for name, amount in figures.items():
            pipeline.hincrby(key, name, amount)
        pipeline.expire(key, KEYS[RedisKeys.LLM_STATS].ttl_seconds or 0)
        pipeline.execute()
    except (RedisError, OSError):
        return
