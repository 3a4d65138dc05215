"""`python -m jennie_live.buy_executor`."""

from jennie_live.buy_executor.app import SERVICE, build
from jennie_live.common.entry import run_worker

if __name__ == "__main__":
    run_worker(SERVICE, build)
