/** Small parts that every page is made of. */
import { useId, type ReactNode } from "react";
import { ApiError, type Problem } from "../api/client";
import { isKnown, krw, moment, pct, signedKrw, tone, type Maybe } from "../format";
import { usePreferences } from "../preferences";
import { useLive } from "../api/live";

export function Card(props: { title?: ReactNode; aside?: ReactNode; children: ReactNode; className?: string; foot?: ReactNode }) {
  const id = useId();
  return (
    <section className={`card ${props.className ?? ""}`} aria-labelledby={props.title ? id : undefined}>
      {props.title ? (
        <header className="card-head">
          <h2 id={id}>{props.title}</h2>
          {props.aside ? <div className="card-aside">{props.aside}</div> : null}
        </header>
      ) : null}
      {props.children}
      {props.foot ? <footer className="card-foot">{props.foot}</footer> : null}
    </section>
  );
}

export function Unknown() {
  const { t } = usePreferences();
  return <span className="unknown">{t("unknown")}</span>;
}

export const Won = ({ value }: { value: Maybe<number> }) => (isKnown(value) ? <span className="num">{krw(value)}</span> : <Unknown />);

export const Gain = ({ value, suffix }: { value: Maybe<number>; suffix?: ReactNode }) =>
  isKnown(value) ? (
    <span className={`num ${tone(value)}`}>
      {signedKrw(value)}
      {suffix}
    </span>
  ) : (
    <Unknown />
  );

export const Percent = ({ value, digits }: { value: Maybe<number>; digits?: number }) =>
  isKnown(value) ? <span className={`num ${tone(value)}`}>{pct(value, digits)}</span> : <Unknown />;

export function Age({ at, source }: { at: Maybe<string>; source?: string | undefined }) {
  const { t } = usePreferences();
  const { frame } = useLive();
  return (
    <span className="age" title={at ?? undefined}>
      {t("asOf")} {at ? moment(at, frame?.market_time) : t("unknown")}
      {source ? <span className="age-source"> · {source}</span> : null}
    </span>
  );
}

export type Mood = "ok" | "warn" | "bad" | "info" | "plain" | "up" | "down";

export function Badge({ mood = "plain", children, title }: { mood?: Mood; children: ReactNode; title?: string | undefined }) {
  return (
    <span className={`badge ${mood}`} title={title}>
      {children}
    </span>
  );
}

export function ProblemNote({ problem, mood = "warn", onRetry }: { problem: Problem; mood?: "warn" | "bad"; onRetry?: () => void }) {
  const { explain, t } = usePreferences();
  const said = explain(problem);
  return (
    <div className={`note ${mood}`} role={mood === "bad" ? "alert" : "status"}>
      <div>
        <strong>{said.detail}</strong>
        {said.next_step ? (
          <div>
            {t("nextStep")}: {said.next_step}
          </div>
        ) : null}
      </div>
      <div className="note-end">
        <code>{problem.rule}</code>
        {onRetry ? (
          <button type="button" className="quiet" onClick={onRetry}>
            {t("retry")}
          </button>
        ) : null}
      </div>
    </div>
  );
}

export const problemOf = (error: unknown): Problem =>
  error instanceof ApiError ? error.problem : { rule: "PAGE", detail: String(error), next_step: "" };

type Query<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** What a read brought: the content, a sign that it is on its way, or what is wrong and what to do. */
export function Loaded<T extends { problem?: Problem | null }>(props: { query: Query<T>; children: (data: T) => ReactNode; lines?: number }) {
  const { t } = usePreferences();
  const { query } = props;
  if (query.data === undefined) {
    if (query.error) return <ProblemNote problem={problemOf(query.error)} mood="bad" onRetry={() => void query.refetch()} />;
    return (
      <div className="skeleton" role="status" aria-label={t("loading")}>
        {Array.from({ length: props.lines ?? 3 }, (_, line) => (
          <span key={line} />
        ))}
      </div>
    );
  }
  return (
    <>
      {query.error ? <ProblemNote problem={problemOf(query.error)} mood="bad" onRetry={() => void query.refetch()} /> : null}
      {query.data.problem ? <ProblemNote problem={query.data.problem} /> : null}
      {props.children(query.data)}
    </>
  );
}

export function Stat(props: { label: string; children: ReactNode; sub?: ReactNode; big?: boolean }) {
  return (
    <div className={`stat ${props.big ? "big" : ""}`}>
      <dt>{props.label}</dt>
      <dd>{props.children}</dd>
      {props.sub ? <dd className="stat-sub">{props.sub}</dd> : null}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

export function Choice<T extends string>(props: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void }) {
  return (
    <div className="choice" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function Meter({ value, max = 100, mood = "info", label }: { value: number; max?: number; mood?: Mood; label: string }) {
  const share = Math.max(0, Math.min(1, value / max));
  return (
    <span className={`meter ${mood}`} role="img" aria-label={label}>
      <span style={{ width: `${share * 100}%` }} />
    </span>
  );
}

export function Scroll({ children, label }: { children: ReactNode; label: string }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}
