"""Run dashboard-api: `python -m jennie_live.dashboard`."""

from jennie_infra.settings import load_settings
from jennie_live.common.web import serve
from jennie_live.dashboard.app import SERVICE, build


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings()
    serve(build(settings), settings, SERVICE)


if __name__ == "__main__":
    main()
