/** From nothing to a mirror that is served: the form of the one mutation that makes it all. */
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { useClient, useMutation } from "urql";
import { useLocation } from "wouter";

import { graphql } from "../../typed";
import type { UserErrorFragment } from "../../typed/graphql";
import { Choice, FieldOf, FormProvider, Group, InputFields } from "../form/fields";
import { useValues } from "../form/use-values";
import { at, COUNT, type Problems, refused, type Values, WAY } from "../form/values";
import { Failure, UserErrors } from "../parts/errors";
import { Empty, Loading, Page, useBehind } from "../parts/page";
import { type Api, use, useApi } from "../schema/api";
import { repositoryKinds, type RepositoryKind } from "../schema/kinds";

const TAKEN = graphql(`
  query Taken($repository: String!, $remote: String!, $basePath: String!) {
    repository(name: $repository) {
      id
    }
    remote(name: $remote) {
      id
    }
    distribution(basePath: $basePath) {
      id
    }
  }
`);

const NAME = "name";
const REMOTE = "remote.create";
const BASE_PATH = "distributions.0.basePath";
/** How long nobody types before the server is asked. */
const PAUSE_MILLISECONDS = 300;

const INITIAL: Values = {
  [at("remote", WAY)]: "create",
  [at("publishSettings", WAY)]: "create",
  [at("distributions", COUNT)]: "1",
  automation: "DISTRIBUTE",
  syncMode: "MIRROR",
};

interface Created {
  payload: {
    repository: { id: string } | null;
    task: { id: string } | null;
    errors: UserErrorFragment[];
  };
}

export default function NewMirror() {
  const api = useApi();
  const kinds = useMemo(() => (api ? repositoryKinds(api).filter(({ sync }) => sync) : []), [api]);
  const [chosen, setChosen] = useState<string>();
  const kind = kinds.find(({ type }) => type === chosen) ?? kinds[0];
  return (
    <Page title="New mirror" intro="An exact, versioned and served copy of an upstream. It is all made by one request, or nothing is.">
      {!api ? (
        <Loading />
      ) : kind ? (
        <MirrorForm key={kind.type} api={api} kind={kind} kinds={kinds} choose={setChosen} />
      ) : (
        <Empty>No plugin is installed that could sync anything. Install one beside headbox, and start the server again.</Empty>
      )}
    </Page>
  );
}

interface MirrorFormProps {
  api: Api;
  kind: RepositoryKind;
  kinds: RepositoryKind[];
  choose: (type: string) => void;
}

