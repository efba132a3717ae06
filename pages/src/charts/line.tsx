// A line over slices or steps, that a pointer and a keyboard can read value by value.

import { extent } from "d3-array";
import { scaleLinear, scalePoint } from "d3-scale";
import { line } from "d3-shape";
import type { ComponentChildren, JSX, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { number } from "../format.ts";
import { labelled, shortKeys, useWidth } from "./axis.ts";
import { Shape } from "./shapes.tsx";

export interface Dot {
  at: string;
  value: number | null;
}
export interface Happened {
  at: string;
  what: string;
  message: string;
}

const LEFT = 52;
const RIGHT = 14;
const TOP = 10;
const STRIP = 18;

/**
 * The chart.
 *
 * @param label what it shows, read out first.
 * @param marks what happened at a place of it: drawn in a strip below the line.
 * @param bands from place to place with a short name, such as which version was in production.
 * @param levels values with a name that are drawn as lines across.
 * @param said more about a place, below its value.
 */
export function LineChart({
  label,
  dots,
  marks = [],
  bands = [],
  levels = [],
  height = 220,
  said,
  short,
  go,
}: {
  label: string;
  dots: Dot[];
  marks?: Happened[];
  bands?: { from: string; to: string; name: string }[];
  levels?: { value: number; name: string }[];
  height?: number;
  said?: (at: string) => ComponentChildren;
  short?: (at: string) => string;
  go?: (at: string) => void;
}): JSX.Element {
  const [box, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const places = dots.map((dot) => dot.at);
  useEffect(() => setAt(null), [places.length, places[0], places.at(-1)]);
  const rows = marks.length > 0 ? STRIP : 0;
  const bandRow = bands.length > 0 ? 18 : 0;
  const bottom = height - 24 - rows;
  const x = scalePoint<string>()
    .domain(places)
    .range([LEFT + 6, width - RIGHT])
    .padding(places.length === 1 ? 0.5 : 0);
  const measured = dots
    .map((dot) => dot.value)
    .filter((value): value is number => value !== null && Number.isFinite(value));
  const [low = 0, high = 1] = extent([...measured, ...levels.map((level) => level.value)]);
  const room = high === low ? Math.abs(high) * 0.1 || 1 : (high - low) * 0.08;
  const y = scaleLinear()
    .domain([low - room, high + room])
    .nice(4)
    .range([bottom, TOP + bandRow]);
  const path =
    line<Dot>()
      .defined((dot) => dot.value !== null && Number.isFinite(dot.value))
      .x((dot) => x(dot.at) ?? 0)
      .y((dot) => y(dot.value ?? 0))(dots) ?? "";
  const shortened = short ?? shortKeys(places);
  const ticks = y.ticks(height > 140 ? 4 : 2);
  const by = new Map<string, Happened[]>();
  for (const mark of marks) by.set(mark.at, [...(by.get(mark.at) ?? []), mark]);
  const last = dots.length - 1;
  const move = (event: TargetedPointerEvent<HTMLElement>): void => {
    if (last < 0) return;
    const seen = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - seen.left - LEFT - 6) / Math.max(1, width - RIGHT - LEFT - 6);
    setAt(Math.max(0, Math.min(last, Math.round(share * last))));
  };
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageUp: 10,
    PageDown: -10,
  };
  const press = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const now = at ?? last;
    const to =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? last
          : event.key in steps
            ? now + (steps[event.key] ?? 0)
            : null;
    if (event.key === "Escape") setAt(null);
    if (event.key === "Enter" && at !== null && go) go(places[at] ?? "");
    if (to === null) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };
  const dot = at === null ? undefined : dots[at];
  const text = (one: Dot | undefined): string =>
    one === undefined
      ? "no values"
      : [
          `${one.at}: ${number(one.value)}`,
          ...(by.get(one.at) ?? []).map((mark) => `${mark.what}: ${mark.message}`),
        ].join("; ");
  const here = dot === undefined ? 0 : (x(dot.at) ?? 0);
  const right = here > width / 2;
  return (
    <div class="chart" ref={box}>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${label}. Arrow keys go from value to value.`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={at ?? Math.max(0, last)}
        aria-valuetext={text(dot ?? dots[last])}
        onPointerMove={move}
        onPointerDown={move}
        onPointerLeave={() => setAt(null)}
        onKeyDown={press}
        onBlur={() => setAt(null)}
        onFocus={() => setAt((before) => before ?? (last >= 0 ? last : null))}
        onClick={() => go && at !== null && go(places[at] ?? "")}
      >
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {bands.map((band, number) => {
            const from = x(band.from) ?? LEFT;
            const to = x(band.to) ?? width - RIGHT;
            return (
              <g key={`${band.from}-${band.name}-${number}`}>
                <rect
                  x={from}
                  y={0}
                  width={Math.max(1, to - from)}
                  height={bottom}
                  class={number % 2 ? "band odd" : "band"}
                />
                {to - from > 8 * band.name.length && (
                  <text x={from + 4} y={12} class="band-name">
                    {band.name}
                  </text>
                )}
              </g>
            );
          })}
          {ticks.map((tick) => (
            <g key={tick}>
              <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} class="grid" />
              <text x={LEFT - 6} y={y(tick)} dy="0.32em" class="tick end">
                {y.tickFormat(4)(tick)}
              </text>
            </g>
          ))}
          {levels.map((level) => (
            <g key={level.name}>
              <line x1={LEFT} x2={width - RIGHT} y1={y(level.value)} y2={y(level.value)} class="level" />
              <text x={width - RIGHT} y={y(level.value) - 3} class="tick end">
                {level.name}
              </text>
            </g>
          ))}
          {labelled(places.length, width - LEFT - RIGHT, 92).map((place) => (
            <text
              key={place}
              x={x(places[place] ?? "") ?? 0}
              y={height - 6}
              class={`tick ${place === last ? "end" : place === 0 && last > 0 ? "" : "middle"}`}
            >
              {shortened(places[place] ?? "")}
            </text>
          ))}
          <path d={path} class="line" />
          {dots.length <= 90 &&
            dots.map(
              (one) =>
                one.value !== null &&
                Number.isFinite(one.value) && (
                  <circle key={one.at} cx={x(one.at)} cy={y(one.value)} r={2.2} class="dot" />
                ),
            )}
          {[...by].map(
            ([place, here]) =>
              x(place) !== undefined &&
              here
                .slice(0, 3)
                .map((mark, number) => (
                  <Shape
                    key={`${place}-${mark.what}-${number}`}
                    what={mark.what}
                    x={x(place) ?? 0}
                    y={bottom + 12 - (number > 0 ? 12 * number : 0)}
                    size={x.step() > 11 || places.length < 2 ? 1 : 0.7}
                  />
                )),
          )}
          {dot !== undefined && (
            <>
              <line x1={here} x2={here} y1={TOP} y2={bottom + rows} class="cursor" />
              {dot.value !== null && Number.isFinite(dot.value) && (
                <circle cx={here} cy={y(dot.value)} r={4.5} class="dot on" />
              )}
            </>
          )}
        </svg>
        {dot !== undefined && (
          <div class="hover" style={right ? { right: `${width - here + 10}px` } : { left: `${here + 10}px` }}>
            <strong>
              <bdi>{dot.at}</bdi>
            </strong>
            <span>{dot.value === null ? "not measured" : number(dot.value)}</span>
            {(by.get(dot.at) ?? []).map((mark, number) => (
              <span key={number} class="mark-line">
                <svg viewBox="-7 -7 14 14" width="12" height="12">
                  <Shape what={mark.what} />
                </svg>
                <bdi>
                  {mark.what}: {mark.message}
                </bdi>
              </span>
            ))}
            {said?.(dot.at)}
          </div>
        )}
      </div>
    </div>
  );
}

/** A line without axes, for a table; its words are beside it. */
export function Spark({ dots, label }: { dots: Dot[]; label: string }): JSX.Element {
  const measured = dots.filter(
    (dot): dot is { at: string; value: number } => dot.value !== null && Number.isFinite(dot.value),
  );
  if (measured.length === 0) return <span class="soft">not measured</span>;
  const values = measured.map((dot) => dot.value);
  const [low = 0, high = 1] = extent(values);
  const x = scaleLinear()
    .domain([0, Math.max(1, measured.length - 1)])
    .range([2, 72]);
  const y = scaleLinear()
    .domain(high === low ? [low - 1, high + 1] : [low, high])
    .range([20, 4]);
  const path =
    line<number>()
      .x((_, at) => x(at))
      .y((value) => y(value))(values) ?? "";
  const end = values.at(-1) ?? 0;
  return (
    <svg
      class="spark"
      width="75"
      height="24"
      viewBox="0 0 75 24"
      role="img"
      aria-label={`${label}: from ${number(values[0])} to ${number(end)}, lowest ${number(low)}, highest ${number(high)}`}
    >
      <title>{`${label}: lowest ${number(low)}, highest ${number(high)}`}</title>
      <path d={path} class="line" />
      <circle cx={x(values.length - 1)} cy={y(end)} r={2.4} class="dot on" />
    </svg>
  );
}
