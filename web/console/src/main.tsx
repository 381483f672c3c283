import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/form.css";
import "./style/system.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";
import { Router } from "wouter";

import { App } from "./app";
import { client } from "./client";
import { applyTheme } from "./theme";

applyTheme();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Provider value={client}>
      <Router base="/console">
        <App />
      </Router>
    </Provider>
  </StrictMode>,
);
