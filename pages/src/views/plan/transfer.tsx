// What the next version would begin with, where the model's code has changed.

import type { JSX } from "preact";
import type { TransferView } from "../../schema.ts";
import { useJson } from "../../api.ts";
import { bytes } from "../../format.ts";
import { Badge, Said, Section, Skeleton, Trouble } from "../../parts/bits.tsx";
import { Table } from "../../parts/table.tsx";
import { href } from "../../route.ts";

/** What the next version would begin with, asked after the plan: it may have to build the model. */
export function Transfer({ model }: { model: string }): JSX.Element | null {
  const asked = useJson<TransferView | null>(`models/${encodeURIComponent(model)}/plan/transfer`);
  const found = asked.data;
  if (found === null) return null;
  return (
    <Section title="What the next version begins with" id="transfer">
      {asked.error ? (
        <Trouble error={asked.error} again={asked.reload} />
      ) : found === undefined ? (
        <>
          <p class="note soft" role="status">
            Asking whether the model's code changed. This may take a minute.
          </p>
          <Skeleton lines={2} />
        </>
      ) : (
        <>
          <p class="note">
            The model's code is different from that of{" "}
            <a href={href("version", model, { version: found.parent })}>v{found.parent}</a>.{" "}
            <Said text={found.message} />
          </p>
          {found.objections.length > 0 && (
            <div class="banner bad" role="alert">
              <div>
                <strong>No candidate would be trained as things are.</strong>
                <ul>
                  {found.objections.map((one, at) => (
                    <li key={at}>
                      <Said text={one} />
                    </li>
                  ))}
                </ul>
                {found.next && (
                  <>
                    <strong>Next:</strong> <Said text={found.next} />
                  </>
                )}
              </div>
            </div>
          )}
          {!found.same && (
            <Table
              caption="Variables of the transfer"
              rows={found.rows}
              id={(one) => `${one.name} ${one.source} ${one.move}`}
              most={40}
              columns={[
                {
                  head: "Variable",
                  names: true,
                  kind: "wide",
                  cell: (one) => (
                    <code>
                      <bdi>{one.name || one.source}</bdi>
                    </code>
                  ),
                },
                {
                  head: "Becomes",
                  cell: (one) => <Badge tone={one.move === "carried" ? "good" : "note"}>{one.move}</Badge>,
                },
                { head: "Was", cell: (one) => <code>{one.before || "–"}</code> },
                { head: "Is", cell: (one) => <code>{one.after || "–"}</code> },
                { head: "Size", kind: "number", cell: (one) => bytes(one.nbytes) },
                { head: "Kept", kind: "number", cell: (one) => `${(100 * one.kept).toFixed(0)} %` },
                {
                  head: "Note",
                  kind: "wide",
                  cell: (one) => (one.note ? <Said text={one.note} /> : <span class="soft">–</span>),
                },
              ]}
            />
          )}
          {Object.keys(found.changed).length > 0 && (
            <ul>
              {Object.entries(found.changed).map(([place, what]) => (
                <li key={place}>
                  <code>{place}</code>: <Said text={what} />
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Section>
  );
}
