"""One-time login links for the dashboard: Redis holds only the hash of the token, for ten minutes."""

import hashlib
import secrets

from redis.exceptions import RedisError

from jennie_infra.bus.connect import AsyncRedis, SyncRedis, text
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.settings import Settings


class LoginUnavailableError(Exception):
    """Redis could not be asked, so nothing is known about the token."""


def token_hash(token: str) -> str:
    """SHA-256 of a token; the token itself is stored nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def mint_login_link(settings: Settings, redis_sync: SyncRedis) -> str:
    """Address that logs one browser in once within ten minutes."""
    token = secrets.token_urlsafe(24)
    redis_sync.set(
        RedisKeys.LOGIN_LINK.of(token_hash=token_hash(token)), "1", ex=KEYS[RedisKeys.LOGIN_LINK].ttl_seconds
    )
    base = settings.public_url or settings.url("dashboard-api")
    return f"{base.rstrip('/')}/login?token={token}"


async def redeem_login_token(redis: AsyncRedis, token: str) -> bool:
    """Use a token up; False when it is wrong, old or was used. Raises LoginUnavailableError without Redis."""
    try:
        found = await redis.getdel(RedisKeys.LOGIN_LINK.of(token_hash=token_hash(token)))
    except (RedisError, OSError) as error:
        raise LoginUnavailableError("Redis does not answer, so the login link cannot be checked") from error
    return found is not None and text(found) == "1"
