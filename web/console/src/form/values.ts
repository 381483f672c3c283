/** What a form holds, and the input of the API that it makes: a text, a truth or a count for each path of fields. */
import { type Api, type InputField, use } from "../schema/api";

/** By path, such as `remote.create.url`; what was never touched is not in it. */
export type Values = Record<string, string | boolean>;
/** What is wrong, by path. */
export type Problems = Record<string, string>;

export interface Made {
  input: Record<string, unknown>;
  problems: Problems;
}

/** Which way of a reference is taken: the id of something, or the fields of something new. */
export const WAY = "$way";
/** How many items a list of objects has. */
export const COUNT = "$count";

const BASE_PATH = /^[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/;
const PROTOCOLS = ["http:", "https:", "file:"];
const LONGEST_NAME = 255;

export function at(path: string, name: string | number): string {
  return path === "" ? `${name}` : `${path}.${name}`;
}

/** Whether an input is a reference: to something that is there, by its id, or to something made on the way. */
export function isReference(api: Api, type: string): boolean {
  const { inputs } = api.type(type);
  return inputs.size === 2 && inputs.has("id") && inputs.has("create");
}

/** Return the input that the values make, and what is wrong with them. */
export function made(api: Api, type: string, values: Values): Made {
  const problems: Problems = {};
  return { input: objectOf(api, type, "", values, problems), problems };
}

function objectOf(api: Api, type: string, path: string, values: Values, problems: Problems): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const field of api.type(type).inputs.values()) {
    const value = valueOf(api, field, at(path, field.name), values, problems);
    if (value !== undefined) {
      input[field.name] = value;
    }
  }
  return input;
}

function valueOf(api: Api, field: InputField, path: string, values: Values, problems: Problems): unknown {
  const { name, kind, isRequired, isList } = use(field.type);
  if (kind === "INPUT_OBJECT") {
    return isList ? objectsOf(api, name, path, values, problems) : oneOf(api, name, path, isRequired, values, problems);
  }
  const raw = values[path];
  if (typeof raw === "boolean") {
    return raw;
  }
  const text = raw?.trim() ?? "";
  if (text === "") {
    if (isRequired && field.defaultValue == null) {
      problems[path] = "It is needed.";
    }
    return undefined;
  }
  if (isList) {
    return text.split("\n").map((line) => line.trim()).filter(Boolean);
  }
  return leafOf(name, field.name, text, path, problems);
}

function leafOf(type: string, name: string, text: string, path: string, problems: Problems): unknown {
  if (type === "Int" || type === "BigInt" || type === "Float") {
    const number = Number(text);
    if (!Number.isFinite(number) || (type !== "Float" && !Number.isInteger(number))) {
      problems[path] = type === "Float" ? "It is a number." : "It is a whole number.";
    }
    return number;
  }
  if (type === "Boolean") {
    return text === "true";
  }
  if (type === "JSON") {
    try {
      return JSON.parse(text);
    } catch {
      problems[path] = 'It is JSON, such as {"key": "value"}.';
      return undefined;
    }
  }
  const problem = wrongText(name, text);
  if (problem) {
    problems[path] = problem;
  }
  return text;
}

/** Return what is wrong with the text of a field that core has, or null. */
function wrongText(name: string, text: string): string | null {
  if (name === "url") {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url && PROTOCOLS.includes(url.protocol) ? null : "It is an address that begins with https://, http:// or file://.";
  }
  if (name === "basePath" && !BASE_PATH.test(text)) {
    return "It has letters, digits, -, ., _ and ~, in segments separated by /.";
  }
  return name === "name" && text.length > LONGEST_NAME ? `It has at most ${LONGEST_NAME} characters.` : null;
}

function objectsOf(api: Api, type: string, path: string, values: Values, problems: Problems): unknown {
  const number = Number(values[at(path, COUNT)] ?? 0);
  return number === 0
    ? undefined
    : Array.from({ length: number }, (_, index) => objectOf(api, type, at(path, index), values, problems));
}

function oneOf(api: Api, type: string, path: string, isRequired: boolean, values: Values, problems: Problems): unknown {
  if (isReference(api, type)) {
    const way = values[at(path, WAY)];
    if (way === "id") {
      const id = String(values[at(path, "id")] ?? "");
      if (id === "") {
        problems[at(path, "id")] = "Choose one.";
      }
      return { id };
    }
    if (way === "create") {
      const { name } = use(api.type(type).inputs.get("create")!.type);
      return { create: objectOf(api, name, at(path, "create"), values, problems) };
    }
    return undefined;
  }
  const isTouched = Object.entries(values).some(([key, value]) => key.startsWith(`${path}.`) && value !== "");
  return isRequired || isTouched ? objectOf(api, type, path, values, problems) : undefined;
}

/** Return what the server found wrong, by the paths of the form, and the errors that belong to no field. */
export function refused<Error extends { path: readonly string[]; message: string }>(
  errors: readonly Error[],
): { problems: Problems; others: Error[] } {
  const problems: Problems = {};
  const others: Error[] = [];
  for (const error of errors) {
    const path = error.path[0] === "input" ? error.path.slice(1) : error.path;
    if (path.length > 0) {
      problems[path.join(".")] ??= error.message;
    } else {
      others.push(error);
    }
  }
  return { problems, others };
}
