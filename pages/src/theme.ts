// Airflow's theme, live. Airflow (next-themes) writes the choice to localStorage "theme" and the class of its document.

const KEY = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function outside(): HTMLElement | null {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null; // a page of another origin
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is blocked
  }
}

/** Whether the page should be dark: as Airflow around it is, as it was chosen there, or as the system is. */
function dark(): boolean {
  const around = outside()?.classList;
  if (around?.contains("dark")) return true;
  if (around?.contains("light")) return false;
  const chosen = stored();
  return chosen === "dark" || (chosen !== "light" && system.matches);
}

/** Follow it from now on. */
export function followTheme(): void {
  const apply = (): void => {
    document.documentElement.dataset["theme"] = dark() ? "dark" : "light";
  };
  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) apply();
  });
  const around = outside();
  if (around) new MutationObserver(apply).observe(around, { attributes: true, attributeFilter: ["class"] });
}

/** What a page that stands alone is told, as `theme=`. */
export const themeNow = (): string => document.documentElement.dataset["theme"] ?? "";
