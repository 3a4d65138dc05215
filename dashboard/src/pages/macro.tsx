/** Macro: the council's verdict by day, and the regime in force. */
import { useState } from "react";
import type { Schemas } from "../api/client";
import { SLOW, useApi } from "../api/hooks";
import { isKnown, ratio } from "../format";
import { usePreferences } from "../preferences";
import { Age, Badge, Card, Loaded, Meter, Percent, Stat, Unknown } from "../ui/parts";
import { RegimeCard } from "./overview";

export function Macro() {
  const { t, label } = usePreferences();
  const [day, setDay] = useState<string | undefined>(undefined);
  const insight = useApi("/api/macro/insight", { target_date: day }, SLOW);
  const dates = useApi("/api/macro/dates", { limit: 30 }, SLOW);
  return (
    <div className="grid">
      <Card
        className="span-2"
        title={
          <>
            {t("insight")} <span className="num muted">{insight.data?.insight?.insight_date}</span>
          </>
        }
        aside={<Age at={insight.data?.as_of} source={insight.data?.source} />}
      >
        <Loaded query={insight} lines={6}>
          {(data) => (data.insight ? <Verdict insight={data.insight} /> : null)}
        </Loaded>
      </Card>
      <div className="stack">
        <RegimeCard />
        <Card title={t("pastInsights")}>
          <Loaded query={dates}>
            {(data) => (
              <ul className="dates">
                {data.dates.map((row) => (
                  <li key={row.run_id}>
                    <button
                      type="button"
                      className="row"
                      aria-pressed={row.insight_date === (day ?? data.dates[0]?.insight_date)}
                      onClick={() => setDay(row.insight_date)}
                    >
                      <span className="num">{row.insight_date}</span>
                      <Badge>{label(row.market_regime)}</Badge>
                      <b className="num">{row.sentiment_score.toFixed(0)}</b>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </Loaded>
        </Card>
      </div>
    </div>
  );
}

function Verdict({ insight }: { insight: Schemas["MacroInsight"] }) {
  const { t, label } = usePreferences();
  return (
    <>
      <p className="headline">
        <Badge mood={insight.sentiment_score >= 60 ? "up" : insight.sentiment_score <= 40 ? "down" : "plain"}>{label(insight.sentiment)}</Badge>
        <Badge>{label(insight.market_regime)}</Badge>
        <span>{insight.regime_hint}</span>
        <Badge>{t("sizing", { pct: insight.position_size_pct })}</Badge>
        <Badge>{t("stopAdjust", { pct: insight.stop_loss_adjust_pct })}</Badge>
        <span className="muted">{t("writtenBy", { who: label(insight.analyst) })}</span>
      </p>
      <dl className="stats tight">
        <Stat label={t("sentiment")} sub={<Meter value={insight.sentiment_score} label={t("sentiment")} />}>
          <span className="num">{insight.sentiment_score.toFixed(0)}</span>
        </Stat>
        <Level label="KOSPI" level={insight.kospi_level} change={insight.kospi_change_pct} />
        <Level label="KOSDAQ" level={insight.kosdaq_level} change={insight.kosdaq_change_pct} />
        <Level label="USD/KRW" level={insight.usd_krw} />
        <Stat label="VIX" sub={insight.vix_regime ? label(insight.vix_regime) : undefined}>
          {isKnown(insight.vix_value) ? <span className="num">{insight.vix_value.toFixed(1)}</span> : <Unknown />}
        </Stat>
        <Stat label={t("politics")}>{label(insight.political_risk_level)}</Stat>
        <Stat label={t("completeness")}>
          <span className={`num ${insight.data_completeness_ratio < 0.7 ? "warn-text" : ""}`}>{ratio(insight.data_completeness_ratio)}</span>
        </Stat>
      </dl>
      {insight.trading_reasoning ? <p className="quote">{insight.trading_reasoning}</p> : null}
      <div className="columns">
        <Words title={t("themes")} words={insight.key_themes} />
        <Words title={t("risks")} words={insight.risk_factors} />
        <Words title={t("opportunities")} words={insight.opportunity_factors} />
        <Words title={t("favor")} words={insight.sectors_to_favor} />
        <Words title={t("avoid")} words={insight.sectors_to_avoid} />
      </div>
    </>
  );
}

function Level({ label, level, change }: { label: string; level: number | null | undefined; change?: number | null | undefined }) {
  return (
    <Stat label={label} sub={change === undefined ? undefined : <Percent value={change} />}>
      {isKnown(level) ? <span className="num">{level.toLocaleString("ko-KR", { maximumFractionDigits: 2 })}</span> : <Unknown />}
    </Stat>
  );
}

function Words({ title, words }: { title: string; words: readonly string[] }) {
  const { t } = usePreferences();
  return (
    <div>
      <h3>{title}</h3>
      {words.length ? (
        <ul className="plain">
          {words.map((word) => (
            <li key={word}>{word}</li>
          ))}
        </ul>
      ) : (
        <p className="muted">{t("none")}</p>
      )}
    </div>
  );
}
