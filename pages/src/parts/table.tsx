// Tables: with a caption, in a region of their own that scrolls sideways, and as cards where the page is narrow.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ComponentChildren;
  kind?: "number" | "tight" | "wide";
  /** The cell that names its row. */
  names?: boolean;
}

/** A region that a keyboard can scroll, if there is anything to scroll. */
export function Scrolled({
  label,
  children,
  class: kind = "",
}: {
  label: string;
  children: ComponentChildren;
  class?: string;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const look = (): void =>
      setScrolls(at.scrollWidth > at.clientWidth + 1 || at.scrollHeight > at.clientHeight + 1);
    const watch = new ResizeObserver(look);
    watch.observe(at);
    if (at.firstElementChild) watch.observe(at.firstElementChild);
    return () => watch.disconnect();
  }, []);
  return (
    <div
      ref={box}
      class={`scrolled ${kind}`}
      {...(scrolls ? { role: "region", "aria-label": label, tabIndex: 0 } : {})}
    >
      {children}
    </div>
  );
}

/**
 * A table.
 *
 * @param caption what it lists; unseen where a heading says it already.
 * @param cards rows become cards where the page is narrow; else the table scrolls.
 * @param most rows that are shown before a button shows more.
 */
export function Table<Row>({
  caption,
  columns,
  rows,
  id,
  cards = true,
  seen = false,
  most = 200,
  marked,
  class: kind = "",
}: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string | number;
  cards?: boolean;
  seen?: boolean;
  most?: number;
  marked?: (row: Row) => boolean;
  class?: string;
}): JSX.Element {
  const [shown, setShown] = useState(most);
  return (
    <>
      <Scrolled label={caption}>
        <table class={`${cards ? "cards" : ""} ${kind}`} role="table">
          <caption class={seen ? "" : "unseen"}>{caption}</caption>
          <thead role="rowgroup">
            <tr role="row">
              {columns.map((column) => (
                <th key={column.head} role="columnheader" scope="col" class={column.kind}>
                  {column.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.slice(0, shown).map((row) => (
              <tr key={id(row)} role="row" class={marked?.(row) ? "marked" : undefined}>
                {columns.map((column) =>
                  column.names ? (
                    <th
                      key={column.head}
                      role="rowheader"
                      scope="row"
                      class={column.kind}
                      data-label={column.head}
                    >
                      {column.cell(row)}
                    </th>
                  ) : (
                    <td key={column.head} role="cell" class={column.kind} data-label={column.head}>
                      <div>{column.cell(row)}</div>
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
      {rows.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + most)}>
          Show {Math.min(most, rows.length - shown)} more of {rows.length - shown}
        </button>
      )}
    </>
  );
}
