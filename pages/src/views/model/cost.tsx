// What each update took: seconds and bytes.

import type { JSX } from "preact";
import { Bars } from "../../charts/bars.tsx";
import { bytes, count, duration, plural } from "../../format.ts";
import { Section } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import type { VersionRow } from "../../schema.ts";
import { Switched } from "../../parts/switched.tsx";

export function Cost({ versions }: { versions: VersionRow[] }): JSX.Element | null {
  const trained = versions
    .filter((row) => row.seconds !== null)
    .slice(0, 60)
    .reverse();
  if (trained.length === 0) return null;
  const note = (row: VersionRow): string =>
    `${row.status}, ${plural(row.rows, "row")}, step ${count(row.step)}`;
  return (
    <Section title="Cost per update" id="cost">
      <Switched
        chart={
          <div class="two">
            <figure>
              <figcaption>Seconds of stepping</figcaption>
              <Bars
                label="Seconds per update"
                text={duration}
                bars={trained.map((row) => ({
                  name: `v${row.version}`,
                  value: row.seconds,
                  note: note(row),
                }))}
              />
            </figure>
            <figure>
              <figcaption>Bytes added to the store</figcaption>
              {trained.some((row) => row.nbytes) ? (
                <Bars
                  label="Bytes per update"
                  text={bytes}
                  bars={trained.map((row) => ({
                    name: `v${row.version}`,
                    value: row.nbytes,
                    note: note(row),
                  }))}
                />
              ) : (
                <p class="soft">No size was recorded.</p>
              )}
            </figure>
          </div>
        }
        table={
          <Table
            caption="Cost per update"
            rows={[...trained].reverse()}
            id={(row) => row.version}
            most={30}
            columns={[
              { head: "Version", names: true, cell: (row) => `v${row.version}` },
              { head: "Seconds", kind: "number", cell: (row) => duration(row.seconds) },
              { head: "Bytes", kind: "number", cell: (row) => bytes(row.nbytes) },
              { head: "Rows", kind: "number", cell: (row) => count(row.rows) },
              { head: "Steps", kind: "number", cell: (row) => count(row.step) },
            ]}
          />
        }
      />
    </Section>
  );
}
