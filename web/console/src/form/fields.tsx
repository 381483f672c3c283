/** The fields of an input of the API, whatever plugin it comes from. */
import { createContext, useContext, useId, type ReactNode } from "react";

import { type Api, type InputField, use } from "../schema/api";
import { isSecret, words } from "../text";
import { listOf, NodeInput, nodeType } from "./node-input";
import { at, COUNT, isReference, type Problems, type Values, WAY } from "./values";

interface Form {
  api: Api;
  values: Values;
  /** What is wrong, of what is to be shown: nobody is told before they have typed. */
  problems: Problems;
  set: (path: string, value: string | boolean | undefined) => void;
  touch: (path: string) => void;
  /** Which type an id is of, by path, where the name of its field does not tell. */
  references?: Readonly<Record<string, string>>;
}

const Current = createContext<Form | null>(null);

export const FormProvider = Current.Provider;

function useForm(): Form {
  const form = useContext(Current);
  if (!form) {
    throw new Error("a field stands outside of a form");
  }
  return form;
}

/** Beside what is required, what people come for; everything else waits behind "More". */
const LONG_TEXT = new Set(["description"]);

interface InputFieldsProps {
  type: string;
  path?: string;
  /** Names of fields that are not shown. */
  without?: readonly string[];
  /** Names of fields that are shown at once; the required ones are in any case. */
  first?: readonly string[];
}

