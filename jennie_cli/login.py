"""`jennie login`: a one-time link to the dashboard."""

from redis.exceptions import RedisError
from rich.console import Console

from jennie_cli.errors import UserError
from jennie_cli.places import running_stacks
from jennie_infra.bus.connect import connect_sync
from jennie_infra.login import mint_login_link
from jennie_infra.settings import load_settings


def print_links(console: Console) -> None:
    """One link for each running stack; raises UserError when none runs or its Redis does not answer."""
    base = load_settings()
    stacks = running_stacks(base.var_dir)
    if not stacks:
        raise UserError("nothing runs, so there is nothing to log in to; start it with `make up`")
    for stack in stacks:
        settings = load_settings(home=stack.home, mode=stack.mode, port_base=stack.port_base)
        redis = connect_sync(settings.effective_redis_url)
        try:
            console.print(f"{stack.purpose}: {mint_login_link(settings, redis)}", soft_wrap=True)
        except (RedisError, OSError) as error:
            raise UserError(
                f"Redis of {stack.home} does not answer ({type(error).__name__}); see `jennie doctor`"
            ) from error
        finally:
            redis.close()
