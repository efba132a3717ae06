// Fleets: models whose names begin alike, up to the first dot.

/** The fleet of a model: "shops" of "shops.berlin"; "" where it is of none. */
export function fleetOf(model: string): string {
  const at = model.indexOf(".");
  return at < 0 ? "" : model.slice(0, at);
}

/** The fleets among models, by name, each with how many it has. */
export function fleetsOf(models: readonly string[]): [string, number][] {
  const found = new Map<string, number>();
  for (const model of models) {
    const fleet = fleetOf(model);
    if (fleet !== "") found.set(fleet, (found.get(fleet) ?? 0) + 1);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1));
}
