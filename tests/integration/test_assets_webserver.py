"""Dagster's real webserver behind the guard: a launch from another site is refused before Dagster sees it (H4)."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from jennie_assets.conduct import prepare_home
from jennie_assets.webserver import build_app
from jennie_infra.settings import load_settings

LAUNCH = """
mutation { launchRun(executionParams: {selector: {repositoryLocationName: "jennie", repositoryName: "__repository__",
jobName: "scout_job"}, runConfigData: {}}) { __typename } }
"""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    home = tmp_path / "dagster"
    prepare_home(home)
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    settings = load_settings({}, tmp_path / "absent.env", home=tmp_path / "state")
    return TestClient(build_app(settings, workspace), base_url="http://localhost:3000")


def test_a_foreign_launch_is_refused(client: TestClient) -> None:
    reply = client.post("/graphql", json={"query": LAUNCH}, headers={"Origin": "https://evil.example"})
    assert reply.status_code == 403
    assert "launchRun" not in reply.text


def test_the_same_launch_from_the_page_itself_reaches_dagster(client: TestClient) -> None:
    reply = client.post("/graphql", json={"query": LAUNCH}, headers={"Origin": "http://localhost:3000"})
    assert reply.status_code == 200
    assert reply.json()["data"]["launchRun"]["__typename"] in ("PipelineNotFoundError", "PythonError")


def test_the_page_is_served_under_loopback_names_only(client: TestClient) -> None:
    assert client.get("/server_info").status_code == 200
    assert client.get("/server_info", headers={"Host": "evil.example"}).status_code == 403
