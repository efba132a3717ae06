// Bars over versions, one value each, that can be read like a line.

import { max } from "d3-array";
import { scaleBand, scaleLinear } from "d3-scale";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { labelled, useWidth } from "./axis.ts";

export interface Bar {
  name: string;
  value: number | null;
  note?: string;
}

const LEFT = 56;
const RIGHT = 8;

/** The bars, with their largest value as the top of the axis. */
export function Bars({
  label,
  bars,
  text,
  height = 130,
}: {
  label: string;
  bars: Bar[];
  text: (value: number | null) => string;
  height?: number;
}): JSX.Element {
  const [box, width] = useWidth(480);
  const [at, setAt] = useState<number | null>(null);
  const names = bars.map((bar) => bar.name);
  useEffect(() => setAt(null), [names.length]);
  const last = bars.length - 1;
  const bottom = height - 20;
  const x = scaleBand<string>()
    .domain(names)
    .range([LEFT, Math.min(width - RIGHT, LEFT + 64 * Math.max(1, bars.length))])
    .padding(0.25);
  const most = max(bars, (bar) => bar.value ?? 0) ?? 0;
  const top = most || 1;
  const y = scaleLinear().domain([0, top]).range([bottom, 10]);
  const step = x.step();
  const place = (clientX: number, of: HTMLElement): number =>
    Math.max(0, Math.min(last, Math.floor((clientX - of.getBoundingClientRect().left - LEFT) / step)));
  const press = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const by: Record<string, number> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      Home: -1e9,
      End: 1e9,
    };
    const move = by[event.key];
    if (event.key === "Escape") setAt(null);
    if (move === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, (at ?? last) + move)));
  };
  const bar = at === null ? undefined : bars[at];
  const shown = bar ?? bars[last];
  const here = bar ? (x(bar.name) ?? 0) + x.bandwidth() / 2 : 0;
  return (
    <div class="chart" ref={box}>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${label}. Arrow keys go from bar to bar.`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={at ?? Math.max(0, last)}
        aria-valuetext={
          shown ? `${shown.name}: ${text(shown.value)}${shown.note ? `, ${shown.note}` : ""}` : "no values"
        }
        onPointerMove={(event) => last >= 0 && setAt(place(event.clientX, event.currentTarget))}
        onPointerLeave={() => setAt(null)}
        onKeyDown={press}
        onBlur={() => setAt(null)}
        onFocus={() => setAt((before) => before ?? (last >= 0 ? last : null))}
      >
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {(most > 0 ? [0, top / 2, top] : [0]).map((tick) => (
            <g key={tick}>
              <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} class="grid" />
              <text x={LEFT - 6} y={y(tick)} dy="0.32em" class="tick end">
                {text(tick)}
              </text>
            </g>
          ))}
          {bars.map(
            (one, number) =>
              one.value !== null && (
                <rect
                  key={one.name}
                  x={x(one.name)}
                  y={Math.min(y(one.value), bottom - 1)}
                  width={Math.max(1, x.bandwidth())}
                  height={Math.max(1, bottom - y(one.value))}
                  class={number === at ? "bar on" : "bar"}
                />
              ),
          )}
          {labelled(names.length, width - LEFT - RIGHT, 44).map((place) => (
            <text
              key={place}
              x={(x(names[place] ?? "") ?? 0) + x.bandwidth() / 2}
              y={height - 5}
              class="tick middle"
            >
              {names[place]}
            </text>
          ))}
        </svg>
        {bar && (
          <div
            class="hover"
            style={here > width / 2 ? { right: `${width - here + 10}px` } : { left: `${here + 10}px` }}
          >
            <strong>{bar.name}</strong>
            <span>{text(bar.value)}</span>
            {bar.note && (
              <span class="soft">
                <bdi>{bar.note}</bdi>
              </span>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
