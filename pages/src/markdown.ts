// The Markdown that model cards use, as plain values: headings, paragraphs, lists, tables, code, bold.

export type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "paragraph"; text: string }
  | { kind: "list"; items: string[] }
  | { kind: "code"; text: string }
  | { kind: "table"; head: string[]; rows: string[][] };

export interface Span {
  kind: "text" | "code" | "strong" | "emphasis";
  text: string;
}

/** The cells of a table's line. A bar inside a code span, or behind a backslash, parts no cells. */
export function cells(line: string): string[] {
  const inside = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  const found: string[] = [];
  let cell = "";
  let fence = "";
  for (let at = 0; at < inside.length; at += 1) {
    const mark = inside[at] ?? "";
    if (mark === "\\" && inside[at + 1] === "|") {
      cell += "|";
      at += 1;
    } else if (mark === "`") {
      const run = /^`+/.exec(inside.slice(at))?.[0] ?? "`";
      fence = fence === "" ? run : fence === run ? "" : fence;
      cell += run;
      at += run.length - 1;
    } else if (mark === "|" && fence === "") {
      found.push(cell.trim());
      cell = "";
    } else cell += mark;
  }
  return [...found, cell.trim()];
}

/** The blocks of a document. */
export function blocks(text: string): Block[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const found: Block[] = [];
  let at = 0;
  const line = (): string => lines[at] ?? "";
  while (at < lines.length) {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line());
    if (line().trim() === "") at += 1;
    else if (heading) {
      found.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
      at += 1;
    } else if (line().startsWith("```")) {
      const inside: string[] = [];
      for (at += 1; at < lines.length && !line().startsWith("```"); at += 1) inside.push(line());
      at += 1;
      found.push({ kind: "code", text: inside.join("\n") });
    } else if (
      line().trimStart().startsWith("|") &&
      /^[\s|:-]+$/.test(lines[at + 1] ?? "") &&
      (lines[at + 1] ?? "").includes("-")
    ) {
      const head = cells(line());
      const rows: string[][] = [];
      for (at += 2; at < lines.length && line().trimStart().startsWith("|"); at += 1)
        rows.push(cells(line()));
      found.push({ kind: "table", head, rows });
    } else if (/^\s*[-*]\s+/.test(line())) {
      const items: string[] = [];
      for (; at < lines.length && line().trim() !== ""; at += 1) {
        if (/^\s*[-*]\s+/.test(line())) items.push(line().replace(/^\s*[-*]\s+/, ""));
        else items[items.length - 1] += ` ${line().trim()}`;
      }
      found.push({ kind: "list", items });
    } else {
      const inside: string[] = [];
      do {
        inside.push(line().trim());
        at += 1;
      } while (at < lines.length && line().trim() !== "" && !/^(#{1,6}\s|```|\s*[-*]\s|\s*\|)/.test(line()));
      found.push({ kind: "paragraph", text: inside.join(" ") });
    }
  }
  return found;
}

/** The parts of a line. Code spans come first: nothing inside them is a mark. */
export function spans(text: string): Span[] {
  const found: Span[] = [];
  const mark = /(`+)(.+?)\1(?!`)|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*/g;
  let from = 0;
  for (const match of text.matchAll(mark)) {
    const before = text.slice(from, match.index);
    if (before) found.push({ kind: "text", text: unescaped(before) });
    const [whole, fence, code, strong, emphasis] = match;
    if (fence !== undefined) found.push({ kind: "code", text: stripped(code ?? "") });
    else if (strong !== undefined) found.push({ kind: "strong", text: unescaped(strong) });
    else found.push({ kind: "emphasis", text: unescaped(emphasis ?? "") });
    from = match.index + whole.length;
  }
  const rest = text.slice(from);
  if (rest) found.push({ kind: "text", text: unescaped(rest) });
  return found;
}

const unescaped = (text: string): string => text.replace(/\\([\\`*_{}[\]()#+\-.!|<>])/g, "$1");

// one blank on either side only keeps a backtick of the text from the fence
function stripped(code: string): string {
  const framed = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
  return framed ? code.slice(1, -1) : code;
}
