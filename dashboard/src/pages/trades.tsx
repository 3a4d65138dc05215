/** The trade log as a table, each row with the way back to its prices. */
import { useState } from "react";
import type { Schemas } from "../api/client";
import { SLOW, useApi } from "../api/hooks";
import { useLive } from "../api/live";
import { count, dayTime, krw, moment } from "../format";
import { usePreferences } from "../preferences";
import { Dialog } from "../ui/dialog";
import { Badge, Empty, Gain, Loaded, Percent, Scroll } from "../ui/parts";

const SHOWN = 12;

export function TradeTable({ trades }: { trades: readonly Schemas["TradeView"][] }) {
  const { t, label } = usePreferences();
  const [asked, setAsked] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  if (!trades.length) return <Empty>{t("noTrades")}</Empty>;
  return (
    <>
      <Scroll label={t("recentTrades")}>
        <table>
          <thead>
            <tr>
              <th>{t("time")}</th>
              <th>{t("side")}</th>
              <th>{t("name")}</th>
              <th className="r">{t("quantity")}</th>
              <th className="r">{t("tradePrice")}</th>
              <th className="r">{t("amount")}</th>
              <th>{t("cause")}</th>
              <th className="r">{t("pnl")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {(all ? trades : trades.slice(0, SHOWN)).map((trade) => (
              <tr key={trade.intent_id}>
                <td className="num muted">{dayTime(trade.traded_at)}</td>
                <td>
                  <Badge mood={trade.trade_type === "BUY" ? "up" : "down"}>{label(trade.trade_type)}</Badge>
                </td>
                <td>
                  <b>{trade.stock_name}</b> <small className="muted num">{trade.stock_code}</small>
                </td>
                <td className="r num">{count(trade.quantity)}</td>
                <td className="r num">{krw(trade.price_krw)}</td>
                <td className="r num">{krw(trade.total_amount_krw)}</td>
                <td title={trade.rule ?? undefined}>
                  {label(trade.reason)} <small className="muted">{trade.rule}</small>
                </td>
                <td className="r">
                  {trade.trade_type === "SELL" ? (
                    <>
                      <Gain value={trade.realized_pnl_krw} /> <Percent value={trade.profit_pct} />
                    </>
                  ) : (
                    <span className="muted">–</span>
                  )}
                </td>
                <td className="r">
                  <button type="button" className="quiet" aria-label={`${t("why")} ${trade.stock_name}`} onClick={() => setAsked(trade.intent_id)}>
                    {t("why")}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {!all && trades.length > SHOWN ? (
        <button type="button" className="quiet" onClick={() => setAll(true)}>
          {t("showAll", { n: trades.length })}
        </button>
      ) : null}
      {asked ? <Why intentId={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}

export function Why({ intentId, onClose }: { intentId: string; onClose: () => void }) {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  const why = useApi("/api/why/{intent_id}", { intent_id: intentId }, SLOW);
  return (
    <Dialog title={t("whyTitle")} onClose={onClose} drawer>
      <Loaded query={why} lines={6}>
        {(data) => (
          <>
            <p>
              <Badge mood={data.complete ? "ok" : "warn"}>{t(data.complete ? "whyComplete" : "whyBroken")}</Badge>
            </p>
            <ol className="chain">
              {data.links.map((link) => (
                <li key={link.step} className={link.found ? "" : "gap"}>
                  <div className="chain-head">
                    <b>{label(link.step)}</b>
                    {link.at ? <small className="muted num">{moment(link.at, frame?.market_time)}</small> : null}
                  </div>
                  <div className="chain-label">{link.found ? label(link.label) : t("stepMissing")}</div>
                  <dl className="facts small">
                    {Object.entries(link.facts ?? {})
                      .filter(([, value]) => value !== null)
                      .map(([name, value]) => (
                        <div key={name}>
                          <dt>{label(name)}</dt>
                          <dd className="num">{typeof value === "number" ? krwOrFloat(value) : label(String(value))}</dd>
                        </div>
                      ))}
                  </dl>
                </li>
              ))}
            </ol>
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

const krwOrFloat = (value: number) => (Number.isInteger(value) ? krw(value) : value.toFixed(2));
