/** What belongs together: a kind of repository, and what can be done with it. Nothing here knows of any plugin. */
import { words } from "../text";
import { type Api, inputOf, use } from "./api";

/** A mutation that takes one input. */
export interface Creation {
  mutation: string;
  input: string;
}

export interface RepositoryKind {
  /** Name of its type, such as `FileRepository`. */
  type: string;
  label: string;
  description: string;
  create: Creation;
  update: Creation;
  sync?: Creation & { plan?: string };
  add?: Creation;
  copy?: Creation;
  publish?: Creation;
  /** What makes its content of uploaded bytes, where it needs no more than them and a place. */
  upload?: Creation & { place: string };
}

/** Return the kinds of repositories, by name. */
export function repositoryKinds(api: Api): RepositoryKind[] {
  return api
    .type("Repository")
    .possible.map((type) => repositoryKind(api, type))
    .sort((one, other) => one.label.localeCompare(other.label));
}

export function repositoryKind(api: Api, type: string): RepositoryKind {
  const create = creation(api, `create${type}`)!;
  const update = creation(api, `update${type}`)!;
  const tasks = api.type("Task").possible.filter((task) => worksOn(api, task) === type);
  const find = (has: (inputs: Set<string>) => boolean) => {
    const made = tasks.map((task) => creation(api, `create${task}`));
    return made.find((each) => each && has(new Set(api.type(each.input).inputs.keys())));
  };
  const sync = find((inputs) => inputs.has("remote") && inputs.has("mode"));
  return {
    type,
    label: words(type.replace(/Repository$/, "")) || words(type),
    description: api.type(type).description,
    create,
    update,
    sync: sync && { ...sync, plan: planOf(api, sync.input) },
    add: find((inputs) => inputs.has("add") && inputs.has("remove")),
    copy: find((inputs) => inputs.has("source") && inputs.has("filter")),
    publish: publishOf(api, create.input),
    upload: uploadOf(api, type),
  };
}

function creation(api: Api, mutation: string): Creation | undefined {
  const field = api.mutation(mutation);
  const input = inputOf(field);
  return field && input ? { mutation, input } : undefined;
}

/** Return the kind of repository that tasks of a type work on, where it is one. */
function worksOn(api: Api, task: string): string | undefined {
  const field = api.type(task).fields.get("repository");
  return field && use(field.type).name;
}

function planOf(api: Api, input: string): string | undefined {
  return api.queries().find((query) => use(query.type).name === "SyncPlan" && inputOf(query) === input)?.name;
}

/** A repository is published by what takes the same settings. */
function publishOf(api: Api, input: string): Creation | undefined {
  const settings = api.type(input).inputs.get("publishSettings");
  const name = settings && use(settings.type).name;
  const found = api.mutations().find((mutation) => {
    const taken = inputOf(mutation);
    const inputs = taken ? api.type(taken).inputs : undefined;
    const own = inputs?.get("settings");
    return inputs?.has("repositoryVersion") && own && use(own.type).name === name;
  });
  return found && creation(api, found.name);
}

/** Content comes into a repository by the task that its creation tells. */
function uploadOf(api: Api, repository: string): RepositoryKind["upload"] {
  const found = api.mutations().find((mutation) => {
    const input = inputOf(mutation);
    const task = api.type(use(mutation.type).name).fields.get("task");
    return input && api.type(input).inputs.has("upload") && task && worksOn(api, use(task.type).name) === repository;
  });
  const made = found && creation(api, found.name);
  const needed = made ? [...api.type(made.input).inputs.values()].filter(({ type }) => use(type).isRequired) : [];
  return made && needed.length === 1 ? { ...made, place: needed[0]!.name } : undefined;
}
