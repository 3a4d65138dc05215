/** Figures as Korean traders read them; an unknown figure is never shown as zero. */

const won = new Intl.NumberFormat("ko-KR", { maximumFractionDigits: 0 });
const KST = "Asia/Seoul";
const clock = new Intl.DateTimeFormat("ko-KR", { timeZone: KST, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayKey = new Intl.DateTimeFormat("sv-SE", { timeZone: KST, year: "numeric", month: "2-digit", day: "2-digit" });

export type Maybe<T> = T | null | undefined;

export const isKnown = <T>(value: Maybe<T>): value is T => value !== null && value !== undefined;

export const krw = (value: number) => won.format(Math.round(value));
export const signedKrw = (value: number) => (value > 0 ? "+" : value < 0 ? "−" : "") + won.format(Math.abs(Math.round(value)));
export const pct = (value: number, digits = 2) =>
  (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(digits) + " %";
export const ratio = (value: number, digits = 0) => (value * 100).toFixed(digits) + " %";
export const score = (value: number) => value.toFixed(1);
export const count = (value: number) => won.format(value);
export const time = (iso: string) => clock.format(new Date(iso));
export const day = (iso: string) => (iso.length === 10 ? iso : dayKey.format(new Date(iso)));
export const dayTime = (iso: string) => `${day(iso).slice(5)} ${time(iso).slice(0, 5)}`;

/** "11:20:35" on the given market day, else with its date. */
export function moment(iso: string, marketTime: Maybe<string>): string {
  return marketTime && day(marketTime) === day(iso) ? time(iso) : `${day(iso)} ${time(iso).slice(0, 5)}`;
}

export function span(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export const bytes = (value: number) => (value < 1024 ? `${value} B` : value < 1_048_576 ? `${Math.round(value / 1024)} kB` : `${(value / 1_048_576).toFixed(1)} MB`);

export const tone = (value: Maybe<number>) => (!isKnown(value) || value === 0 ? "flat" : value > 0 ? "up" : "down");
