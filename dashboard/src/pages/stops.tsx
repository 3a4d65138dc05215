/** The stops: what is in force, and saying one in two steps. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post, type Problem, type Schemas } from "../api/client";
import { LIVE, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { moment } from "../format";
import { usePreferences } from "../preferences";
import { Dialog } from "../ui/dialog";
import { Badge, Card, Loaded, ProblemNote, problemOf } from "../ui/parts";

type Verb = "pause" | "halt" | "resume";

export function StopsCard() {
  const { t } = usePreferences();
  const { frame } = useLive();
  const stops = useApi("/api/stops", {}, LIVE);
  const [asked, setAsked] = useState<Verb | null>(null);
  const [said, setSaid] = useState<Schemas["StopAnswer"] | null>(null);
  const cache = useQueryClient();
  return (
    <Card title={t("stops")} className="stops">
      <Loaded query={stops}>
        {(data) => {
          const state = frame?.stops ?? data.state;
          const isStopped = state.halted || state.paused;
          return (
            <>
              <p className="headline">
                <Badge mood={isStopped ? "bad" : "ok"}>{t(state.halted ? "halted" : state.paused ? "paused" : "running")}</Badge>
                {isStopped ? <span className="muted">{t(state.halted && state.halt_blocks_exits ? "exitsBlocked" : "exitsGoOn")}</span> : null}
              </p>
              {isStopped ? (
                <p className="hint">
                  {state.reason}
                  <small className="muted">{t("saidBy", { who: state.said_by, time: state.since ? moment(state.since, frame?.market_time) : "" })}</small>
                </p>
              ) : null}
              {data.readable ? null : <p className="hint bad-text">{t("stopsUnreadable")}</p>}
              {said ? (
                <p className="hint" role="status">
                  {t("stopStored", { places: said.stored_in.join(", ") })}{" "}
                  {said.failed.length ? <span className="bad-text">{t("stopPartly", { places: said.failed.join("; ") })}</span> : null}
                </p>
              ) : null}
              <div className="buttons">
                {isStopped ? (
                  <button type="button" className="primary" onClick={() => setAsked("resume")}>
                    {t("resume")}
                  </button>
                ) : (
                  <button type="button" onClick={() => setAsked("pause")}>
                    {t("pause")}
                  </button>
                )}
                {state.halted ? null : (
                  <button type="button" className="danger" onClick={() => setAsked("halt")}>
                    {t("halt")}
                  </button>
                )}
              </div>
            </>
          );
        }}
      </Loaded>
      {asked ? (
        <Confirm
          verb={asked}
          blocksExits={stops.data?.state.halt_blocks_exits ?? false}
          onClose={() => setAsked(null)}
          onSaid={(answer) => {
            setSaid(answer);
            setAsked(null);
            void cache.invalidateQueries({ queryKey: ["/api/stops"] });
          }}
        />
      ) : null}
    </Card>
  );
}

function Confirm(props: { verb: Verb; blocksExits: boolean; onClose: () => void; onSaid: (answer: Schemas["StopAnswer"]) => void }) {
  const { t } = usePreferences();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const help = props.verb === "pause" ? "pauseHelp" : props.verb === "resume" ? "resumeHelp" : props.blocksExits ? "haltHelpBlocks" : "haltHelp";
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      props.onSaid(await post("/api/stops/{verb}", { verb: props.verb }, { confirm: props.verb, reason }));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t(props.verb)} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>{t(help)}</p>
        <label className="field">
          <span>
            {t("reason")} <small className="muted">{t("reasonHint")}</small>
          </span>
          <input value={reason} maxLength={200} onChange={(event) => setReason(event.target.value)} autoFocus />
        </label>
        {problem ? <ProblemNote problem={problem} mood="bad" /> : null}
        <div className="buttons end">
          <button type="button" className="quiet" onClick={props.onClose}>
            {t("cancel")}
          </button>
          <button type="submit" disabled={busy} className={props.verb === "halt" ? "danger" : "primary"}>
            {t("confirm")}: {t(props.verb)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
