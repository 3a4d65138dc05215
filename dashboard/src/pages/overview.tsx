/** Overview: the account, the day, what may be bought, and the stops. */
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { HEALTH, LIVE, SLOW, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { Line } from "../charts/line";
import { isKnown, moment, pct, time } from "../format";
import { usePreferences } from "../preferences";
import { Age, Badge, Card, Choice, Empty, Gain, Loaded, ProblemNote, Stat, Unknown, Won, type Mood } from "../ui/parts";
import { OrdersCard } from "./orders";
import { StopsCard } from "./stops";
import { TradeTable } from "./trades";

export function Overview() {
  return (
    <div className="grid overview">
      <Account />
      <Chart />
      <div className="stack">
        <StopsCard />
        <AlertsCard />
      </div>
      <PermitCard />
      <RegimeCard />
      <OrdersCard />
      <RecentTrades />
    </div>
  );
}

function Account() {
  const { t } = usePreferences();
  const { frame } = useLive();
  const summary = useApi("/api/portfolio/summary", {}, LIVE);
  return (
    <Card className="wide account">
      <Loaded query={summary} lines={2}>
        {(data) => {
          const unrealized = frame?.unrealized_krw ?? data.unrealized_pnl_krw;
          const realized = frame?.realized_today_krw ?? data.realized_today_krw;
          const dayShare =
            isKnown(data.day_pnl_krw) && isKnown(data.previous_equity_krw) && data.previous_equity_krw > 0
              ? (data.day_pnl_krw / data.previous_equity_krw) * 100
              : null;
          const hit = data.daily_limit_hit_at ?? data.weekly_limit_hit_at;
          return (
            <>
              <dl className="stats">
                <Stat label={t("totalAsset")} big sub={<Age at={data.as_of} source={data.source} />}>
                  <Won value={data.total_asset_krw} />
                </Stat>
                <Stat label={t("dayPnl")} big sub={dayShare === null ? t("againstClose") : `${t("againstClose")} ${pct(dayShare)}`}>
                  <Gain value={data.day_pnl_krw} />
                </Stat>
                <Stat label={t("unrealized")}>
                  <Gain value={unrealized} />
                </Stat>
                <Stat label={t("realizedToday")}>
                  <Gain value={realized} />
                </Stat>
                <Stat label={t("cash")} sub={isKnown(data.orderable_cash_krw) ? <>{t("orderable")} <Won value={data.orderable_cash_krw} /></> : undefined}>
                  <Won value={data.cash_krw} />
                </Stat>
                <Stat label={t("stockValue")} sub={isKnown(data.position_count) ? t("positionsCount", { n: data.position_count }) : undefined}>
                  <Won value={data.stock_evaluation_krw} />
                </Stat>
                <Stat
                  label={t("lossLimit")}
                  sub={t("dailyWeekly", { daily: data.daily_loss_limit_pct, weekly: data.weekly_loss_limit_pct })}
                >
                  <LossMeter share={dayShare} limit={data.daily_loss_limit_pct} />
                </Stat>
              </dl>
              {hit ? <ProblemNote problem={{ rule: "R-GRD-08", detail: t("lossLimitHit"), next_step: "" }} mood="bad" /> : null}
              {data.unreconciled_codes.length ? (
                <p className="hint warn-text">{t("unreconciled", { codes: data.unreconciled_codes.join(", ") })}</p>
              ) : null}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

function LossMeter({ share, limit }: { share: number | null; limit: number }) {
  if (share === null) return <Unknown />;
  const used = Math.max(0, -share) / limit;
  const mood: Mood = used >= 1 ? "bad" : used > 0.6 ? "warn" : "ok";
  return <span className={`num ${mood}-text`}>{(used * 100).toFixed(0)} %</span>;
}

type Range = "today" | "30" | "90" | "365";

function Chart() {
  const { t } = usePreferences();
  const [range, setRange] = useState<Range>("today");
  const history = useApi("/api/portfolio/history", { days: range === "today" ? 30 : Number(range) }, SLOW);
  const intraday = useApi("/api/portfolio/intraday", {}, LIVE);
  const daily = useMemo(
    () => history.data?.points.map((point) => ({ time: point.snapshot_date, value: point.total_asset_krw })) ?? [],
    [history.data],
  );
  const minutes = useMemo(
    () => intraday.data?.points.map((point) => ({ time: point.at, value: point.total_krw })) ?? [],
    [intraday.data],
  );
  const isToday = range === "today";
  return (
    <Card
      className="span-2 chart-card"
      title={t(isToday ? "intradayChart" : "assetChart")}
      aside={
        <Choice
          label={t("assetChart")}
          value={range}
          options={[
            ["today", t("today")],
            ["30", t("range30")],
            ["90", t("range90")],
            ["365", t("rangeAll")],
          ]}
          onChange={setRange}
        />
      }
      foot={<Age at={isToday ? intraday.data?.as_of : history.data?.as_of} source={isToday ? intraday.data?.source : history.data?.source} />}
    >
      {isToday ? (
        <Loaded query={intraday}>
          {() => (minutes.length > 1 ? <Line points={minutes} baseline={0} intraday label={t("intradayChart")} /> : <Empty>{t("intradayEmpty")}</Empty>)}
        </Loaded>
      ) : (
        <Loaded query={history}>
          {() => (daily.length > 1 ? <Line points={daily} label={t("assetChart")} /> : <Empty>{t("assetChartEmpty")}</Empty>)}
        </Loaded>
      )}
    </Card>
  );
}

function PermitCard() {
  const { t } = usePreferences();
  const { frame } = useLive();
  const permit = useApi("/api/permit", {}, LIVE);
  return (
    <Card title={t("permit")} aside={permit.data?.permit ? <Age at={permit.data.as_of} /> : null}>
      <Loaded query={permit}>
        {(data) => {
          const checks = data.permit?.checks ?? [];
          const passed = checks.filter((check) => check.passed).length;
          return (
            <>
              <p className="headline">
                <Badge mood={data.valid ? "ok" : "bad"}>{t(data.valid ? "permitValid" : "permitInvalid")}</Badge>
                {data.permit ? <span className="muted">{t("permitUntil", { time: moment(data.permit.expires_at, frame?.market_time).slice(0, 5) })}</span> : null}
                {checks.length ? <span className="muted">{t("checksPassed", { passed, total: checks.length })}</span> : null}
              </p>
              {data.refusal && data.permit && !data.permit.reasons.length ? <p className="hint bad-text">{data.refusal}</p> : null}
              {data.permit?.reasons.map((reason) => (
                <p key={reason} className="hint bad-text">
                  {reason}
                </p>
              ))}
              <ul className="checks">
                {checks.map((check) => (
                  <li key={`${check.asset}.${check.check}`}>
                    <span className={`mark ${check.passed ? "ok" : check.blocking ? "bad" : "warn"}`} aria-hidden="true">
                      {check.passed ? "✓" : "!"}
                    </span>
                    <span>
                      <b>{check.asset}</b> · {check.check}
                      <small>{check.detail}</small>
                    </span>
                    <small className="muted">{t(check.blocking ? "blocking" : "advisory")}</small>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

const REGIME_MOOD: Record<string, Mood> = { STRONG_BULL: "up", BULL: "up", SIDEWAYS: "plain", BEAR: "down", STRONG_BEAR: "down" };

export function RegimeCard() {
  const { t, label } = usePreferences();
  const regime = useApi("/api/macro/regime", {}, HEALTH);
  return (
    <Card title={t("regime")} aside={<Age at={regime.data?.as_of} source={regime.data?.source} />}>
      <Loaded query={regime}>{(data) => <RegimeFacts data={data} label={label} />}</Loaded>
    </Card>
  );
}

function RegimeFacts({ data, label }: { data: Schemas["RegimeView"]; label: (word: string) => string }) {
  const { t } = usePreferences();
  if (!data.context) return null;
  const { context } = data;
  return (
    <>
      <p className="headline">
        {data.effective_regime ? <Badge mood={REGIME_MOOD[data.effective_regime] ?? "plain"}>{label(data.effective_regime)}</Badge> : <Unknown />}
        {data.is_expired ? <Badge mood="warn">{t("expired")}</Badge> : null}
      </p>
      <dl className="facts">
        <dt>{t("multiplier")}</dt>
        <dd className="num">{isKnown(data.effective_position_multiplier) ? `×${data.effective_position_multiplier}` : <Unknown />}</dd>
        <dt>{t("vix")}</dt>
        <dd>{context.vix_regime ? label(context.vix_regime) : <Unknown />}</dd>
        <dt>{t("throttle")}</dt>
        <dd>{data.intraday ? label(data.intraday.level) : <Unknown />}</dd>
        <dt>{t("favor")}</dt>
        <dd>{context.favor_sectors.join(", ") || t("none")}</dd>
        <dt>{t("avoid")}</dt>
        <dd>{context.avoid_sectors.join(", ") || t("none")}</dd>
      </dl>
    </>
  );
}

const SEVERITY: Record<string, Mood> = { info: "info", warning: "warn", critical: "bad" };

function AlertsCard() {
  const { t } = usePreferences();
  const { frame } = useLive();
  const alerts = frame?.alerts ?? [];
  const problems = frame?.problems ?? [];
  return (
    <Card title={t("alerts")} aside={<span className="muted num">{alerts.length + problems.length}</span>}>
      {problems.map((problem) => (
        <ProblemNote key={problem.rule} problem={problem} mood="bad" />
      ))}
      {alerts.length + problems.length === 0 ? <Empty>{t("noAlerts")}</Empty> : null}
      <ul className="alerts">
        {alerts.map((alert) => (
          <li key={alert.alert_id} className={SEVERITY[alert.severity] ?? "info"}>
            <div>
              <b>{alert.text}</b>
              {alert.next_step ? (
                <small>
                  {t("nextStep")}: {alert.next_step}
                </small>
              ) : null}
            </div>
            <small className="muted num">
              {time(alert.raised_at)} · {alert.service}
            </small>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function RecentTrades() {
  const { t } = usePreferences();
  const trades = useApi("/api/trades/recent", { days: 7 }, LIVE);
  return (
    <Card className="wide" title={t("recentTrades")} aside={<Age at={trades.data?.as_of} source={trades.data?.source} />}>
      <Loaded query={trades}>{(data) => <TradeTable trades={data.trades} />}</Loaded>
    </Card>
  );
}
