// What there is of a version: its slices, objects to take away, and its code.

import type { JSX } from "preact";
import { bytes, count, duration, number, plural, spoken } from "../../format.ts";
import { Badge, Facts, Nothing, Said, Section } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import { href } from "../../route.ts";
import type { VersionView } from "../../schema.ts";
import { Exports } from "./exports.tsx";

export function Data({ view }: { view: VersionView }): JSX.Element {
  const scored = Object.entries(view.scores);
  const metrics = [...new Set(scored.flatMap(([, values]) => Object.keys(values)))];
  return (
    <Section
      title="Slices it was trained on"
      id="data"
      aside={<span class="soft">{plural(view.rows, "row")}</span>}
    >
      {view.slices.length === 0 ? (
        <Nothing title="No slice of its own" />
      ) : (
        <Table
          caption="Slices it was trained on"
          rows={view.slices}
          id={(one) => one.key}
          most={30}
          columns={[
            {
              head: "Slice",
              names: true,
              cell: (one) => (
                <a href={href("slices", view.model, { key: one.key })}>
                  <bdi>{one.key}</bdi>
                </a>
              ),
            },
            { head: "Rows", kind: "number", cell: (one) => count(one.rows) },
            { head: "Revision", cell: (one) => <code class="cut">{one.revision}</code> },
            ...metrics.map((metric) => ({
              head: `${metric} of the champion, before`,
              kind: "number" as const,
              cell: (one: { key: string }) => number(view.scores[one.key]?.[metric]),
            })),
          ]}
        />
      )}
      {view.retrained_without.length > 0 && (
        <p class="note">
          It does without slices that were consumed before:{" "}
          {view.retrained_without.map((one) => one.key).join(", ")}
        </p>
      )}
      {view.shadow && (
        <p class="note">
          <Badge tone="info">shadow</Badge> <Said text={view.shadow.words} />
        </p>
      )}
    </Section>
  );
}

export function Take({ view, reload }: { view: VersionView; reload: () => void }): JSX.Element {
  const objects = Object.entries(view.artifacts);
  return (
    <Section title="Export and convert" id="export">
      {!view.kept && (
        <div class="banner warn" role="status">
          <div>Its last checkpoint was pruned: it cannot be exported or trained from any more.</div>
        </div>
      )}
      <Exports view={view} reload={reload} />
      {view.checkpoints.length > 0 && (
        <Table
          caption="Checkpoints"
          seen
          rows={[...view.checkpoints].reverse()}
          id={(one) => one.manifest}
          most={5}
          columns={[
            { head: "Step", names: true, kind: "tight", cell: (one) => count(one.step) },
            { head: "New in the store", kind: "number", cell: (one) => bytes(one.uploaded) },
            { head: "Stepping until then", kind: "number", cell: (one) => duration(one.seconds) },
            { head: "Object", kind: "wide", cell: (one) => <code>{one.manifest}</code> },
          ]}
        />
      )}
      {(objects.length > 0 || view.exported.length > 0 || view.predictions.length > 0) && (
        <details>
          <summary>
            Objects in the store ({objects.length + view.exported.length + view.predictions.length})
          </summary>
          <ul class="objects">
            {objects.map(([kind, name]) => (
              <li key={kind}>
                <span class="soft">{spoken(kind)}</span> <code>{name}</code>
              </li>
            ))}
            {view.exported.map((name) => (
              <li key={name}>
                <span class="soft">SavedModel</span> <code>{name}</code>
              </li>
            ))}
            {view.predictions.map((one) => (
              <li key={one.object}>
                <span class="soft">
                  predictions on <bdi>{one.key}</bdi>
                </span>{" "}
                <code>{one.object}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

export function Code({ view }: { view: VersionView }): JSX.Element | null {
  const { code } = view;
  if (code === null || (!code.digest && !code.object && Object.keys(code.files).length === 0)) return null;
  const files = Object.entries(code.files);
  return (
    <Section title="Code" id="code">
      <Facts
        facts={[
          { label: "Code", value: <code>{code.digest || "–"}</code> },
          { label: "Lock", value: <code>{code.lock || "–"}</code> },
          code.object !== "" && { label: "Archive", value: <code>{code.object}</code> },
        ]}
      />
      {files.length === 0 ? (
        <Nothing title="The files are not kept any more" />
      ) : (
        <details>
          <summary>{plural(files.length, "file")} kept</summary>
          <Table
            caption="Files of the code"
            cards={false}
            rows={files}
            id={([name]) => name}
            columns={[
              {
                head: "File",
                names: true,
                cell: ([name]) => (
                  <code>
                    <bdi>{name}</bdi>
                  </code>
                ),
              },
              { head: "Bytes", kind: "number", cell: ([, size]) => bytes(size) },
            ]}
          />
        </details>
      )}
    </Section>
  );
}
