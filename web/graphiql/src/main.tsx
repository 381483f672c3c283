import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./style.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { firstTabs } from "./examples";
import { createFetcher } from "./fetcher";
import logo from "./favicon.svg";
import { FollowSystemTheme } from "./system-theme";

const WELCOME = `# The API of this headbox. Ctrl-Space completes, Ctrl-Enter runs;
# the book on the left holds the description of every type and field.
`;

const tabs = firstTabs();
const fetcher = createFetcher();
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      {...tabs}
      className="headbox"
      defaultQuery={WELCOME}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <span className="headbox-logo">
          <img src={logo} alt="" width="22" height="22" />
          headbox
        </span>
      </GraphiQL.Logo>
      <FollowSystemTheme />
    </GraphiQL>
  </StrictMode>,
);
