/** What the API can do, as it describes itself: plugins' kinds have their fields and forms from here. */
import { useEffect, useState } from "react";

import { graphql } from "../../typed";
import type { ApiSchemaQuery, ApiTypeFragment } from "../../typed/graphql";
import { client } from "../client";

const SCHEMA = graphql(`
  query ApiSchema {
    __schema {
      types {
        kind
        name
        description
        interfaces {
          name
        }
        possibleTypes {
          name
        }
        enumValues {
          name
          description
        }
        fields {
          name
          description
          args {
            name
            type {
              ...ApiType
            }
          }
          type {
            ...ApiType
          }
        }
        inputFields {
          name
          description
          defaultValue
          type {
            ...ApiType
          }
        }
      }
    }
  }

  fragment ApiType on __Type {
    kind
    name
    ofType {
      kind
      name
      ofType {
        kind
        name
        ofType {
          kind
          name
        }
      }
    }
  }
`);

type Described = ApiSchemaQuery["__schema"]["types"][number];
export type Field = NonNullable<Described["fields"]>[number];
export type InputField = NonNullable<Described["inputFields"]>[number];

export interface ApiType {
  kind: string;
  name: string;
  description: string;
  interfaces: string[];
  possible: string[];
  values: { name: string; description?: string | null }[];
  fields: Map<string, Field>;
  inputs: Map<string, InputField>;
}

/** A type as it is used: what it names, and what stands around that. */
export interface Use {
  name: string;
  kind: string;
  isRequired: boolean;
  isList: boolean;
}

export class Api {
  private readonly types: Map<string, ApiType>;

  constructor(data: ApiSchemaQuery) {
    this.types = new Map(data.__schema.types.map((type) => [type.name ?? "", described(type)]));
  }

  /** Return a type that is known to be there. */
  type(name: string): ApiType {
    const type = this.types.get(name);
    if (!type) {
      throw new Error(`The API has no type ${name}.`);
    }
    return type;
  }

  mutation(name: string): Field | undefined {
    return this.type("Mutation").fields.get(name);
  }

  queries(): Field[] {
    return [...this.type("Query").fields.values()];
  }

  mutations(): Field[] {
    return [...this.type("Mutation").fields.values()];
  }
}

function described(type: Described): ApiType {
  return {
    kind: type.kind,
    name: type.name ?? "",
    description: type.description ?? "",
    interfaces: (type.interfaces ?? []).map(({ name }) => name ?? ""),
    possible: (type.possibleTypes ?? []).map(({ name }) => name ?? ""),
    values: type.enumValues ?? [],
    fields: new Map((type.fields ?? []).map((field) => [field.name, field])),
    inputs: new Map((type.inputFields ?? []).map((field) => [field.name, field])),
  };
}

/** Return what a type is when what stands around it is taken away. */
export function use(type: ApiTypeFragment): Use {
  let inner: { kind: string; name?: string | null; ofType?: unknown } = type;
  let isList = false;
  while (inner.ofType) {
    isList ||= inner.kind === "LIST";
    inner = inner.ofType as typeof inner;
  }
  return { name: inner.name ?? "", kind: inner.kind, isRequired: type.kind === "NON_NULL", isList };
}

/** Return the name of the input object of a mutation or query with one argument `input`, or null. */
export function inputOf(field: Field | undefined): string | null {
  const argument = field?.args.find(({ name }) => name === "input");
  return argument ? use(argument.type).name : null;
}

let loaded: Promise<Api> | undefined;

function load(): Promise<Api> {
  loaded ??= client
    .query(SCHEMA, {}, { requestPolicy: "cache-first" })
    .toPromise()
    .then(({ data, error }) => {
      if (!data) {
        loaded = undefined;
        throw error ?? new Error("The API does not describe itself.");
      }
      return new Api(data);
    });
  return loaded;
}

/** Return the API's description, once it is here. */
export function useApi(): Api | undefined {
  const [api, setApi] = useState<Api>();
  const [error, setError] = useState<Error>();
  useEffect(() => {
    load().then(setApi, setError);
  }, []);
  if (error) {
    // The page cannot do without; what stands around it tells.
    throw error;
  }
  return api;
}
