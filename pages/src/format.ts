// Numbers, bytes and times as people read them. Nothing here touches the document.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A count with thousands: 12,345. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : Math.round(value).toLocaleString("en-US");
}

/** `1 slice`, `2 slices`. */
export function plural(value: number, noun: string, many = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : many}`;
}

/** A metric: four digits that matter, without an exponent between 0.0001 and a million. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e6) return value.toExponential(2);
  if (size >= 1000) return count(value);
  return size >= 1 ? value.toFixed(3) : value.toFixed(4);
}

/** The difference of two metrics, with its sign. */
export function signed(value: number): string {
  return `${value > 0 ? "+" : value < 0 ? "−" : "±"}${number(Math.abs(value))}`;
}

/** `512 B`, `1.5 kB`, `302 MB`: powers of 1,000, as the commands print them. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = value;
  let at = 0;
  while (size >= 999.5 && at < units.length - 1) {
    size /= 1000;
    at += 1;
  }
  const digits = at === 0 || size >= 99.95 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[at]}`;
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) {
    const whole = Math.round(seconds);
    const rest = whole % MINUTE;
    return `${Math.floor(whole / MINUTE)} min${rest ? ` ${rest} s` : ""}`;
  }
  const minutes = Math.round(seconds / MINUTE);
  if (seconds < DAY) {
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
  }
  const hours = Math.round(seconds / HOUR);
  const rest = hours % 24;
  return `${Math.floor(hours / 24)} d${rest ? ` ${rest} h` : ""}`;
}

/** How long ago, or in how long: `just now`, `5 min ago`, `in 3 h`, `12 d ago`, `8 months ago`. */
export function ago(time: string, now: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  const seconds = (now - at) / 1000;
  const far = Math.abs(seconds);
  if (far < 10) return "just now";
  const [value, unit] =
    far < MINUTE
      ? [far, "s"]
      : far < HOUR
        ? [far / MINUTE, "min"]
        : far < 2 * DAY
          ? [far / HOUR, "h"]
          : far < 60 * DAY
            ? [far / DAY, "d"]
            : far < 730 * DAY
              ? [far / (30.44 * DAY), "months"]
              : [far / (365.25 * DAY), "years"];
  const text = `${Math.floor(value)} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** `2026-01-31 14:05:09 UTC`. */
export function utc(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `2026-01-31 14:05`, for tables whose heads say that times are UTC. */
export function minute(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : at.toISOString().slice(0, 16).replace("T", " ");
}

/** Text that fits a line: cut in the middle, as keys and names differ at their ends. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 3);
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** A reason's first sentence or line, for where there is room for one. */
export function firstLine(text: string, most = 140): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

/** The words of a stored name: "update deferred" of `update_deferred`, "slice accepted" of `SliceAccepted`. */
export function spoken(name: string): string {
  return name
    .replaceAll("_", " ")
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase();
}