function MirrorForm({ api, kind, kinds, choose }: MirrorFormProps) {
  const inputs = api.type(kind.create.input).inputs;
  const remoteType = use(api.type(use(inputs.get("remote")!.type).name).inputs.get("create")!.type).name;
  const form = useValues(api, kind.create.input, INITIAL);
  const [named, setNamed] = useState(false);
  const taken = useTaken(form.values);
  const mutation = mutationOf(kind);
  useBehind(mutation, { input: { ...form.input, sync: true } });
  const [state, create] = useMutation<Created>(mutation);
  const [errors, setErrors] = useState<UserErrorFragment[]>([]);
  const [, navigate] = useLocation();
  const problems = { ...taken, ...form.shown };

  const set = (path: string, value: string | boolean | undefined) => {
    form.set(path, value);
    if (path === at(REMOTE, "url") && !named && typeof value === "string") {
      // A name that one can keep, until another is typed.
      const name = suggested(value);
      form.set(NAME, name);
      form.set(at(REMOTE, "name"), name);
      form.set(BASE_PATH, name);
    } else if (path === NAME && typeof value === "string") {
      setNamed(true);
      form.set(at(REMOTE, "name"), value);
      form.set(BASE_PATH, asBasePath(value));
    }
  };
  const send = async (sync: boolean) => {
    form.touchAll();
    if (Object.keys({ ...form.problems, ...taken }).length > 0) {
      // What is wrong is told at its field; there one goes on.
      requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid]")?.focus());
      return;
    }
    const { data } = await create({ input: { ...form.input, sync } });
    if (!data) {
      return;
    }
    const { repository, task } = data.payload;
    const found = refused(data.payload.errors);
    form.refuse(found.problems);
    setErrors(data.payload.errors);
    if (task) {
      navigate(`/tasks/${task.id}`);
    } else if (repository) {
      navigate(`/repositories/${repository.id}/sync`);
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void send(true);
  };
  return (
    <FormProvider value={{ api, values: form.values, problems, set, touch: form.touch }}>
      <form className="form card" onSubmit={onSubmit} noValidate>
        {kinds.length > 1 && (
          <Choice
            label="Format"
            hint={kind.description}
            value={kind.type}
            options={kinds.map(({ type, label }) => [type, label])}
            onChange={choose}
          />
        )}
        <Group label="Where from">
          <InputFields type={remoteType} path={REMOTE} first={["url", "policy"]} without={["name"]} />
        </Group>
        <Group label="What it is called, and where it is served">
          <FieldOf field={inputs.get(NAME)!} path={NAME} />
          <FieldOf field={basePathField(api, inputs)} path={BASE_PATH} label="Served below /content/" />
        </Group>
        <Group label="What a sync does">
          <InputFields
            type={kind.create.input}
            first={["syncMode", "automation"]}
            without={["name", "remote", "distributions", "sync"]}
          />
        </Group>
        <UserErrors errors={errors} />
        {state.error && <Failure error={state.error} />}
        <div className="actions form-end">
          <button type="submit" className="button button-main" disabled={state.fetching}>
            Create and sync now
          </button>
          <button type="button" className="button" disabled={state.fetching} onClick={() => void send(false)}>
            Create, and plan the first sync
          </button>
        </div>
        <p className="hint">A plan tells what a sync would fetch, and how much that is, before anything is fetched.</p>
      </form>
    </FormProvider>
  );
}

function basePathField(api: Api, inputs: ReturnType<Api["type"]>["inputs"]) {
  return api.type(use(inputs.get("distributions")!.type).name).inputs.get("basePath")!;
}

function mutationOf({ create }: RepositoryKind): string {
  return `mutation NewMirror($input: ${create.input}!) {
  payload: ${create.mutation}(input: $input) {
    repository { id }
    task { id }
    errors { code message path hint }
  }
}`;
}

/** Return which names are taken, asked for when nobody has typed for a moment. */
function useTaken(values: Values): Problems {
  const client = useClient();
  const [taken, setTaken] = useState<Problems>({});
  const [repository, remote, basePath] = [NAME, at(REMOTE, "name"), BASE_PATH].map((path) => String(values[path] ?? "").trim());
  useEffect(() => {
    let isLatest = true;
    const timer = setTimeout(async () => {
      const variables = { repository: repository!, remote: remote!, basePath: basePath! };
      const { data } = await client.query(TAKEN, variables, { requestPolicy: "network-only" });
      if (!isLatest || !data) {
        return;
      }
      const problems: Problems = {};
      if (data.repository) {
        problems[NAME] = "Another repository has this name.";
      } else if (data.remote) {
        problems[NAME] = "A remote has this name, and the one of the mirror is called like the mirror.";
      }
      if (data.distribution) {
        problems[BASE_PATH] = "Something is served there already.";
      }
      setTaken(problems);
    }, PAUSE_MILLISECONDS);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [client, repository, remote, basePath]);
  return taken;
}

/** Return a name for what is at an address: its last folder, or its host. */
function suggested(url: string): string {
  if (!URL.canParse(url)) {
    return "";
  }
  const { hostname, pathname } = new URL(url);
  const folders = pathname.split("/").slice(1, -1);
  return asBasePath(folders.at(-1) || hostname);
}

function asBasePath(name: string): string {
  return name.trim().replace(/%[0-9a-f]{2}|[^A-Za-z0-9._~/-]+/gi, "-").replace(/^[-/]+|[-/]+$/g, "");
}
