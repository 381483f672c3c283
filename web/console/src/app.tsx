/** The frame of all pages: where one can go, whether the server is there, and the page itself. */
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";

import { graphql } from "../typed";
import { useConnection } from "./connection";
import logo from "./favicon.svg";
import { useFresh } from "./live/query";
import { Boundary } from "./parts/boundary";
import { visible } from "./parts/name";
import { Loading } from "./parts/page";
import { NotFound } from "./pages/not-found";
import { useTheme } from "./theme";

const SERVER = graphql(`
  query Server {
    status {
      version
    }
  }
`);

const Now = lazy(() => import("./pages/now"));
const Tasks = lazy(() => import("./pages/tasks"));
const TaskPage = lazy(() => import("./pages/task/task"));
const NewMirror = lazy(() => import("./pages/new-mirror"));
const Repositories = lazy(() => import("./pages/repositories"));
const RepositoryPage = lazy(() => import("./pages/repository"));
const Distributions = lazy(() => import("./pages/distributions/list"));
const DistributionPage = lazy(() => import("./pages/distributions/one"));
const NewDistribution = lazy(() => import("./pages/distributions/new"));
const SystemPage = lazy(() => import("./pages/system/system"));
const Upload = lazy(() => import("./pages/upload"));

const PLACES = [
  ["/", "Now"],
  ["/repositories", "Repositories"],
  ["/distributions", "Distributions"],
  ["/upload", "Upload"],
  ["/system", "System"],
] as const;

export function App() {
  const [address] = useLocation();
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Shell />
      <main id="content" tabIndex={-1}>
        <Lost />
        <Boundary address={address}>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/" component={Now} />
              <Route path="/new" component={NewMirror} />
              <Route path="/tasks" component={Tasks} />
              <Route path="/tasks/:id">{({ id }) => <TaskPage key={id} id={id} />}</Route>
              <Route path="/repositories" component={Repositories} />
              <Route path="/repositories/:id/:part?">{({ id, part }) => <RepositoryPage key={id} id={id} part={part} />}</Route>
              <Route path="/distributions" component={Distributions} />
              <Route path="/distributions/new" component={NewDistribution} />
              <Route path="/distributions/:id">{({ id }) => <DistributionPage key={id} id={id} />}</Route>
              <Route path="/system/:part?/:id?">{({ part, id }) => <SystemPage part={part} id={id} />}</Route>
              <Route path="/upload" component={Upload} />
              <Route>
                <NotFound />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
    </>
  );
}

function Shell() {
  const [address] = useLocation();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [address]);
  return (
    <header className="shell">
      <Link href="/" className="brand">
        <img src={logo} alt="" width="28" height="28" />
        headbox
      </Link>
      <button type="button" className="menu" aria-expanded={isOpen} aria-controls="places" onClick={() => setOpen(!isOpen)}>
        Menu
      </button>
      <nav id="places" className={isOpen ? "places places-open" : "places"} aria-label="Pages">
        {PLACES.map(([place, name]) => (
          <Link key={place} href={place} aria-current={isAt(address, place) ? "page" : undefined}>
            {name}
          </Link>
        ))}
        <a href="/graphql" target="_blank" rel="noreferrer">
          GraphiQL
        </a>
      </nav>
      <div className="shell-end">
        <ConnectionState />
        <ThemeSwitch />
      </div>
    </header>
  );
}

function isAt(address: string, place: string): boolean {
  return place === "/" ? address === "/" : address === place || address.startsWith(`${place}/`);
}

function ThemeSwitch() {
  const [theme, next] = useTheme();
  const names = { system: "as the system has it", light: "light", dark: "dark" };
  return (
    <button type="button" className="theme" onClick={next} title={`Colours: ${names[theme]}`}>
      <span aria-hidden="true">{{ system: "◐", light: "☀", dark: "☾" }[theme]}</span>
      <span className="hidden">Colours: {names[theme]}. Change them.</span>
    </button>
  );
}

const STATES = { connecting: "Connecting", live: "Live", lost: "Offline" };

function ConnectionState() {
  const { state } = useConnection();
  return (
    <span className={`connection connection-${state}`} role="status">
      <span aria-hidden="true" className="dot" /> {STATES[state]}
    </span>
  );
}

/** What is told above a page while the server is away, or is not the one that the page came from. */
function Lost() {
  const { state } = useConnection();
  const { data } = useFresh(SERVER, { variables: {} });
  const first = useRef<string>(undefined);
  first.current ??= data?.status.version;
  if (state === "lost") {
    return (
      <p className="notice notice-warn" role="alert">
        The server does not answer. What you see is what it told last; this page goes on by itself when it is back.
      </p>
    );
  }
  if (data && data.status.version !== first.current) {
    return (
      <p className="notice" role="alert">
        The server is now version {visible(data.status.version)}, and this page is of another one.{" "}
        <button type="button" className="button button-small" onClick={() => location.reload()}>
          Load it anew
        </button>
      </p>
    );
  }
  return null;
}
