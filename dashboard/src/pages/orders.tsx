/** The day's orders with their state. */
import { useLive } from "../api/live";
import { isKnown, krw, time } from "../format";
import { usePreferences } from "../preferences";
import { Badge, Card, Empty, type Mood } from "../ui/parts";

const STATE_MOOD: Record<string, Mood> = { filled: "ok", partially_filled: "info", accepted: "info", sent: "info", intent: "info", unknown: "warn", rejected: "bad" };

export function OrdersCard() {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  const orders = frame?.orders ?? [];
  return (
    <Card title={t("openOrders")} aside={<span className="muted num">{orders.length}</span>}>
      {orders.length ? (
        <ul className="orders">
          {orders.slice(0, 12).map((order) => (
            <li key={order.intent_id}>
              <Badge mood={order.side === "buy" ? "up" : "down"}>{label(order.side)}</Badge>
              <span>
                <b>{order.stock_name}</b>
                <small className="muted">
                  {label(order.order_type)} {isKnown(order.limit_price_krw) ? krw(order.limit_price_krw) : ""} · {label(order.reason)}
                </small>
              </span>
              <span className="r">
                <Badge mood={STATE_MOOD[order.state] ?? "plain"} title={order.refusal_text ?? undefined}>
                  {label(order.state)}
                </Badge>
                <small className="num muted">
                  {t("filledOf", { filled: order.filled_quantity, total: order.quantity })} · {time(order.market_at)}
                </small>
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <Empty>{t("noOrders")}</Empty>
      )}
    </Card>
  );
}
