// Markdown as the model cards have it, made into elements one by one: what is in it is text, never markup.

import type { ComponentChildren, JSX } from "preact";
import { blocks, spans, type Block } from "../markdown.ts";

function inline(text: string): ComponentChildren[] {
  return spans(text).map((span, at) =>
    span.kind === "code" ? (
      <code key={at}>{span.text}</code>
    ) : span.kind === "strong" ? (
      <strong key={at}>{span.text}</strong>
    ) : span.kind === "emphasis" ? (
      <em key={at}>{span.text}</em>
    ) : (
      span.text
    ),
  );
}

function block(one: Block, at: number): JSX.Element {
  switch (one.kind) {
    case "heading": {
      // below the page's own headings
      const Heading = `h${Math.min(6, one.level + 2)}` as "h3";
      return <Heading key={at}>{inline(one.text)}</Heading>;
    }
    case "list":
      return (
        <ul key={at}>
          {one.items.map((item, number) => (
            <li key={number}>{inline(item)}</li>
          ))}
        </ul>
      );
    case "code":
      return (
        <pre key={at} tabIndex={0}>
          <code>{one.text}</code>
        </pre>
      );
    case "table":
      return (
        <div
          key={at}
          class="scrolled"
          tabIndex={0}
          role="region"
          aria-label={`Table: ${one.head.join(", ")}`}
        >
          <table>
            <thead>
              <tr>
                {one.head.map((cell, number) => (
                  <th key={number} scope="col">
                    {inline(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {one.rows.map((row, number) => (
                <tr key={number}>
                  {row.map((cell, column) => (
                    <td key={column}>{inline(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    default:
      return <p key={at}>{inline(one.text)}</p>;
  }
}

/** A document. Links and pictures in it stay text. */
export function Markdown({ text }: { text: string }): JSX.Element {
  return <div class="markdown">{blocks(text).map(block)}</div>;
}
