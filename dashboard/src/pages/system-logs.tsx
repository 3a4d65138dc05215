/** The newest log lines of a service, and language model use. */
import { useState } from "react";
import { LOGS, SLOW, useApi } from "../api/hooks";
import { bytes, count, moment } from "../format";
import { usePreferences } from "../preferences";
import { Age, Card, Choice, Empty, Loaded, Scroll } from "../ui/parts";

export function LogsTab() {
  const { t } = usePreferences();
  const sources = useApi("/api/logs/services", {}, SLOW);
  const [chosen, setChosen] = useState<string>("");
  const [contains, setContains] = useState("");
  const [level, setLevel] = useState<"" | "info" | "warning" | "error">("");
  const service = chosen || sources.data?.services[0]?.service || "";
  const lines = useApi("/api/logs/stream", { service, limit: 200, contains, level }, LOGS, service !== "");
  return (
    <Card className="wide" title={t("logs")} aside={<Age at={lines.data?.as_of} source={lines.data?.source} />}>
      <Loaded query={sources}>
        {(data) =>
          data.services.length ? (
            <div className="filters">
              <label>
                <span className="sr">{t("service")}</span>
                <select value={service} onChange={(event) => setChosen(event.target.value)}>
                  {data.services.map((source) => (
                    <option key={source.service} value={source.service}>
                      {source.service} ({bytes(source.size_bytes)})
                    </option>
                  ))}
                </select>
              </label>
              <label>
                <span className="sr">{t("filter")}</span>
                <input placeholder={t("filter")} value={contains} onChange={(event) => setContains(event.target.value)} />
              </label>
              <Choice
                label={t("level")}
                value={level}
                options={[
                  ["", t("allLevels")],
                  ["info", "info"],
                  ["warning", "warning"],
                  ["error", "error"],
                ]}
                onChange={setLevel}
              />
            </div>
          ) : null
        }
      </Loaded>
      {service ? (
        <Loaded query={lines} lines={10}>
          {(data) =>
            data.lines.length ? (
              <Scroll label={t("logs")}>
                <ol className="lines">
                  {data.lines.map((line, index) => (
                    <li key={index} className={line.level ?? ""}>
                      <span className="num muted">{line.at ? moment(line.at, null).slice(5) : ""}</span>
                      <span className="level">{line.level ?? ""}</span>
                      <span>
                        {line.event}{" "}
                        {Object.entries(line.fields ?? {}).map(([name, value]) => (
                          <small key={name} className="muted">
                            {name}=<b>{typeof value === "string" ? value : JSON.stringify(value)}</b>{" "}
                          </small>
                        ))}
                      </span>
                    </li>
                  ))}
                </ol>
              </Scroll>
            ) : (
              <Empty>{t("noLines")}</Empty>
            )
          }
        </Loaded>
      ) : null}
    </Card>
  );
}

export function LlmTab() {
  const { t } = usePreferences();
  const stats = useApi("/api/llm/stats", {}, SLOW);
  return (
    <Card className="wide" title={t("llm")} aside={<Age at={stats.data?.as_of} source={stats.data?.source} />}>
      <Loaded query={stats}>
        {(data) => {
          const names = [...new Set(data.services.flatMap((service) => Object.keys(service.figures)))].sort();
          const used = Object.values(data.totals).some((value) => value > 0);
          if (!used) return <Empty>{t("noLlm")}</Empty>;
          return (
            <Scroll label={t("llm")}>
              <table>
                <thead>
                  <tr>
                    <th>{t("service")}</th>
                    {names.map((name) => (
                      <th key={name} className="r">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {data.services.map((service) => (
                    <tr key={service.service}>
                      <td>{service.service}</td>
                      {names.map((name) => (
                        <td key={name} className="r num">
                          {service.figures[name] === undefined ? "–" : count(service.figures[name])}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          );
        }}
      </Loaded>
    </Card>
  );
}
