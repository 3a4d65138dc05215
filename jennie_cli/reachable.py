"""Before a stack starts: servers that the settings name must answer, or one line says which setting to mend."""

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jennie_cli.errors import UserError
from jennie_infra.bus.connect import connect_sync
from jennie_infra.db.engine import make_engine
from jennie_infra.settings import Settings


def require_reachable(settings: Settings) -> None:
    """Raise UserError for the first store that does not answer; addresses are not repeated, they may hold passwords."""
    if settings.redis_url is not None:
        _require_redis(settings.redis_url)
    for setting, url in (("JENNIE_LEDGER_URL", settings.ledger_url), ("JENNIE_MARKET_URL", settings.market_url)):
        if url is not None:
            _require_database(setting, url)


def _require_redis(url: str) -> None:
    client = connect_sync(url, timeout_seconds=2.0)
    try:
        client.ping()
    except (RedisError, OSError) as error:
        raise UserError(
            f"JENNIE_REDIS_URL: no answer ({type(error).__name__}); start the server or mend the address"
        ) from error
    finally:
        client.close()


def _require_database(setting: str, url: str) -> None:
    engine = make_engine(url, durable=False, setting=setting)
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0][:160]
        raise UserError(f"{setting}: cannot be used ({why}); start the server or mend the address") from error
    finally:
        engine.dispose()
