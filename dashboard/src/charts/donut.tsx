/** Shares of a whole as a ring with its list beside it. */
import { ratio } from "../format";

export type Slice = { name: string; value: number };

const COLOURS = ["#2f7ed8", "#14a38b", "#e0912f", "#8c6bd6", "#d65f7f", "#5a8f3c", "#46a5c9", "#b0793f", "#7c8794"];
const RADIUS = 42;
const LENGTH = 2 * Math.PI * RADIUS;

export function Donut({ slices, label }: { slices: readonly Slice[]; label: string }) {
  const total = slices.reduce((sum, slice) => sum + slice.value, 0);
  let done = 0;
  return (
    <div className="donut">
      <svg viewBox="0 0 120 120" role="img" aria-label={label}>
        {slices.map((slice, index) => {
          const share = total > 0 ? slice.value / total : 0;
          const offset = -done * LENGTH;
          done += share;
          return (
            <circle
              key={slice.name}
              cx="60"
              cy="60"
              r={RADIUS}
              fill="none"
              strokeWidth="18"
              stroke={COLOURS[index % COLOURS.length]}
              strokeDasharray={`${Math.max(0, share * LENGTH - 1.5)} ${LENGTH}`}
              strokeDashoffset={offset}
              transform="rotate(-90 60 60)"
            />
          );
        })}
      </svg>
      <ul>
        {slices.map((slice, index) => (
          <li key={slice.name}>
            <i style={{ background: COLOURS[index % COLOURS.length] }} />
            <span>{slice.name}</span>
            <b className="num">{ratio(total > 0 ? slice.value / total : 0, 1)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