export function InputFields({ type, path = "", without = [], first = [] }: InputFieldsProps) {
  const { api, problems } = useForm();
  const fields = [...api.type(type).inputs.values()].filter(({ name }) => !without.includes(name));
  const isFirst = (field: InputField) => first.includes(field.name) || (use(field.type).isRequired && field.defaultValue == null);
  // Where nothing stands out, nothing is hidden.
  const isFlat = !fields.some(isFirst);
  const shown = fields.filter((field) => isFlat || isFirst(field)).sort((one, other) => rank(first, one) - rank(first, other));
  const more = fields.filter((field) => !shown.includes(field));
  const isWrong = more.some(({ name }) => Object.keys(problems).some((key) => `${key}.`.startsWith(`${at(path, name)}.`)));
  return (
    <>
      {shown.map((field) => (
        <FieldOf key={field.name} field={field} path={at(path, field.name)} />
      ))}
      {more.length > 0 && (
        <details className="more" open={isWrong || undefined}>
          <summary>More options</summary>
          <div className="fields">
            {more.map((field) => (
              <FieldOf key={field.name} field={field} path={at(path, field.name)} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}

function rank(first: readonly string[], field: InputField): number {
  const index = first.indexOf(field.name);
  return index === -1 ? -1 : index;
}

export function FieldOf({ field, path, label }: { field: InputField; path: string; label?: string }) {
  const { api, references } = useForm();
  const { name, kind, isList, isRequired } = use(field.type);
  const title = label ?? words(field.name);
  const found = references?.[path] ?? nodeType(api, field);
  if (found) {
    return <NodeField type={found} path={path} label={title} hint={told(field.description ?? "")} isRequired={isRequired} />;
  }
  if (kind === "ENUM" && isList) {
    return <Several field={field} type={name} path={path} label={title} />;
  }
  if (kind !== "INPUT_OBJECT") {
    return <Leaf field={field} path={path} label={title} />;
  }
  if (isList) {
    return <Items field={field} type={name} path={path} label={title} />;
  }
  if (isReference(api, name)) {
    return <Reference field={field} type={name} path={path} label={title} />;
  }
  return (
    <Group label={title} hint={field.description}>
      <InputFields type={name} path={path} />
    </Group>
  );
}

export function Group({ label, hint, children }: { label: ReactNode; hint?: string | null; children: ReactNode }) {
  return (
    <fieldset className="group">
      <legend>{label}</legend>
      {hint && <p className="hint">{told(hint)}</p>}
      <div className="fields">{children}</div>
    </fieldset>
  );
}

function Items({ field, type, path, label }: { field: InputField; type: string; path: string; label: string }) {
  const { values, set } = useForm();
  const key = at(path, COUNT);
  const number = Number(values[key] ?? 0);
  return (
    <Group label={label} hint={field.description}>
      {Array.from({ length: number }, (_, index) => (
        <div key={index} className="item">
          <InputFields type={type} path={at(path, index)} />
        </div>
      ))}
      <div className="actions">
        <button type="button" className="button button-small" onClick={() => set(key, String(number + 1))}>
          Add one
        </button>
        {number > 0 && (
          <button type="button" className="button button-small" onClick={() => set(key, String(number - 1))}>
            Take the last away
          </button>
        )}
      </div>
    </Group>
  );
}

/** Any number of the values of an enumeration. */
function Several({ field, type, path, label }: { field: InputField; type: string; path: string; label: string }) {
  const { api, values, set } = useForm();
  const chosen = String(values[path] ?? "").split("\n").filter(Boolean);
  return (
    <Group label={label} hint={field.description}>
      <div className="checks">
        {api.type(type).values.map(({ name, description }) => (
          <Check
            key={name}
            label={words(name)}
            hint={told(description ?? "")}
            checked={chosen.includes(name)}
            onChange={(isChosen) => {
              const next = isChosen ? [...chosen, name] : chosen.filter((each) => each !== name);
              set(path, next.join("\n") || undefined);
            }}
          />
        ))}
      </div>
    </Group>
  );
}

interface NodeFieldProps {
  type: string;
  path: string;
  label: string;
  hint?: string;
  isRequired?: boolean;
}

/** Something that is there, by its name. */
function NodeField({ type, path, ...row }: NodeFieldProps) {
  const { api, values, set } = useForm();
  return (
    <Row path={path} {...row}>
      {(control) => (
        <NodeInput api={api} types={[type]} control={control} value={String(values[path] ?? "")} onChange={(id) => set(path, id)} />
      )}
    </Row>
  );
}

function Reference({ field, type, path, label }: { field: InputField; type: string; path: string; label: string }) {
  const { api, values, set } = useForm();
  const way = String(values[at(path, WAY)] ?? "");
  const { name } = use(api.type(type).inputs.get("create")!.type);
  const own = type.replace(/Ref$/, "");
  const isListed = listOf(api, own) !== undefined;
  return (
    <Group label={label} hint={field.description}>
      <Choice
        label={`Which ${label.toLowerCase()}`}
        value={way}
        options={[
          ["", "None, or the default"],
          ...(isListed ? [["id", "One that is there"] as const] : way === "id" ? [["id", "As it is"] as const] : []),
          ["create", "A new one"],
        ]}
        onChange={(value) => set(at(path, WAY), value)}
      />
      {way === "id" && isListed && <NodeField type={own} path={at(path, "id")} label={label} />}
      {way === "create" && <InputFields type={name} path={at(path, "create")} />}
    </Group>
  );
}

function Leaf({ field, path, label }: { field: InputField; path: string; label: string }) {
  const { api, values, set, touch } = useForm();
  const type = use(field.type);
  const value = values[path];
  const hint = told(field.description ?? "");
  if (type.kind === "ENUM" && !type.isList) {
    const options = api.type(type.name).values;
    const chosen = options.find(({ name }) => name === (value ?? field.defaultValue));
    return (
      <Choice
        label={label}
        path={path}
        hint={chosen?.description ? `${hint} ${words(chosen.name)}: ${told(chosen.description)}` : hint}
        value={String(value ?? field.defaultValue ?? "")}
        options={[
          ...(type.isRequired || field.defaultValue ? [] : [["", "As the server has it"] as const]),
          ...options.map(({ name }) => [name, words(name)] as const),
        ]}
        onChange={(next) => set(path, next || undefined)}
      />
    );
  }
  if (type.name === "Boolean") {
    if (field.defaultValue != null || type.isRequired) {
      const checked = value === undefined ? field.defaultValue === "true" : value === true || value === "true";
      return <Check label={label} hint={hint} checked={checked} onChange={(next) => set(path, next)} />;
    }
    return (
      <Choice
        label={label}
        path={path}
        hint={hint}
        value={value === undefined ? "" : String(value)}
        options={[
          ["", "As the server has it"],
          ["true", "Yes"],
          ["false", "No"],
        ]}
        onChange={(next) => set(path, next || undefined)}
      />
    );
  }
  const isNumber = ["Int", "Float", "BigInt"].includes(type.name);
  const isLong = type.isList || type.name === "JSON" || LONG_TEXT.has(field.name);
  const shared = {
    value: String(value ?? ""),
    placeholder: field.defaultValue && field.defaultValue !== "null" ? field.defaultValue.replaceAll('"', "") : undefined,
    onBlur: () => touch(path),
    spellCheck: field.name === "description",
    autoComplete: isSecret(field.name) ? "new-password" : "off",
  };
  return (
    <Row label={label} path={path} hint={type.isList ? `${hint} One a line.` : hint} isRequired={type.isRequired}>
      {(control) =>
        isLong ? (
          <textarea {...control} {...shared} rows={2} onChange={({ target }) => set(path, target.value)} />
        ) : (
          <input
            {...control}
            {...shared}
            type={isSecret(field.name) ? "password" : "text"}
            inputMode={isNumber ? "decimal" : field.name === "url" ? "url" : undefined}
            onChange={({ target }) => set(path, target.value)}
          />
        )
      }
    </Row>
  );
}

export interface Control {
  id: string;
  name: string;
  required?: boolean;
  "aria-describedby": string;
  "aria-invalid"?: true;
}

interface RowProps {
  label: string;
  path?: string;
  hint?: string;
  isRequired?: boolean;
  children: (control: Control) => ReactNode;
}

export function Row({ label, path = "", hint, isRequired = false, children }: RowProps) {
  const { problems } = useForm();
  const id = useId();
  const problem = problems[path];
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {isRequired && (
          <span className="required" aria-hidden="true">
            {" "}
            needed
          </span>
        )}
      </label>
      {children({
        id,
        name: path,
        required: isRequired || undefined,
        "aria-describedby": `${id}-hint`,
        "aria-invalid": problem ? true : undefined,
      })}
      <p id={`${id}-hint`} className={problem ? "hint bad" : "hint"} aria-live="polite">
        {problem ?? hint}
      </p>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  path?: string;
  hint?: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}

export function Choice({ label, path, hint, value, options, onChange }: ChoiceProps) {
  return (
    <Row label={label} path={path} hint={hint}>
      {(control) => (
        <select {...control} value={value} onChange={({ target }) => onChange(target.value)}>
          {options.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Row>
  );
}

function Check({ label, hint, checked, onChange }: { label: string; hint: string; checked: boolean; onChange: (next: boolean) => void }) {
  const id = useId();
  return (
    <div className="field field-check">
      <input id={id} type="checkbox" checked={checked} aria-describedby={`${id}-hint`} onChange={({ target }) => onChange(target.checked)} />
      <label htmlFor={id}>{label}</label>
      <p id={`${id}-hint`} className="hint">
        {hint}
      </p>
    </div>
  );
}

/** Return a description of the API as plain text. */
function told(description: string): string {
  return description.replaceAll("`", "");
}
