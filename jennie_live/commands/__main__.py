"""`python -m jennie_live.commands`."""

from jennie_live.commands.app import SERVICE, build
from jennie_live.common.entry import run_worker

if __name__ == "__main__":
    run_worker(SERVICE, build)
