// What becomes of each variable when the model's structure is different from its parent's.

import type { JSX } from "preact";
import { count, number } from "../format.ts";
import { Badge, Facts, Nothing, Said } from "./bits.tsx";
import { Table } from "./table.tsx";

interface Moved {
  name: string;
  move: string;
  source: string;
  shape_before: number[];
  dtype_before: string;
  shape: number[];
  dtype: string;
  kept: number;
  like: string;
}

function moved(one: unknown): Moved {
  const given = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
  const text = (name: string): string => (typeof given[name] === "string" ? (given[name] as string) : "");
  const shape = (name: string): number[] => (Array.isArray(given[name]) ? (given[name] as number[]) : []);
  return {
    name: text("name"),
    move: text("move"),
    source: text("source"),
    shape_before: shape("shape_before"),
    dtype_before: text("dtype_before"),
    shape: shape("shape"),
    dtype: text("dtype"),
    kept: typeof given["kept"] === "number" ? given["kept"] : 0,
    like: text("like"),
  };
}

const shaped = (shape: number[], dtype: string): string =>
  dtype === "" ? "–" : `${dtype} [${shape.join(", ")}]`;

/** The document of a transfer, as it is stored. */
export function TransferTable({ document: given }: { document: Record<string, unknown> }): JSX.Element {
  const rows = Array.isArray(given["variables"]) ? given["variables"].map(moved) : [];
  const changed = Object.entries((given["changed"] ?? {}) as Record<string, unknown>);
  const agreement = given["agreement"] as { rows?: number; max_abs_difference?: number } | null | undefined;
  const share = given["share_kept"];
  if (rows.length === 0 && changed.length === 0) return <Nothing title="No variable differs" />;
  return (
    <>
      <Facts
        facts={[
          typeof given["parent"] === "number" && { label: "From", value: `v${given["parent"]}` },
          typeof share === "number" && {
            label: "Weights that go on",
            value: `${(100 * share).toFixed(1)} %`,
          },
          agreement && {
            label: "Predictions agree",
            value: `within ${number(agreement.max_abs_difference)} on ${count(agreement.rows)} rows`,
          },
        ]}
      />
      <Table
        caption="Variables of the transfer"
        rows={rows}
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
            cell: (one) => (
              <Badge
                tone={
                  one.move === "kept" || one.move === "same"
                    ? "good"
                    : one.move === "dropped" || one.move === "new"
                      ? "warn"
                      : "note"
                }
              >
                {one.move}
              </Badge>
            ),
          },
          { head: "Was", cell: (one) => <code>{shaped(one.shape_before, one.dtype_before)}</code> },
          { head: "Is", cell: (one) => <code>{shaped(one.shape, one.dtype)}</code> },
          { head: "Values kept", kind: "number", cell: (one) => count(one.kept) },
        ]}
      />
      {changed.length > 0 && (
        <ul>
          {changed.map(([name, what]) => (
            <li key={name}>
              <code>{name}</code>: <Said text={String(what)} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
