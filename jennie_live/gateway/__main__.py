"""`python -m jennie_live.gateway` starts kis-gateway."""

import sys

from jennie_infra.settings import SettingsError, load_settings
from jennie_live.common.web import serve
from jennie_live.gateway.app import SERVICE, build


def main() -> int:
    """Load settings, build, serve; a wrong setting is one line and exit code 2."""
    try:
        settings = load_settings()
        app = build(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    serve(app, settings, SERVICE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
