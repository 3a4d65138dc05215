/** Jobs of the data plane with their last run, and starting one in two steps. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post, type Problem, type Schemas } from "../api/client";
import { LOGS, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { moment, span } from "../format";
import { usePreferences } from "../preferences";
import { Dialog } from "../ui/dialog";
import { Age, Badge, Card, Loaded, ProblemNote, problemOf, Scroll, type Mood } from "../ui/parts";

const MOOD: Record<string, Mood> = { SUCCESS: "ok", FAILURE: "bad", CANCELED: "warn", STARTED: "info", STARTING: "info", QUEUED: "info" };
const QUICK = 2_000;

export function JobsTab() {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  const [asked, setAsked] = useState<Schemas["JobView"] | null>(null);
  const [started, setStarted] = useState<string | null>(null);
  const jobs = useApi("/api/jobs", {}, started ? QUICK : LOGS);
  const cache = useQueryClient();
  return (
    <Card
      className="wide"
      title={t("jobs")}
      aside={
        <>
          <Age at={jobs.data?.as_of} source={jobs.data?.source} />
          {jobs.data ? (
            <a href={jobs.data.dagster_url} target="_blank" rel="noreferrer">
              {t("openDagster")} ↗
            </a>
          ) : null}
        </>
      }
    >
      {started ? (
        <p className="hint" role="status">
          {t("runStarted", { id: started })}
        </p>
      ) : null}
      <Loaded query={jobs} lines={8}>
        {(data) => (
          <Scroll label={t("jobs")}>
            <table>
              <thead>
                <tr>
                  <th>{t("job")}</th>
                  <th>{t("schedule")}</th>
                  <th>{t("lastRun")}</th>
                  <th>{t("partition")}</th>
                  <th className="r">{t("time")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {data.jobs.map((job) => {
                  const run = job.last_run;
                  const lasted = run?.started_at && run.ended_at ? (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000 : null;
                  return (
                    <tr key={job.job}>
                      <td>
                        <b>{label(job.job)}</b> <small className="muted">{job.job}</small>
                        <small className="block muted">{job.description}</small>
                      </td>
                      <td className="num muted wrap">{job.times_kst.join(" ")}</td>
                      <td>{run ? <Badge mood={MOOD[run.status] ?? "plain"}>{label(run.status)}</Badge> : <span className="muted">{t("never")}</span>}</td>
                      <td className="num muted">{run?.partition ?? "–"}</td>
                      <td className="r num muted">
                        {run?.created_at ? moment(run.created_at, frame?.market_time) : "–"}
                        {lasted === null ? null : <small className="block">{span(lasted)}</small>}
                      </td>
                      <td className="r">
                        <button type="button" disabled={!job.can_run} aria-label={`${t("run")} ${label(job.job)}`} onClick={() => setAsked(job)}>
                          {t("run")}
                        </button>
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Scroll>
        )}
      </Loaded>
      {asked ? (
        <RunDialog
          job={asked}
          onClose={() => setAsked(null)}
          onStarted={(id) => {
            setStarted(id);
            setAsked(null);
            void cache.invalidateQueries({ queryKey: ["/api/jobs"] });
          }}
        />
      ) : null}
    </Card>
  );
}

function RunDialog({ job, onClose, onStarted }: { job: Schemas["JobView"]; onClose: () => void; onStarted: (id: string) => void }) {
  const { t, label } = usePreferences();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async () => {
    setBusy(true);
    try {
      onStarted((await post("/api/jobs/{job}/run", { job: job.job }, {})).run_id);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("runConfirm", { job: label(job.job) })} onClose={onClose}>
      <p>{t("runConfirmBody")}</p>
      {problem ? <ProblemNote problem={problem} mood="bad" /> : null}
      <div className="buttons end">
        <button type="button" className="quiet" onClick={onClose}>
          {t("cancel")}
        </button>
        <button type="button" className="primary" disabled={busy} onClick={() => void submit()} autoFocus>
          {t("confirm")}: {t("run")}
        </button>
      </div>
    </Dialog>
  );
}
