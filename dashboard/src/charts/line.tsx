/** A line over time with lightweight-charts, in the page's colours. */
import { AreaSeries, BaselineSeries, ColorType, createChart, type IChartApi, type UTCTimestamp } from "lightweight-charts";
import { useEffect, useRef } from "react";
import { krw } from "../format";
import { usePreferences } from "../preferences";

export type LinePoint = { time: string; value: number };

const KST_OFFSET = 9 * 3600;
const stamp = (iso: string) =>
  (iso.length === 10 ? Date.parse(`${iso}T00:00:00Z`) / 1000 : Math.floor(Date.parse(iso) / 1000) + KST_OFFSET) as UTCTimestamp;
const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Line({ points, baseline, intraday, label }: { points: readonly LinePoint[]; baseline?: number; intraday?: boolean; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const { dark } = usePreferences();

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const chart: IChartApi = createChart(element, {
      autoSize: true,
      layout: {
        background: { type: ColorType.Solid, color: "transparent" },
        textColor: color("--muted"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        attributionLogo: false,
      },
      grid: { vertLines: { visible: false }, horzLines: { color: color("--line") } },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderVisible: false, timeVisible: intraday ?? false, secondsVisible: false, fixLeftEdge: true, fixRightEdge: true },
      crosshair: { horzLine: { labelBackgroundColor: color("--ink-soft") }, vertLine: { labelBackgroundColor: color("--ink-soft") } },
      localization: { priceFormatter: (value: number) => krw(value), dateFormat: "yyyy-MM-dd" },
      handleScroll: false,
      handleScale: false,
    });
    const data = points.map((point) => ({ time: stamp(point.time), value: point.value }));
    if (baseline === undefined) {
      chart
        .addSeries(AreaSeries, {
          lineColor: color("--accent"),
          topColor: color("--accent-soft"),
          bottomColor: "transparent",
          lineWidth: 2,
          priceLineVisible: false,
        })
        .setData(data);
    } else {
      chart
        .addSeries(BaselineSeries, {
          baseValue: { type: "price", price: baseline },
          topLineColor: color("--up"),
          topFillColor1: color("--up-soft"),
          topFillColor2: "transparent",
          bottomLineColor: color("--down"),
          bottomFillColor1: "transparent",
          bottomFillColor2: color("--down-soft"),
          lineWidth: 2,
          priceLineVisible: false,
        })
        .setData(data);
    }
    chart.timeScale().fitContent();
    return () => chart.remove();
  }, [points, baseline, intraday, dark]);

  return <div ref={host} className="chart" role="img" aria-label={label} />;
}
