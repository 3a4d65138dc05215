/** Scout: the watchlist with its scores, and the rule that stands nearest in the way of each stock. */
import { useState } from "react";
import type { Schemas } from "../api/client";
import { LIVE, SLOW, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { isKnown, krw, moment, ratio, score, time } from "../format";
import { usePreferences } from "../preferences";
import { Dialog } from "../ui/dialog";
import { Age, Badge, Card, Empty, Loaded, Meter, Percent, Scroll, Unknown, type Mood } from "../ui/parts";

export function Scout() {
  const { t, label } = usePreferences();
  const list = useApi("/api/watchlist/current", {}, LIVE);
  const [chosen, setChosen] = useState<string | null>(null);
  const picked = list.data?.rows.find((row) => row.entry.code === chosen);
  return (
    <div className="grid">
      <Card
        className="wide"
        title={
          <>
            {t("watchlist")} {list.data?.market_regime ? <Badge>{label(list.data.market_regime)}</Badge> : null}{" "}
            {list.data?.is_expired ? <Badge mood="warn">{t("expired")}</Badge> : null}
          </>
        }
        aside={
          <>
            {list.data?.version ? <small className="muted hide-small">{list.data.version}</small> : null}
            <Age at={list.data?.as_of} source={list.data?.source} />
          </>
        }
      >
        <Loaded query={list} lines={8}>
          {(data) => (data.rows.length ? <WatchTable rows={data.rows} onChoose={setChosen} /> : null)}
        </Loaded>
      </Card>
      <RefusalsCard />
      <BudgetCard sectors={list.data?.sectors} />
      <HistoryCard />
      {picked ? <Detail row={picked} onClose={() => setChosen(null)} /> : null}
    </div>
  );
}

const TIER_MOOD: Record<string, Mood> = { TIER1: "ok", TIER2: "info", BLOCKED: "bad" };
const TAG_MOOD: Record<string, Mood> = { BULLISH: "ok", NEUTRAL: "plain", CAUTION: "warn", DISTRIBUTION_RISK: "bad" };

function WatchTable({ rows, onChoose }: { rows: readonly Schemas["WatchRow"][]; onChoose: (code: string) => void }) {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  return (
    <Scroll label={t("watchlist")}>
      <table className="watch">
        <thead>
          <tr>
            <th className="r">{t("rank")}</th>
            <th>{t("name")}</th>
            <th className="r">{t("price")}</th>
            <th>{t("hybrid")}</th>
            <th className="r">{t("quant")}</th>
            <th className="r">{t("analyst")}</th>
            <th className="r">{t("coverage")}</th>
            <th>{t("tier")}</th>
            <th>{t("nearestRefusal")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ entry, ...row }) => {
            const live = frame?.prices[entry.code]?.price_krw ?? row.current_price_krw;
            const change = isKnown(live) ? (live / entry.previous_close_krw - 1) * 100 : null;
            const refusal = row.nearest_refusal;
            return (
              <tr key={entry.code} className={entry.is_tradable ? "" : "off"}>
                <td className="r num muted">{entry.rank}</td>
                <td>
                  <button type="button" className="link" onClick={() => onChoose(entry.code)}>
                    {entry.name}
                  </button>{" "}
                  <small className="muted num">{entry.code}</small>
                  <small className="block muted">
                    {entry.sector_group} {row.is_held ? <Badge mood="info">{t("held")}</Badge> : null}
                  </small>
                </td>
                <td className="r">
                  {isKnown(live) ? <span className="num">{krw(live)}</span> : <Unknown />}
                  <small className="block">
                    <Percent value={change} />
                  </small>
                </td>
                <td>
                  <span className="scored">
                    <b className="num">{score(entry.hybrid_score)}</b>
                    <Meter value={entry.hybrid_score} label={`${t("hybrid")} ${score(entry.hybrid_score)}`} />
                  </span>
                </td>
                <td className="r num">{score(entry.quant_score)}</td>
                <td className="r num">{score(entry.llm_score)}</td>
                <td className={`r num ${entry.coverage_ratio < 0.55 ? "bad-text" : entry.coverage_ratio < 0.75 ? "warn-text" : ""}`}>{ratio(entry.coverage_ratio)}</td>
                <td>
                  <Badge mood={TIER_MOOD[entry.trade_tier] ?? "plain"}>{label(entry.trade_tier)}</Badge>{" "}
                  <Badge mood={TAG_MOOD[entry.risk_tag] ?? "plain"}>{label(entry.risk_tag)}</Badge>
                </td>
                <td>
                  {refusal ? (
                    <>
                      <span title={refusal.detail}>{label(refusal.rule)}</span>
                      <small className="block muted num">
                        {isKnown(refusal.distance)
                          ? t("valueLimitDistance", { value: refusal.value ?? "", limit: refusal.limit ?? "", distance: refusal.distance })
                          : refusal.value !== null && refusal.limit !== null
                            ? t("valueLimit", { value: refusal.value, limit: refusal.limit })
                            : refusal.detail}{" "}
                        · {t("refusalsToday", { n: row.refusals_today })}
                      </small>
                    </>
                  ) : entry.is_tradable ? (
                    <span className="muted">{t("noRefusal")}</span>
                  ) : (
                    <span className="bad-text">{t("notTradable")}</span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

const FACTORS = ["momentum", "quality", "value", "technical", "news", "supply_demand", "sector_momentum"] as const;
const FACTOR_MAX: Record<(typeof FACTORS)[number], number> = { momentum: 20, quality: 20, value: 20, technical: 10, news: 10, supply_demand: 20, sector_momentum: 10 };

function Detail({ row, onClose }: { row: Schemas["WatchRow"]; onClose: () => void }) {
  const { t, label } = usePreferences();
  const decisions = useApi("/api/decisions", { code: row.entry.code }, LIVE);
  return (
    <Dialog title={`${row.entry.name} ${row.entry.code}`} onClose={onClose} drawer>
      <h3>{t("factors")}</h3>
      <ul className="factors">
        {FACTORS.map((name) => {
          const value = row.factors?.[name];
          return (
            <li key={name}>
              <span>{label(name)}</span>
              {isKnown(value) ? (
                <>
                  <Meter value={value} max={FACTOR_MAX[name]} label={label(name)} />
                  <b className="num">{score(value)}</b>
                </>
              ) : (
                <>
                  <span className="meter unknown-meter" />
                  <Unknown />
                </>
              )}
            </li>
          );
        })}
      </ul>
      {row.llm_reason ? (
        <p className="quote">
          {row.llm_reason}
          <small className="muted">{t("writtenBy", { who: label(row.analyst ?? "unknown") })}</small>
        </p>
      ) : null}
      <h3>{t("refusalsByRule")}</h3>
      <Loaded query={decisions}>{(data) => <Refusals refusals={data.refusals.slice(0, 30)} />}</Loaded>
    </Dialog>
  );
}

function Refusals({ refusals }: { refusals: readonly Schemas["RefusalView"][] }) {
  const { t, label } = usePreferences();
  if (!refusals.length) return <Empty>{t("refusalsNone")}</Empty>;
  return (
    <ul className="refusals">
      {refusals.map((refusal, index) => (
        <li key={`${refusal.decided_at}-${index}`}>
          <span className="num muted">{time(refusal.decided_at)}</span>
          <span>
            <b>{label(refusal.rule)}</b> <small className="muted">{refusal.rule}</small>
            <small className="block muted">
              {label(refusal.subject)} · {refusal.detail}
            </small>
          </span>
          <span className="r num">{refusal.value !== null ? `${refusal.value} / ${refusal.limit ?? ""}` : ""}</span>
        </li>
      ))}
    </ul>
  );
}

function RefusalsCard() {
  const { t, label } = usePreferences();
  const decisions = useApi("/api/decisions", {}, LIVE);
  const most = Math.max(1, ...(decisions.data?.rules.map((rule) => rule.count) ?? []));
  return (
    <Card className="span-2" title={t("refusalsByRule")} aside={<Age at={decisions.data?.as_of} source={decisions.data?.source} />}>
      <Loaded query={decisions}>
        {(data) =>
          data.rules.length ? (
            <ul className="rules">
              {data.rules.slice(0, 10).map((rule) => (
                <li key={rule.rule}>
                  <span>
                    <b>{label(rule.rule)}</b> <small className="muted">{rule.rule}</small>
                    <small className="block muted">
                      {rule.example.detail}
                      {rule.example.value !== null ? ` · ${t("valueLimit", { value: rule.example.value ?? "", limit: rule.example.limit ?? "" })}` : ""}
                    </small>
                  </span>
                  <Meter value={rule.count} max={most} mood="warn" label={t("times", { n: rule.count })} />
                  <span className="r num nowrap">
                    {t("times", { n: rule.count })}
                    <small className="block muted">{t("codes", { n: rule.codes })}</small>
                  </span>
                </li>
              ))}
            </ul>
          ) : (
            <Empty>{t("refusalsNone")}</Empty>
          )
        }
      </Loaded>
    </Card>
  );
}

const SECTOR_MOOD: Record<string, Mood> = { HOT: "bad", WARM: "warn", COOL: "info" };

function BudgetCard({ sectors }: { sectors: Readonly<Record<string, Schemas["SectorAllowance"]>> | undefined }) {
  const { t, label } = usePreferences();
  const rows = Object.values(sectors ?? {});
  return (
    <Card title={t("sectorBudget")}>
      {rows.length ? (
        <ul className="budget">
          {rows.map((row) => (
            <li key={row.sector_group}>
              <b>{row.sector_group}</b>
              <Badge mood={SECTOR_MOOD[row.tier] ?? "plain"}>{label(row.tier)}</Badge>
              <Percent value={row.return_pct} digits={1} />
              <small className="muted num">
                {t("listCap")} {row.watchlist_cap} · {t("holdCap")} {row.portfolio_cap}
              </small>
            </li>
          ))}
        </ul>
      ) : (
        <Empty>{sectors ? <Unknown /> : t("loading")}</Empty>
      )}
    </Card>
  );
}

function HistoryCard() {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  const history = useApi("/api/watchlist/history", { limit: 12 }, SLOW);
  return (
    <Card className="wide" title={t("history")} aside={<Age at={history.data?.as_of} source={history.data?.source} />}>
      <Loaded query={history}>
        {(data) => (
          <ul className="versions">
            {data.versions.map((version) => (
              <li key={version.run_id}>
                <span className="num muted">{moment(version.known_at, frame?.market_time)}</span>
                <Badge>{label(version.market_regime)}</Badge>
                <span>{t("codes", { n: version.size })}</span>
                <small className="muted ellipsis">{version.names.join(", ")}</small>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}
