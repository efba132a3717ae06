// A chart that can be read as a table instead.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

/** A chart that can be read as a table instead. */
export function Switched({
  chart,
  table,
  tools,
}: {
  chart: ComponentChildren;
  table: ComponentChildren;
  tools?: ComponentChildren;
}): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  return (
    <>
      <div class="tools">
        {tools}
        <button type="button" class="push" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          Show as table
        </button>
      </div>
      {asTable ? table : chart}
    </>
  );
}
