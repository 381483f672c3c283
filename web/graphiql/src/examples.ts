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
 * server sent no examples.
 */
export function exampleTabs(): Pick<GraphiQLProps, "defaultTabs" | "initialVariables"> {
  const text = document.getElementById("headbox-examples")?.textContent;
  const examples: Example[] = text ? JSON.parse(text) : [];
  const hasOwnTabs = new StorageAPI().get(TABS_KEY) !== null;
  if (hasOwnTabs || examples.length === 0) {
    return {};
  }
  return {
    defaultTabs: examples.map(({ name, query, variables }) => ({ query: `# ${name}\n${query}`, variables })),
    // Of the tab that is open at first, GraphiQL takes the query from the tab, yet the variables only from here.
    initialVariables: examples[0]?.variables,
  };
}
