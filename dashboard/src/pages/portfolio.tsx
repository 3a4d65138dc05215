/** Portfolio: live positions, sectors, performance, the day's orders, trades, and an owner's own orders. */
import { useState } from "react";
import type { Schemas } from "../api/client";
import { LIVE, SLOW, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { Donut } from "../charts/donut";
import { count, day, isKnown, krw, ratio, time } from "../format";
import { usePreferences } from "../preferences";
import { Age, Badge, Card, Empty, Gain, Loaded, Percent, Scroll, Stat, Unknown, Won } from "../ui/parts";
import { ManualOrder, type Ask } from "./manual-order";
import { OrdersCard } from "./orders";
import { TradeTable, Why } from "./trades";

export function Portfolio() {
  const { t } = usePreferences();
  const { frame } = useLive();
  const stored = useApi("/api/portfolio/positions", {}, frame ? SLOW : LIVE);
  const trades = useApi("/api/trades/recent", { days: 30 }, LIVE);
  const [ask, setAsk] = useState<Ask | null>(null);
  const [why, setWhy] = useState<string | null>(null);
  return (
    <div className="grid">
      <Card
        className="wide"
        title={t("positions")}
        aside={
          <>
            <Age at={frame ? frame.market_time : stored.data?.as_of} source={frame ? "ledger, ticks" : stored.data?.source} />
            <button type="button" onClick={() => setAsk({ side: "buy" })}>
              {t("manualBuy")}
            </button>
          </>
        }
      >
        <Loaded query={stored}>
          {(data) => <PositionTable positions={frame?.positions ?? data.positions} onSell={(position) => setAsk({ side: "sell", position })} onWhy={setWhy} />}
        </Loaded>
      </Card>
      <Card title={t("distribution")}>
        <Loaded query={stored}>{(data) => <Sectors positions={frame?.positions ?? data.positions} />}</Loaded>
      </Card>
      <PerformanceCard />
      <OrdersCard />
      <Card className="wide" title={t("recentTrades")} aside={<Age at={trades.data?.as_of} source={trades.data?.source} />}>
        <Loaded query={trades}>{(data) => <TradeTable trades={data.trades} />}</Loaded>
      </Card>
      {ask ? <ManualOrder ask={ask} onClose={() => setAsk(null)} /> : null}
      {why ? <Why intentId={why} onClose={() => setWhy(null)} /> : null}
    </div>
  );
}

function PositionTable(props: { positions: readonly Schemas["PositionView"][]; onSell: (position: Schemas["PositionView"]) => void; onWhy: (id: string) => void }) {
  const { t } = usePreferences();
  if (!props.positions.length) return <Empty>{t("noPositions")}</Empty>;
  return (
    <Scroll label={t("positions")}>
      <table>
        <thead>
          <tr>
            <th>{t("name")}</th>
            <th className="r">{t("quantity")}</th>
            <th className="r">{t("average")}</th>
            <th className="r">{t("price")}</th>
            <th className="r">{t("evaluation")}</th>
            <th className="r">{t("pnl")}</th>
            <th className="r">{t("weight")}</th>
            <th>{t("bought")}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {props.positions.map((row) => (
            <tr key={row.stock_code}>
              <td>
                <b>{row.stock_name}</b> <small className="muted num">{row.stock_code}</small>
                <small className="block muted">
                  {row.sector_group ?? t("unknown")} {row.reconciled ? null : <Badge mood="warn">{t("notReconciled")}</Badge>}
                  {row.external_quantity ? <Badge>{t("external", { n: row.external_quantity })}</Badge> : null}
                </small>
              </td>
              <td className="r num">{count(row.quantity)}</td>
              <td className="r num">{krw(row.average_price_krw)}</td>
              <td className="r">
                <Won value={row.current_price_krw} />
                <small className="block muted num">{row.price_at ? time(row.price_at) : row.price_source}</small>
              </td>
              <td className="r">
                <Won value={row.evaluation_krw} />
              </td>
              <td className="r">
                <Gain value={row.unrealized_pnl_krw} />
                <small className="block">
                  <Percent value={row.profit_pct} />
                </small>
              </td>
              <td className="r num">{isKnown(row.weight_ratio) ? ratio(row.weight_ratio, 1) : <Unknown />}</td>
              <td className="num muted">{row.bought_on ? day(row.bought_on) : <Unknown />}</td>
              <td className="r nowrap">
                {row.trade_id ? (
                  <button type="button" className="quiet" aria-label={`${t("why")} ${row.stock_name}`} onClick={() => props.onWhy(row.trade_id!)}>
                    {t("why")}
                  </button>
                ) : null}
                <button type="button" aria-label={`${t("manualSell")} ${row.stock_name}`} onClick={() => props.onSell(row)} disabled={row.quantity === 0}>
                  {t("manualSell")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Sectors({ positions }: { positions: readonly Schemas["PositionView"][] }) {
  const { t } = usePreferences();
  const sums = new Map<string, number>();
  for (const row of positions) {
    const value = row.evaluation_krw ?? row.average_price_krw * row.quantity;
    const sector = row.sector_group ?? t("unknown");
    sums.set(sector, (sums.get(sector) ?? 0) + value);
  }
  const slices = [...sums].map(([name, value]) => ({ name, value })).sort((a, b) => b.value - a.value);
  return slices.length ? <Donut slices={slices} label={t("distribution")} /> : <Empty>{t("noPositions")}</Empty>;
}

function PerformanceCard() {
  const { t } = usePreferences();
  const performance = useApi("/api/portfolio/performance", { days: 30 }, SLOW);
  return (
    <Card title={t("performance", { days: 30 })} aside={<Age at={performance.data?.as_of} />}>
      <Loaded query={performance}>
        {(data) => (
          <dl className="stats tight">
            <Stat label={t("realized")}>
              <Gain value={data.realized_pnl_krw} />
            </Stat>
            <Stat label={t("winRate")} sub={t("wins", { wins: data.wins, losses: data.losses })}>
              {isKnown(data.win_rate_ratio) ? <span className="num">{ratio(data.win_rate_ratio)}</span> : <Unknown />}
            </Stat>
            <Stat label={t("meanProfit")}>
              <Percent value={data.average_profit_pct} />
            </Stat>
            <Stat label={t("costs")}>
              <Won value={data.fees_krw + data.taxes_krw} />
            </Stat>
            {data.best ? (
              <Stat label={t("best")} sub={data.best.stock_name}>
                <Gain value={data.best.realized_pnl_krw} />
              </Stat>
            ) : null}
            {data.worst ? (
              <Stat label={t("worst")} sub={data.worst.stock_name}>
                <Gain value={data.worst.realized_pnl_krw} />
              </Stat>
            ) : null}
          </dl>
        )}
      </Loaded>
    </Card>
  );
}
