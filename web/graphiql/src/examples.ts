/** The example operations that the server puts into the page, each to be a tab on the first visit. */
import { StorageAPI } from "@graphiql/toolkit";
import type { GraphiQLProps } from "graphiql";

// Where GraphiQL keeps its tabs; it does not export the name.
const TABS_KEY = "tabState";

interface Example {
  name: string;
  query: string;
  /** The variables as JSON text, as the editor shows them. */
  variables?: string;
}

/**
 * Return the properties that open one tab for each example, its name on top as a comment.
 *
 * There are none on a later visit, when GraphiQL has its visitor's own tabs in the browser's storage, nor when the
 * server sent no examples. The operation of the page's address has a tab in any case, and that is the open one.
 */
export function firstTabs(): Pick<GraphiQLProps, "defaultTabs" | "initialQuery" | "initialVariables"> {
  const linked = linkedOperation();
  const text = document.getElementById("headbox-examples")?.textContent;
  const examples: Example[] = text ? JSON.parse(text) : [];
  const hasOwnTabs = new StorageAPI().get(TABS_KEY) !== null;
  if (hasOwnTabs || examples.length === 0) {
    return linked ? { initialQuery: linked.query, initialVariables: linked.variables } : {};
  }
  const tabs = examples.map(({ name, query, variables }) => ({ query: `# ${name}\n${query}`, variables }));
  if (linked) {
    tabs.unshift(linked);
  }
  // Of the tab that is open at first, GraphiQL takes the query from the tab, yet the variables only from here.
  return { defaultTabs: tabs, initialVariables: tabs[0]?.variables };
}

/** Return the operation that the address names, as links of the console do: `#query=…&variables=…`. */
function linkedOperation(): { query: string; variables: string | undefined } | null {
  const parts = new URLSearchParams(location.hash.slice(1));
  const query = parts.get("query");
  return query ? { query, variables: parts.get("variables") ?? undefined } : null;
}
