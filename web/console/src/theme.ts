/** Light and dark: as the system has it, unless the visitor chose otherwise. */
import { useState } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "headbox:theme";
const ORDER: Theme[] = ["system", "light", "dark"];

function stored(): Theme {
  try {
    return ORDER.find((theme) => theme === localStorage.getItem(KEY)) ?? "system";
  } catch {
    // A browser may refuse its storage; then the choice lasts as long as the page.
    return "system";
  }
}

/** Show the stored choice. */
export function applyTheme(theme: Theme = stored()) {
  document.documentElement.dataset.theme = theme;
}

/** Return the choice, and what goes on to the next one. */
export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(stored);
  const next = () => {
    const chosen = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "system";
    setTheme(chosen);
    applyTheme(chosen);
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
  };
  return [theme, next];
}
