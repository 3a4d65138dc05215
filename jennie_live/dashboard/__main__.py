"""`python -m jennie_live.dashboard`."""

from jennie_live.common.entry import run_worker
from jennie_live.dashboard.app import SERVICE, build

if __name__ == "__main__":
    run_worker(SERVICE, build)
