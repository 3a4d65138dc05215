/** The frame around every page: brand, mode, market clock, permit and stops at a glance, navigation. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { ApiError, get, post, type Schemas } from "./api/client";
import { useLive } from "./api/live";
import { day, time } from "./format";
import { Macro } from "./pages/macro";
import { Overview } from "./pages/overview";
import { Portfolio } from "./pages/portfolio";
import { Scout } from "./pages/scout";
import { System } from "./pages/system";
import { usePreferences, type Theme } from "./preferences";
import { PAGES, useRoute, type Page } from "./router";
import { Badge, ProblemNote, problemOf } from "./ui/parts";

const VIEWS: Record<Page, () => React.JSX.Element> = {
  overview: Overview,
  portfolio: Portfolio,
  scout: Scout,
  macro: Macro,
  system: System,
};

const ICONS: Record<Page, string> = {
  overview: "M3 12l4-4 3 3 7-7M3 17h14",
  portfolio: "M3 7h14v9H3zM7 7V4h6v3M3 11h14",
  scout: "M9 15a6 6 0 1 1 0-12 6 6 0 0 1 0 12zM13.5 13.5L18 18",
  macro: "M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM2 10h16M10 2c3 3 3 13 0 16M10 2c-3 3-3 13 0 16",
  system: "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01",
};

export function App() {
  const { t } = usePreferences();
  const { link } = useLive();
  const { page } = useRoute();
  const me = useQuery({ queryKey: ["me"], queryFn: () => get("/api/me"), retry: 1, refetchInterval: 60_000 });

  useEffect(() => {
    document.title = `${t(page)} · jennie`;
  }, [page, t]);

  if (link === "refused" || (me.error instanceof ApiError && me.error.status === 401)) return <Login />;
  const View = VIEWS[page];
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("skip")}
      </a>
      <TopBar me={me.data} />
      <nav className="tabs" aria-label={t("pages")}>
        {PAGES.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={name === page ? "page" : undefined}>
            <svg viewBox="0 0 20 20" aria-hidden="true">
              <path d={ICONS[name]} />
            </svg>
            <span>{t(name)}</span>
          </a>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        {me.error && !me.data ? <ProblemNote problem={problemOf(me.error)} mood="bad" onRetry={() => void me.refetch()} /> : null}
        <View />
      </main>
    </>
  );
}

function TopBar({ me }: { me: Schemas["Identity"] | undefined }) {
  const { t, label, language, setLanguage, theme, setTheme } = usePreferences();
  const { frame, link } = useLive();
  const mode = !me
    ? null
    : me.mode === "live"
      ? t("badgeLive")
      : me.mode === "paper"
        ? t("badgePaper")
        : me.real_market_data
          ? t("badgeRehearsalReal")
          : t("badgeRehearsal");
  const stopped = frame?.stops.halted ? "halted" : frame?.stops.paused ? "paused" : null;
  const age = frame?.feed_age_seconds;
  return (
    <header className="top">
      <a className="brand" href="#/overview" aria-label="jennie">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M5 22l7-7 5 5 10-12" />
          <circle cx="27" cy="8" r="2.6" />
        </svg>
        <b>jennie</b>
      </a>
      {mode ? <Badge mood={me?.mode === "live" ? "bad" : "info"}>{mode}</Badge> : null}
      <div className="top-clock" title={age == null ? undefined : t("feedAge", { age: `${age} s` })}>
        <span className={`dot ${link === "open" ? ((age ?? 99) < 10 ? "ok" : "warn") : "bad"}`} aria-hidden="true" />
        <span className="sr">{t(link === "open" ? "linkOpen" : link === "lost" ? "linkLost" : "linkConnecting")}</span>
        <span className="top-day num">{frame?.market_time ? day(frame.market_time) : ""}</span>
        <b className="num">{frame?.market_time ? time(frame.market_time) : t("unknown")}</b>
        <span className="phase">{frame ? label(frame.phase) : ""}</span>
      </div>
      <div className="top-states">
        {frame ? (
          <>
            <Badge mood={frame.permit_valid ? "ok" : "bad"} title={frame.permit_refusal ?? undefined}>
              {t(frame.permit_valid ? "permitValid" : "permitInvalid")}
            </Badge>
            {stopped ? <Badge mood="bad">{t(stopped)}</Badge> : null}
          </>
        ) : null}
      </div>
      <div className="top-tools">
        <button type="button" className="quiet" lang={language === "ko" ? "en" : "ko"} onClick={() => setLanguage(language === "ko" ? "en" : "ko")}>
          {t("language")}
        </button>
        <select aria-label={t("theme")} value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          <option value="auto">{t("themeAuto")}</option>
          <option value="light">{t("themeLight")}</option>
          <option value="dark">{t("themeDark")}</option>
        </select>
        <button type="button" className="quiet hide-small" onClick={() => void post("/api/logout", {}, undefined).finally(() => location.reload())}>
          {t("logout")}
        </button>
      </div>
      {link === "lost" ? (
        <div className="lost" role="status">
          {t("linkLost")}
        </div>
      ) : null}
    </header>
  );
}

function Login() {
  const { t, language, setLanguage } = usePreferences();
  return (
    <main className="login">
      <h1>jennie</h1>
      <h2>{t("loginTitle")}</h2>
      <p>{t("loginBody")}</p>
      <pre>jennie login</pre>
      <button type="button" className="quiet" onClick={() => setLanguage(language === "ko" ? "en" : "ko")}>
        {t("language")}
      </button>
    </main>
  );
}
