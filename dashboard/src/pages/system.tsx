/** System: health, jobs, logs, language models, the last rehearsal. */
import { useState } from "react";
import { HEALTH, useApi } from "../api/hooks";
import { isKnown, span } from "../format";
import { usePreferences } from "../preferences";
import { Age, Badge, Card, Choice, Loaded, Scroll, type Mood } from "../ui/parts";
import { JobsTab } from "./system-jobs";
import { LlmTab, LogsTab } from "./system-logs";
import { RehearsalTab } from "./system-rehearsal";

type Tab = "health" | "jobs" | "logs" | "llm" | "rehearsal";

export function System() {
  const { t } = usePreferences();
  const [tab, setTab] = useState<Tab>("health");
  const tabs: Tab[] = ["health", "jobs", "logs", "llm", "rehearsal"];
  return (
    <div className="grid">
      <div className="wide">
        <Choice label={t("system")} value={tab} options={tabs.map((name) => [name, t(name)] as const)} onChange={setTab} />
      </div>
      {tab === "health" ? <HealthTab /> : null}
      {tab === "jobs" ? <JobsTab /> : null}
      {tab === "logs" ? <LogsTab /> : null}
      {tab === "llm" ? <LlmTab /> : null}
      {tab === "rehearsal" ? <RehearsalTab /> : null}
    </div>
  );
}

const MOOD: Record<string, Mood> = { healthy: "ok", degraded: "warn", reconciling: "warn", starting: "info", unhealthy: "bad", down: "bad", unknown: "warn" };

function HealthTab() {
  const { t, label, explain } = usePreferences();
  const health = useApi("/api/system/health", {}, HEALTH);
  return (
    <Card className="wide" title={t("health")} aside={<Age at={health.data?.as_of} source={health.data?.source} />}>
      <Loaded query={health} lines={8}>
        {(data) => (
          <>
            {data.settings_differ.length ? <p className="hint bad-text">{t("settingsDiffer", { names: data.settings_differ.join(", ") })}</p> : null}
            <Scroll label={t("health")}>
              <table>
                <thead>
                  <tr>
                    <th>{t("service")}</th>
                    <th>{t("state")}</th>
                    <th className="r">{t("port")}</th>
                    <th className="r">{t("latency")}</th>
                    <th className="r">{t("uptime")}</th>
                    <th>{t("dependencies")}</th>
                    <th>{t("nextStep")}</th>
                  </tr>
                </thead>
                <tbody>
                  {data.services.map((service) => (
                    <tr key={service.service}>
                      <td>
                        <b>{service.service}</b>
                      </td>
                      <td>
                        <Badge mood={MOOD[service.state] ?? "plain"}>{label(service.state)}</Badge>
                      </td>
                      <td className="r num muted">{service.port ?? "–"}</td>
                      <td className="r num">{isKnown(service.latency_ms) ? `${service.latency_ms.toFixed(1)} ms` : "–"}</td>
                      <td className="r num muted">{isKnown(service.uptime_seconds) ? span(service.uptime_seconds) : "–"}</td>
                      <td>
                        {Object.entries(service.dependencies ?? {}).map(([name, dependency]) => (
                          <Badge key={name} mood={dependency.ok ? "plain" : "bad"} title={dependency.detail}>
                            {name}
                          </Badge>
                        ))}
                      </td>
                      <td className="wrap">
                        {service.problem ? (
                          <>
                            <span className="bad-text">{explain(service.problem).detail}</span>
                            <small className="block muted">{explain(service.problem).next_step}</small>
                          </>
                        ) : null}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </>
        )}
      </Loaded>
    </Card>
  );
}
