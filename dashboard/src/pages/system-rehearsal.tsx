/** The report of the last rehearsal. Its shape is the rehearsal's own; what is missing is shown as unknown. */
import { SLOW, useApi } from "../api/hooks";
import { count, isKnown } from "../format";
import { usePreferences } from "../preferences";
import { Age, Badge, Card, Gain, Loaded, Stat, Unknown, Won } from "../ui/parts";

type Tree = Readonly<Record<string, unknown>>;

function at(report: Tree, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value && typeof value === "object" ? (value as Tree)[name] : undefined), report);
}

const number = (report: Tree, path: string) => {
  const value = at(report, path);
  return typeof value === "number" ? value : null;
};

const words = (report: Tree, path: string) => {
  const value = at(report, path);
  return typeof value === "string" ? value : null;
};

const sum = (first: number | null, second: number | null) => (first === null || second === null ? null : first + second);

export function RehearsalTab() {
  const { t } = usePreferences();
  const latest = useApi("/api/rehearsal/latest", {}, SLOW);
  return (
    <Card className="wide" title={t("rehearsal")} aside={<Age at={latest.data?.as_of} source={latest.data?.source} />}>
      <Loaded query={latest}>{(data) => (data.report ? <Report report={data.report} /> : null)}</Loaded>
    </Card>
  );
}

function Count({ value }: { value: number | null }) {
  return isKnown(value) ? <span className="num">{count(value)}</span> : <Unknown />;
}

function Report({ report }: { report: Tree }) {
  const { t, label } = usePreferences();
  const matches = at(report, "reconciliation.matches");
  const refused = (at(report, "signals.refused") ?? {}) as Record<string, number>;
  const p50 = number(report, "latency_ms.tick_to_order.p50");
  const p99 = number(report, "latency_ms.tick_to_order.p99");
  const seconds = number(report, "wall_seconds");
  return (
    <>
      <p className="headline">
        <b>{t("reportOf", { day: words(report, "market_day") ?? t("unknown") })}</b>
        <Badge mood={matches === true ? "ok" : "bad"}>
          {t("reconciliation")} {matches === true ? t("matches") : matches === false ? t("differs") : t("unknown")}
        </Badge>
        <span className="muted">
          {words(report, "data_source")} · {t("speed")} {words(report, "speed")} · {t("seed")} {String(at(report, "seed") ?? "")} ·{" "}
          {isKnown(seconds) ? t("seconds", { n: seconds.toFixed(0) }) : ""}
        </span>
      </p>
      <dl className="stats">
        <Stat label={t("realized")}>
          <Gain value={number(report, "pnl.realized_krw")} />
        </Stat>
        <Stat label={t("unrealized")}>
          <Gain value={number(report, "pnl.unrealized_krw")} />
        </Stat>
        <Stat label={t("costs")}>
          <Won value={sum(number(report, "pnl.fees_krw"), number(report, "pnl.taxes_krw"))} />
        </Stat>
        <Stat label={t("orders")} sub={`${t("fills")} ${number(report, "fills") ?? t("unknown")}`}>
          <Count value={number(report, "orders.submitted")} />
        </Stat>
        <Stat label={t("signals")} sub={`${label("sell")} ${number(report, "signals.sell") ?? ""}`}>
          <Count value={number(report, "signals.buy")} />
        </Stat>
        <Stat label={t("ticks")} sub={t("lost", { n: number(report, "ticks.lost") ?? "?" })}>
          <Count value={number(report, "ticks.received")} />
        </Stat>
        <Stat label={t("tickToOrder")} sub={isKnown(p99) ? `p99 ${p99.toFixed(1)} ms` : undefined}>
          {isKnown(p50) ? <span className="num">{p50.toFixed(1)} ms</span> : <Unknown />}
        </Stat>
        <Stat label={t("checks")} sub={`${t("assetsMade")} ${number(report, "assets.materialized") ?? t("unknown")}`}>
          <Count value={number(report, "checks.passed")} />
        </Stat>
      </dl>
      {Object.keys(refused).length ? (
        <p className="tags">
          <b>{t("refusalsByRule")}</b>
          {Object.entries(refused).map(([rule, times]) => (
            <Badge key={rule} title={rule}>
              {label(rule)} {t("times", { n: times })}
            </Badge>
          ))}
        </p>
      ) : null}
      <p className="muted">
        {t("orderHash")} <code>{words(report, "order_hash") ?? t("unknown")}</code>
      </p>
    </>
  );
}
