import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, cells, spans } from "../src/markdown.ts";

test("a model card becomes headings, paragraphs, lists and tables", () => {
  const card =
    "# taxi, version 7\n\n**Promoted** by `ada`\n\n| slice | rows |\n|---|---|\n| `a|b` | 1 |\n\n- one\n  goes on\n- two\n";
  assert.deepEqual(blocks(card), [
    { kind: "heading", level: 1, text: "taxi, version 7" },
    { kind: "paragraph", text: "**Promoted** by `ada`" },
    { kind: "table", head: ["slice", "rows"], rows: [["`a|b`", "1"]] },
    { kind: "list", items: ["one goes on", "two"] },
  ]);
});

test("text of people stays text: in a code span nothing is a mark, and markup is never more than its characters", () => {
  assert.deepEqual(spans("by `**x** <b>` at"), [
    { kind: "text", text: "by " },
    { kind: "code", text: "**x** <b>" },
    { kind: "text", text: " at" },
  ]);
  assert.deepEqual(spans("<img src=x onerror=alert(1)>"), [
    { kind: "text", text: "<img src=x onerror=alert(1)>" },
  ]);
  assert.deepEqual(spans("[a](javascript:alert(1))"), [{ kind: "text", text: "[a](javascript:alert(1))" }]);
  assert.deepEqual(cells("| a \\| b | `c|d` |"), ["a | b", "`c|d`"]);
});

test("no text is too broken to end", () => {
  for (const text of ["`", "**", "|", "|\n|-", "```\nopen", "- ", "#", "# ", "\n\n", "| a |\n|---|\n| b"])
    assert.ok(Array.isArray(blocks(text)), text);
});
