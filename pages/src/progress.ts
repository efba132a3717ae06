// How far a training is: by its steps or by its time, whichever bound of its budget it meets first.

import type { TrainingNow } from "./schema.ts";

/** In percent, 0 to 100. */
export function percent(
  now: Pick<TrainingNow, "step" | "last" | "started" | "updated" | "seconds_left">,
): number {
  const steps = now.last > 0 ? now.step / now.last : 0;
  const passed = (Date.parse(now.updated) - Date.parse(now.started)) / 1000;
  const left = now.seconds_left;
  const time = left !== null && passed > 0 && left >= 0 ? passed / (passed + left) : 0;
  return 100 * Math.min(1, Math.max(0, steps, time));
}
