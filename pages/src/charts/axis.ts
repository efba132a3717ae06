// Which labels fit below an axis of keys, and how wide a chart may be.

import { useEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** The places of labels that are at least `apart` pixels from each other; the last is always there. */
export function labelled(count: number, width: number, apart: number): number[] {
  if (count === 0) return [];
  const fit = Math.floor(width / apart);
  if (fit < 1) return [count - 1];
  const every = Math.max(1, Math.ceil((count - 1) / fit));
  const places: number[] = [];
  for (let at = count - 1; at >= 0; at -= every) places.unshift(at);
  return places;
}

/** What a few keys have in common at their ends is not repeated: `2026-01-05T00-00` is `01-05` in one year. */
export function shortKeys(keys: string[]): (key: string) => string {
  const dates = keys.every((key) => /^\d{4}-\d{2}-\d{2}/.test(key));
  if (!dates || keys.length === 0) return (key) => (key.length > 12 ? `${key.slice(0, 11)}…` : key);
  const oneDay = new Set(keys.map((key) => key.slice(0, 10))).size === 1;
  const byDay = keys.every((key) => key.length === 10 || key.slice(11).replace(/[^1-9]/g, "") === "");
  return oneDay
    ? (key) => key.slice(11, 16).replace("-", ":")
    : byDay
      ? (key) => key.slice(0, 10)
      : (key) => key.slice(5, 16);
}

/** The width of an element, in pixels, as it changes. */
export function useWidth(first = 640): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const look = (): void => setWidth(Math.max(180, Math.floor(at.clientWidth)));
    look();
    const watch = new ResizeObserver(look);
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}
