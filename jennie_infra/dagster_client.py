"""Dagster's GraphQL for people: which jobs there are, how they last ended, and starting one. Nothing trades on it."""

from datetime import datetime
from typing import Any

import httpx

from jennie_core.domain.base import MarketTime, Message, from_epoch_us

TIMEOUT_SECONDS = 10.0
LAUNCH_SECONDS = 45.0
"""Dagster starts a process before it answers a launch."""

_JOBS = """
query Jobs($limit: Int!) {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection {
      nodes {
        name
        location { name }
        jobs { name description isAssetJob }
        schedules {
          pipelineName cronSchedule executionTimezone
          scheduleState { status }
          futureTicks(limit: 1) { results { timestamp } }
        }
      }
    }
    ... on PythonError { message }
  }
  workspaceOrError {
    ... on Workspace {
      locationEntries { name locationOrLoadError { __typename ... on PythonError { message } } }
    }
  }
  runsOrError(limit: $limit) {
    __typename
    ... on Runs {
      results { runId jobName status creationTime startTime endTime tags { key value } }
    }
    ... on PythonError { message }
  }
}
"""

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId status } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on ConflictingExecutionParamsError { message }
  }
}
"""

PARTITION_TAG = "dagster/partition"
IGNORED_JOB_PREFIX = "__"


class DagsterError(Exception):
    """A question or an order to Dagster failed; `next_step` says what the operator can do."""

    def __init__(self, text: str, next_step: str) -> None:
        super().__init__(text)
        self.next_step = next_step


class DagsterUnavailableError(DagsterError):
    """The webserver did not answer."""


class DagsterRefusedError(DagsterError):
    """The webserver answered and said no."""


class JobRun(Message):
    """One run of a job."""

    run_id: str
    job: str
    status: str
    partition: str | None = None
    created_at: MarketTime | None = None
    started_at: MarketTime | None = None
    ended_at: MarketTime | None = None


class JobState(Message):
    """A job of the code location with its newest run and its next time."""

    job: str
    location: str
    repository: str
    description: str = ""
    cron: tuple[str, ...] = ()
    schedule_running: bool | None = None
    next_run_at: MarketTime | None = None
    last_run: JobRun | None = None


class DagsterClient:
    """Asks one Dagster webserver; every call is a request of its own with a deadline."""

    def __init__(self, base_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = base_url.rstrip("/") + "/graphql"
        self._transport = transport

    async def jobs(self, *, recent_runs: int = 200) -> list[JobState]:
        """All jobs by name, each with its newest run among the last `recent_runs`."""
        data = await self._ask(_JOBS, {"limit": recent_runs})
        repositories, runs = data["repositoriesOrError"], data["runsOrError"]
        problem = repositories.get("message") or _location_error(data.get("workspaceOrError") or {})
        if not repositories.get("nodes") and problem:
            raise DagsterRefusedError(
                f"the code location does not load: {problem[:300]}",
                "open the Dagster page, Deployment, and read the error of the location",
            )
        newest: dict[str, JobRun] = {}
        for row in runs.get("results", []):
            run = _run(row)
            newest.setdefault(run.job, run)
        found = [
            _job(node, row, newest)
            for node in repositories.get("nodes", [])
            for row in node["jobs"]
            if _is_shown(row["name"])
        ]
        return sorted(found, key=lambda job: job.job)

    async def runs(self, *, limit: int = 50) -> list[JobRun]:
        """The newest runs, newest first."""
        data = await self._ask(_JOBS, {"limit": limit})
        return [_run(row) for row in data["runsOrError"].get("results", [])]

    async def launch(self, job: str, *, partition: str | None = None, said_by: str = "operator") -> JobRun:
        """Start a job, for one daily partition if given; raises DagsterRefusedError when there is no such job."""
        state = next((known for known in await self.jobs(recent_runs=1) if known.job == job), None)
        if state is None:
            raise DagsterRefusedError(f"Dagster has no job {job!r}", "see the job list for the names")
        tags = [{"key": "jennie/said_by", "value": said_by}]
        if partition is not None:
            tags.append({"key": PARTITION_TAG, "value": partition})
        params = {
            "selector": {
                "repositoryLocationName": state.location,
                "repositoryName": state.repository,
                "jobName": job,
            },
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        }
        answer = (await self._ask(_LAUNCH, {"params": params}, timeout=LAUNCH_SECONDS))["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            said = answer.get("message") or "; ".join(error["message"] for error in answer.get("errors", []))
            raise DagsterRefusedError(f"{answer['__typename']}: {said[:300]}", "open the Dagster page and read the run")
        return JobRun(run_id=answer["run"]["runId"], job=job, status=answer["run"]["status"], partition=partition)

    async def _ask(self, query: str, variables: dict[str, Any], *, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=timeout, transport=self._transport) as client:
                response = await client.post(self._url, json={"query": query, "variables": variables})
        except httpx.HTTPError as error:
            raise DagsterUnavailableError(
                f"Dagster does not answer ({type(error).__name__}); a run that was asked for may have started",
                "see the job list; check the dagster process on the System page, or run `jennie status`",
            ) from error
        if response.status_code != httpx.codes.OK:
            raise DagsterRefusedError(
                f"Dagster answered {response.status_code}", "check JENNIE_DAGSTER_URL and its Host allow-list"
            )
        body: dict[str, Any] = response.json()
        if body.get("errors"):
            raise DagsterRefusedError(str(body["errors"][0].get("message", ""))[:300], "compare the Dagster version")
        data: dict[str, Any] = body["data"]
        return data


def _location_error(workspace: dict[str, Any]) -> str:
    for entry in workspace.get("locationEntries", []):
        found = entry["locationOrLoadError"]
        if found is not None and found["__typename"] == "PythonError":
            return f"{entry['name']}: {found['message']}"
    return ""


def _is_shown(name: str) -> bool:
    return not name.startswith(IGNORED_JOB_PREFIX)


def _job(node: dict[str, Any], row: dict[str, Any], newest: dict[str, JobRun]) -> JobState:
    schedules = [schedule for schedule in node["schedules"] if schedule["pipelineName"] == row["name"]]
    upcoming = [
        tick["timestamp"]
        for schedule in schedules
        if schedule["scheduleState"]["status"] == "RUNNING"
        for tick in schedule["futureTicks"]["results"]
    ]
    return JobState(
        job=row["name"],
        location=node["location"]["name"],
        repository=node["name"],
        description=row.get("description") or "",
        cron=tuple(_crons(schedules)),
        schedule_running=any(s["scheduleState"]["status"] == "RUNNING" for s in schedules) if schedules else None,
        next_run_at=_instant(min(upcoming)) if upcoming else None,
        last_run=newest.get(row["name"]),
    )


def _crons(schedules: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for schedule in schedules:
        cron = schedule["cronSchedule"]
        found.extend(cron if isinstance(cron, list) else [cron])
    return found


def _run(row: dict[str, Any]) -> JobRun:
    tags = {tag["key"]: tag["value"] for tag in row["tags"]}
    return JobRun(
        run_id=row["runId"],
        job=row["jobName"],
        status=row["status"],
        partition=tags.get(PARTITION_TAG),
        created_at=_instant(row["creationTime"]),
        started_at=_instant(row["startTime"]),
        ended_at=_instant(row["endTime"]),
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else from_epoch_us(int(seconds * 1_000_000))
