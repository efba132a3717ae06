// Ages and times: short to read, whole to hover and to be read out.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ago, minute, utc } from "../format.ts";

/** The browser's clock, which moves on by itself so that ages do. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** An age, with the whole time to hover and to be read out. */
export function Age({ time }: { time: string }): JSX.Element {
  const now = useNow();
  if (!time) return <span class="soft">–</span>;
  const whole = utc(time);
  return (
    <time dateTime={time} title={whole}>
      {ago(time, now)}
      <span class="unseen"> ({whole})</span>
    </time>
  );
}

/** A whole time with its age, for where there is room. */
export function When({ time }: { time: string }): JSX.Element {
  const now = useNow();
  if (!time) return <span class="soft">–</span>;
  return (
    <time dateTime={time} title={utc(time)}>
      {minute(time)} UTC <span class="soft">{ago(time, now)}</span>
    </time>
  );
}
