/** Where something is served, and what: for a new distribution, and for one that is there. */
import { useMemo, useState } from "react";
import { useMutation, useQuery } from "urql";

import { graphql } from "../../../typed";
import type { CreateDistributionInput, ServedFragment, UpdateDistributionInput } from "../../../typed/graphql";
import { Choice, FieldOf, FormProvider, Group, InputFields } from "../../form/fields";
import { changes, SaveForm, valuesOf } from "../../form/save-form";
import { type FormState, useValues } from "../../form/use-values";
import type { Problems, Values } from "../../form/values";
import type { Api } from "../../schema/api";
import { count, moment } from "../../text";

export const CREATE = graphql(`
  mutation CreateDistribution($input: CreateDistributionInput!) {
    createDistribution(input: $input) {
      distribution {
        id
      }
      errors {
        ...UserError
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation UpdateDistribution($input: UpdateDistributionInput!) {
    updateDistribution(input: $input) {
      errors {
        ...UserError
      }
    }
  }
`);

const CHOICES = graphql(`
  query SourceChoices($repository: ID!) {
    node(id: $repository) {
      ... on Repository {
        id
        versions(first: 100) {
          edges {
            node {
              id
              number
              createdAt
            }
          }
        }
        publications(first: 100) {
          edges {
            node {
              id
              createdAt
              repositoryVersion {
                id
                number
              }
            }
          }
        }
      }
    }
  }
`);

const INPUT = "CreateDistributionInput";
const SOURCE = "DistributionSourceInput";
/** Values that are of the form alone: what the source is, and the repository that it is of. */
const WAY = "$source";
const REPOSITORY = "$repository";
const WAYS = [
  ["", "Nothing yet"],
  ["repository", "Whatever a repository publishes"],
  ["repositoryVersion", "One version, whatever comes after it"],
  ["publication", "One publication, whatever comes after it"],
] as const;

type Distribution = ServedFragment & { labels: unknown };

interface DistributionFormProps {
  api: Api;
  distribution?: Distribution;
  onSaved: (id: string) => void;
}

export function DistributionForm({ api, distribution, onSaved }: DistributionFormProps) {
  const initial = useMemo(
    () => (distribution ? { ...valuesOf(api, INPUT, { ...distribution, source: null }), ...sourceValues(distribution.source) } : {}),
    [api, distribution?.revision],
  );
  const form = useSource(useValues(api, INPUT, initial));
  const [, create] = useMutation(CREATE);
  const [, update] = useMutation(UPDATE);
  const changed = changes(api, INPUT, initial, form);
  const inputs = api.type(INPUT).inputs;
  const send = async () => {
    if (distribution) {
      const input = { id: distribution.id, expectedRevision: distribution.revision, ...changed };
      const { data, error } = await update({ input: input as UpdateDistributionInput });
      if (data?.updateDistribution.errors.length === 0) {
        onSaved(distribution.id);
      }
      return { errors: data?.updateDistribution.errors ?? [], failure: error };
    }
    const { data, error } = await create({ input: form.input as CreateDistributionInput });
    if (data?.createDistribution.distribution) {
      onSaved(data.createDistribution.distribution.id);
    }
    return { errors: data?.createDistribution.errors ?? [], failure: error };
  };
  return (
    <FormProvider value={{ api, values: form.values, problems: form.shown, set: form.set, touch: form.touch }}>
      <SaveForm
        forms={[form]}
        submit={distribution ? "Save" : "Create"}
        isChanged={!distribution || Object.keys(changed).length > 0}
        send={send}
      >
        <FieldOf field={inputs.get("basePath")!} path="basePath" label="Served below /content/" />
        <SourceFields api={api} form={form} />
        <InputFields type={INPUT} without={["basePath", "source"]} />
      </SaveForm>
    </FormProvider>
  );
}

function SourceFields({ api, form }: { api: Api; form: FormState }) {
  const way = String(form.values[WAY] ?? "");
  const repository = String(form.values[REPOSITORY] ?? "");
  const field = api.type(SOURCE).inputs.get("repository")!;
  const [path, description] = way === "repository" ? ["source.repository", field.description] : [REPOSITORY, null];
  return (
    <Group label="What clients get there">
      <Choice
        label="It follows"
        value={way}
        options={WAYS}
        onChange={(next) => {
          for (const [name] of WAYS) {
            if (name) {
              form.set(`source.${name}`, undefined);
            }
          }
          form.set(WAY, next || undefined);
        }}
      />
      {way && <FieldOf key={path} field={{ ...field, description }} path={path} />}
      {way && way !== "repository" && <Pinned way={way} repository={repository} form={form} />}
    </Group>
  );
}

function Pinned({ way, repository, form }: { way: string; repository: string; form: FormState }) {
  const [{ data }] = useQuery({ query: CHOICES, variables: { repository }, pause: repository === "" });
  const found = data?.node && "versions" in data.node ? data.node : undefined;
  const options =
    way === "publication"
      ? found?.publications.edges.map(({ node }) => [node.id, `Version ${count(node.repositoryVersion.number)}, published ${moment(node.createdAt)}`] as const)
      : found?.versions.edges.map(({ node }) => [node.id, `Version ${count(node.number)}, of ${moment(node.createdAt)}`] as const);
  const path = `source.${way}`;
  const value = String(form.values[path] ?? "");
  const isThere = value === "" || options?.some(([id]) => id === value);
  return (
    <Choice
      label={way === "publication" ? "Publication" : "Version"}
      path={path}
      hint="Of the latest hundred."
      value={value}
      options={[["", "Choose …"], ...(isThere ? [] : [[value, "As it is"] as const]), ...(options ?? [])]}
      onChange={(id) => form.set(path, id || undefined)}
    />
  );
}

function sourceValues(source: ServedFragment["source"]): Values {
  switch (source?.__typename) {
    case "LatestOfRepository":
      return { [WAY]: "repository", "source.repository": source.repository.id };
    case "PinnedVersion":
      return { [WAY]: "repositoryVersion", [REPOSITORY]: source.repositoryVersion.repository.id, "source.repositoryVersion": source.repositoryVersion.id };
    case "PinnedPublication":
      return {
        [WAY]: "publication",
        [REPOSITORY]: source.publication.repositoryVersion.repository.id,
        "source.publication": source.publication.id,
      };
    default:
      return {};
  }
}

/** Return the form with the problem that a source was begun and not chosen. */
function useSource(form: FormState): FormState {
  const [isTried, setTried] = useState(false);
  const way = form.values[WAY];
  const problem: Problems = way && !form.values[`source.${way}`] ? { [`source.${way}`]: "Choose one." } : {};
  const touchAll = () => {
    setTried(true);
    form.touchAll();
  };
  return { ...form, touchAll, problems: { ...form.problems, ...problem }, shown: { ...form.shown, ...(isTried && problem) } };
}
