/** Language and colours, kept in this browser. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en } from "./i18n/en";
import { ko, type Key } from "./i18n/ko";
import { explained, labelled } from "./i18n/words";
import type { Problem } from "./api/client";

export type Language = "ko" | "en";
export type Theme = "auto" | "light" | "dark";

type Shape = {
  language: Language;
  theme: Theme;
  dark: boolean;
  setLanguage: (language: Language) => void;
  setTheme: (theme: Theme) => void;
  t: (key: Key, values?: Record<string, string | number>) => string;
  label: (word: string) => string;
  explain: (problem: Problem) => Problem;
};

const Context = createContext<Shape | null>(null);

function kept<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  try {
    const value = localStorage.getItem(`jennie.${name}`);
    return allowed.find((known) => known === value) ?? fallback;
  } catch {
    return fallback;
  }
}

function keep(name: string, value: string) {
  try {
    localStorage.setItem(`jennie.${name}`, value);
  } catch {
    /* a browser that keeps nothing still works */
  }
}

export function Preferences({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => kept("language", ["ko", "en"], "ko"));
  const [theme, setTheme] = useState<Theme>(() => kept("theme", ["auto", "light", "dark"], "auto"));
  const [systemDark, setSystemDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);

  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setSystemDark(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);

  const dark = theme === "dark" || (theme === "auto" && systemDark);
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.documentElement.lang = language;
  }, [dark, language]);

  const value = useMemo<Shape>(
    () => ({
      language,
      theme,
      dark,
      setLanguage: (next) => (keep("language", next), setLanguage(next)),
      setTheme: (next) => (keep("theme", next), setTheme(next)),
      t: (key, values) => {
        const text = (language === "ko" ? ko : en)[key];
        return values ? text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? "")) : text;
      },
      label: (word) => labelled(word, language),
      explain: (problem) => explained(problem, language),
    }),
    [language, theme, dark],
  );
  return <Context value={value}>{children}</Context>;
}

export function usePreferences(): Shape {
  const value = useContext(Context);
  if (!value) throw new Error("Preferences is missing");
  return value;
}
