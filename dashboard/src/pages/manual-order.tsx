/** An owner's own order: asked, confirmed, handed over, and followed to the executor's verdict. */
import { useState } from "react";
import { get, post, type Problem, type Schemas } from "../api/client";
import { useLive } from "../api/live";
import { count, isKnown, krw, pct } from "../format";
import { usePreferences } from "../preferences";
import { Dialog } from "../ui/dialog";
import { Badge, ProblemNote, problemOf } from "../ui/parts";

export type Ask = { side: "buy" | "sell"; position?: Schemas["PositionView"] };

const OUTCOME_TRIES = 20;

export function ManualOrder({ ask, onClose }: { ask: Ask; onClose: () => void }) {
  const { t, label } = usePreferences();
  const { frame } = useLive();
  const { side, position } = ask;
  const [requestId] = useState(() => crypto.randomUUID());
  const [code, setCode] = useState(position?.stock_code ?? "");
  const [quantity, setQuantity] = useState(position ? String(position.quantity) : "");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sent, setSent] = useState<Schemas["ManualAnswer"] | null>(null);
  const [outcome, setOutcome] = useState<Schemas["SignalOutcome"] | null>(null);
  const price = frame?.prices[code]?.price_krw ?? position?.current_price_krw;
  const shares = Number(quantity);

  const follow = async (signalId: string) => {
    for (let attempt = 0; attempt < OUTCOME_TRIES; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const answer = await get("/api/signals/{signal_id}", { signal_id: signalId }).catch(() => null);
      if (answer?.outcome && answer.outcome !== "raised") {
        setOutcome(answer);
        return;
      }
    }
  };
  const submit = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const body = { request_id: requestId, stock_code: code, quantity: shares };
      const answer = side === "buy" ? await post("/api/orders/buy", {}, body) : await post("/api/orders/sell", {}, body);
      setSent(answer);
      void follow(answer.signal_id);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t(side === "buy" ? "manualBuy" : "manualSell")} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p className="muted">{t(side === "buy" ? "manualBuyHelp" : "manualSellHelp")}</p>
        <label className="field">
          <span>
            {t("code")} <small className="muted">{position ? position.stock_name : t("codeHint")}</small>
          </span>
          <input
            required
            pattern="[0-9A-Z]{6}"
            maxLength={6}
            value={code}
            readOnly={position !== undefined}
            onChange={(event) => setCode(event.target.value.toUpperCase())}
            autoFocus={!position}
          />
        </label>
        <label className="field">
          <span>
            {t("quantity")}
            {isKnown(price) && shares > 0 ? <small className="muted"> ≈ {krw(price * shares)}</small> : null}
          </span>
          <input required type="number" min={1} max={position?.quantity ?? 1_000_000} value={quantity} onChange={(event) => setQuantity(event.target.value)} />
        </label>
        {position && isKnown(position.profit_pct) ? <p className="hint">{pct(position.profit_pct)}</p> : null}
        {problem ? <ProblemNote problem={problem} mood="bad" /> : null}
        {sent && !outcome ? <p role="status">{t("manualSent", { name: sent.stock_name, n: sent.quantity })}</p> : null}
        {outcome ? (
          <p role="status">
            <Badge mood={outcome.outcome === "ordered" ? "ok" : "bad"}>{t("manualOutcome", { outcome: label(outcome.outcome ?? "unknown") })}</Badge>{" "}
            {outcome.refusal_rule ? `${label(outcome.refusal_rule)} · ${outcome.refusal_text ?? ""}` : null}
          </p>
        ) : null}
        <div className="buttons end">
          <button type="button" className="quiet" onClick={onClose}>
            {t(sent ? "close" : "cancel")}
          </button>
          {sent ? null : (
            <button type="submit" className={side === "buy" ? "buy" : "sell"} disabled={busy}>
              {t("confirm")}: {t(side === "buy" ? "manualBuy" : "manualSell")} {shares > 0 ? count(shares) : ""}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
