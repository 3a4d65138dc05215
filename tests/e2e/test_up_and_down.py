"""`jennie up` keeps the stack, says where it is, lets one browser in once; `status`, `doctor` and `down` work on it."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from jennie_cli.stack import MODULES
from tests.e2e.house import House, processes_of, until

pytestmark = pytest.mark.timeout(600)

LAUNCH = """mutation { launchRun(executionParams: {selector: {repositoryLocationName: "jennie",
repositoryName: "__repository__", jobName: "scout_job"}, runConfigData: {}}) { __typename } }"""
SEEN = """{ assetNodes { assetKey { path } } runsOrError { ... on Runs { results { runId status } } } }"""


@pytest.fixture(scope="module")
def stack(plain: House) -> Iterator[House]:
    """The stack, started where a rehearsal has run before."""
    answer = plain.say("up", "--port-base", str(plain.port_base))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    plain.output.write_text(answer.stdout)
    yield plain
    plain.say("down")


@pytest.fixture(scope="module")
def dagster(stack: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.settings.url("dagster"), timeout=60) as client:
        until(lambda: _answers(client), "Dagster's page", 240)
        yield client


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/server_info").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def test_it_says_what_runs_where(stack: House) -> None:
    said = stack.output.read_text()
    assert "starts at 08:30 now" in said
    assert "simulated" in said
    for service in ("dashboard-api", "dagster"):
        assert stack.settings.url(service) in said


def test_the_login_link_lets_one_browser_in_once(stack: House) -> None:
    link = re.search(r"http://\S+/login\?token=\S+", stack.output.read_text())
    assert link is not None
    page = stack.settings.url("dashboard-api")
    with httpx.Client(timeout=30) as browser, httpx.Client(timeout=30) as other:
        assert browser.get(f"{page}/api/status").status_code in (401, 404)
        assert browser.get(link[0], follow_redirects=True).status_code == 200
        assert browser.cookies
        assert browser.get(f"{page}/api/me").json()["real_market_data"] is False, (
            "the page says that prices are simulated"
        )
        assert other.get(link[0], follow_redirects=True).status_code >= 400
        assert not other.cookies


def test_status_names_every_worker(stack: House) -> None:
    until(lambda: stack.say("status").returncode == 0, "every worker serving", 240)
    shown = stack.say("status").stdout
    assert all(name in shown for name in MODULES)


def test_doctor_finds_nothing_to_mend(stack: House) -> None:
    answer = stack.say("doctor", JENNIE_PORT_BASE=str(stack.port_base))
    assert answer.returncode == 0, answer.stdout
    assert "all is well" in answer.stdout


def test_a_second_start_is_refused_in_one_line(stack: House) -> None:
    answer = stack.say("up", "--port-base", str(stack.port_base))
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert "already up" in answer.stderr


def test_a_launch_from_another_site_is_refused_on_the_dagster_port(dagster: httpx.Client) -> None:
    """H4: Dagster's server has no login and takes cross-origin mutations by itself."""
    reply = dagster.post("/graphql", json={"query": LAUNCH}, headers={"Origin": "https://elsewhere.example"})
    assert reply.status_code == 403
    foreign = dagster.get("/server_info", headers={"Host": "elsewhere.example"})
    assert foreign.status_code == 403


def test_dagster_shows_the_assets_and_the_rehearsals_runs(stack: House, dagster: httpx.Client) -> None:
    data = dagster.post("/graphql", json={"query": SEEN}).json()["data"]
    keys = {"/".join(node["assetKey"]["path"]) for node in data["assetNodes"]}
    assert {"daily_prices", "quant_scores", "hot_watchlist"} <= keys
    done = [run for run in data["runsOrError"]["results"] if run["status"] == "SUCCESS"]
    assert len(done) >= 4


def test_down_ends_everything_and_keeps_what_was_said(stack: House, new_house: Callable[[], House]) -> None:
    """O4: `down` ends processes and never touches trading state."""
    assert stack.say("halt", "kept over the end").returncode == 0
    home = stack.home
    answer = stack.say("down")
    assert answer.returncode == 0
    assert "ended up" in answer.stdout
    assert processes_of(stack.var_dir) == []
    assert (home / "ledger.db").is_file()
    assert any("kept over the end" in path.read_text(errors="replace") for path in home.glob("*.json"))
