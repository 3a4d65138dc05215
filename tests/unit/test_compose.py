"""The compose file and the images are the seed's service catalogue: ports, limits, profiles, health checks."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jennie_infra.settings import PORTS, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

# service: profile, port, cpus, memory (seed 2.1-2.4 and 7.2; Dagster stands where the seed had Airflow)
CATALOGUE = {
    "mariadb": ("infra", 3307, "1", "1G"),
    "redis": ("infra", 6379, "1", "512M"),
    "qdrant": ("infra", 6333, "1", "512M"),
    "vllm-llm": ("infra", 8001, "4", "8G"),
    "vllm-embed": ("infra", 8002, "1", "2G"),
    "dagster-webserver": ("infra", 3000, "1", "512M"),
    "dagster-code": ("analysis", 4000, "2", "4G"),
    "dagster-daemon": ("analysis", None, "1", "512M"),
    "kis-gateway": ("trading", 8080, "2", "1G"),
    "buy-scanner": ("trading", 8081, "1", "1G"),
    "buy-executor": ("trading", 8082, "1", "512M"),
    "sell-executor": ("trading", 8083, "1", "512M"),
    "price-monitor": ("trading", 8088, "1", "512M"),
    "dashboard-api": ("support", 8090, "1", "512M"),
    "command-handler": ("support", 8091, "1", "512M"),
}
WORKERS = [name for name in CATALOGUE if name in PORTS]
OWN = [name for name, service in SERVICES.items() if str(service["image"]).startswith("jennie/")]


def flat(value: Any) -> str:
    """All words of a service, for looking a port or an address up."""
    return yaml.safe_dump(value, width=10_000)


def stages() -> dict[str, str]:
    """Text of every stage of the Dockerfile by its name."""
    parts = re.split(r"^FROM (\S+) AS (\S+)\n", DOCKERFILE, flags=re.MULTILINE)
    return {parts[i + 1]: f"FROM {parts[i]}\n{parts[i + 2]}" for i in range(1, len(parts), 3)}


def whole_stage(name: str) -> str:
    """A stage and the stages it stands on."""
    text = stages()[name]
    parent = text.split("\n", 1)[0].removeprefix("FROM ")
    return (whole_stage(parent) if parent in stages() else "") + text


def test_every_service_is_in_the_catalogue_and_every_row_is_a_service() -> None:
    assert set(SERVICES) - {"migrate"} == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_service_has_the_catalogue_s_profile_port_limits_and_a_health_check(name: str) -> None:
    profile, port, cpus, memory = CATALOGUE[name]
    service = SERVICES[name]
    assert profile in service["profiles"]
    assert service["deploy"]["resources"]["limits"] == {"cpus": cpus, "memory": memory}
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
    assert "curl" not in flat(service["healthcheck"])
    if port is not None and name != "redis":
        target = service.get("build", {}).get("target", "")
        assert str(port) in flat(service) + (stages()[target] if target else "")


def test_each_profile_starts_what_the_seed_says() -> None:
    assert {profile for service in SERVICES.values() for profile in service["profiles"]} == {
        "infra",
        "trading",
        "support",
        "analysis",
    }


def test_only_the_dashboard_is_published_and_only_on_loopback() -> None:
    """H4."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"dashboard-api": ["127.0.0.1:8090:8090"]}
    assert not [name for name, service in SERVICES.items() if "network_mode" in service]
    assert COMPOSE["networks"]["stores"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_service_runs_without_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    user = service.get("user") or re.findall(r"^USER (.+)$", whole_stage(dockerfile_target(name)), re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def dockerfile_target(name: str) -> str:
    """The stage an image of ours is built from."""
    image = SERVICES[name]["image"].split(":")[0]
    targets = [s["build"]["target"] for s in SERVICES.values() if "build" in s and s["image"].split(":")[0] == image]
    assert len(targets) == 1, f"{image} is built {len(targets)} times"
    return str(targets[0])


@pytest.mark.parametrize("name", WORKERS)
def test_worker_image_listens_and_is_asked_on_the_port_of_the_settings(name: str) -> None:
    stage, port = stages()[name], PORTS[name]
    assert f"EXPOSE {port}\n" in stage
    assert f"HEALTH_URL=http://127.0.0.1:{port}/health\n" in stage
    assert SERVICES[name]["environment"]["HEALTH_URL"] == f"http://127.0.0.1:{port}/health"


@pytest.mark.parametrize("name", WORKERS)
def test_worker_image_starts_a_module_that_exists_and_carries_no_other_worker(name: str) -> None:
    text = whole_stage(name)
    module = re.findall(r'CMD \["python3", "-m", "(jennie_live\.\w+)"\]', text)[-1]
    folder = ROOT / module.replace(".", "/")
    assert (folder / "__main__.py").is_file()
    copied = set(re.findall(r"COPY (jennie_\w+/\S*)", text))
    assert copied == {
        "jennie_core/",
        "jennie_infra/",
        "jennie_live/__init__.py",
        "jennie_live/common/",
        "jennie_live/desk/",
        f"{module.replace('.', '/')}/",
    }


@pytest.mark.rule("R-CFG-03")
def test_every_variable_of_ours_is_a_setting() -> None:
    """An unknown JENNIE_* variable is an error, so a wrong one here would stop every container."""
    used = set(re.findall(r"\bJENNIE_[A-Z_]+(?=:)", flat({name: SERVICES[name] for name in OWN})))
    used |= set(re.findall(r"\bJENNIE_[A-Z_]+(?==)", DOCKERFILE))
    known = {f"JENNIE_{field.upper()}" for field in Settings.model_fields}
    assert used - known == set()


def test_secrets_come_from_the_environment_and_a_missing_one_is_named() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for variable in ("MARIADB_PASSWORD", "REDIS_PASSWORD", "JENNIE_KIS_APP_KEY", "JENNIE_KIS_APP_SECRET"):
        used = re.findall(rf"(?<!\$)\$\{{{variable}[^}}]*\}}", text)
        assert used
        assert all(":?set " in use for use in used)


def test_only_the_gateway_holds_the_broker_s_keys() -> None:
    holders = {name for name, service in SERVICES.items() if "JENNIE_KIS_APP_SECRET" in flat(service)}
    assert holders == {"kis-gateway"}


def test_migrate_image_brings_empty_stores_to_the_needed_schema(tmp_path: Path) -> None:
    code = re.findall(r'AS migrate\n.*?"-c", "(.+?)"\]', DOCKERFILE, re.DOTALL)[0]
    urls = {f"JENNIE_{store.upper()}_URL": f"sqlite:///{tmp_path / store}.db" for store in ("ledger", "market")}
    check = (
        "from jennie_infra.db.engine import make_engine; from jennie_infra.db.schema import require_current; "
        "[require_current(n, make_engine(u, durable=False)) for n, u in "
        f"{ {name.split('_')[1].lower(): url for name, url in urls.items()} }.items()]"
    )
    for source in (code, code, check):
        subprocess.run([sys.executable, "-c", source], env=urls, cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("command", [["hadolint", "Dockerfile"], ["compose-lint", "docker-compose.yml"]])
def test_linter_finds_nothing(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
