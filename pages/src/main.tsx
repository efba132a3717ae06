// The app: which page the address names, drawn into the one document that serves all.

import { Component, render, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "./api.ts";
import { Nothing, Trouble } from "./parts/bits.tsx";
import { Dialogs } from "./parts/dialog.tsx";
import { Bar } from "./parts/shell.tsx";
import { href, parse, type Page, type Route } from "./route.ts";
import { followTheme } from "./theme.ts";
import { FleetPage } from "./views/fleet.tsx";
import { LineagePage } from "./views/lineage.tsx";
import { ModelPage } from "./views/model.tsx";
import { PlanPage } from "./views/plan.tsx";
import { SlicePage } from "./views/slice.tsx";
import { SlicesPage } from "./views/slices.tsx";
import { TrainingPage } from "./views/training.tsx";
import { VersionPage } from "./views/version.tsx";

const TITLES: Record<Page, (route: Route) => string> = {
  fleet: () => "Models",
  model: ({ model }) => model,
  lineage: ({ model }) => `Lineage of ${model}`,
  slices: ({ model, key }) => (key ? `Slice ${key} of ${model}` : `Slices of ${model}`),
  training: ({ model }) => `Training of ${model}`,
  version: ({ model, version }) => `Version ${version} of ${model}`,
  plan: ({ model }) => `Plan of ${model}`,
  unknown: () => "Not found",
};

function Page({ route }: { route: Route }): JSX.Element {
  switch (route.page) {
    case "fleet":
      return <FleetPage route={route} />;
    case "model":
      return <ModelPage route={route} />;
    case "lineage":
      return <LineagePage route={route} />;
    case "slices":
      return route.key ? <SlicePage route={route} /> : <SlicesPage route={route} />;
    case "training":
      return <TrainingPage route={route} />;
    case "version":
      return <VersionPage route={route} />;
    case "plan":
      return <PlanPage route={route} />;
    default:
      return (
        <Nothing title="There is no such page">
          <p>
            <a href={href("fleet")}>See all models</a>
          </p>
        </Nothing>
      );
  }
}

/** A page that fails to draw says so, and the others stay reachable. */
class Caught extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: undefined as unknown };
  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }
  override render(): ComponentChildren {
    if (this.state.error === undefined) return this.props.children;
    const said = new Refused(
      0,
      `The page could not be drawn: ${String(this.state.error)}`,
      "Nothing was changed.",
      "Load it again. If that does not help, the command line shows the same.",
    );
    return <Trouble error={said} again={() => location.reload()} />;
  }
}

function App(): JSX.Element {
  const [route, setRoute] = useState(() => parse(location.hash));
  const main = useRef<HTMLElement>(null);
  const place = `${route.page}/${route.model}/${route.key}/${route.version}`;
  const first = useRef(place);
  useEffect(() => {
    const moved = (): void => setRoute(parse(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    document.title = `${TITLES[route.page](route)} · ckpt-ops`;
    if (first.current === place) return;
    first.current = "";
    // a screen reader hears of the new page, and the keyboard starts there
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  return (
    <Dialogs>
      <Bar route={route} />
      <main id="main" ref={main} tabIndex={-1} aria-label={TITLES[route.page](route)}>
        <Caught key={place}>
          <Page key={place} route={route} />
        </Caught>
      </main>
    </Dialogs>
  );
}

followTheme();
const root = document.getElementById("app");
if (root) {
  root.textContent = ""; // the skeleton that stood there while the script came
  render(<App />, root);
}
