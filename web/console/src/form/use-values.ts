/** The state of a form: what it holds, and what of it was touched. */
import { useCallback, useMemo, useState } from "react";

import type { Api } from "../schema/api";
import { made, type Made, type Problems, type Values } from "./values";

export interface FormState extends Made {
  values: Values;
  /** Of the problems, those to be shown. */
  shown: Problems;
  set: (path: string, value: string | boolean | undefined) => void;
  touch: (path: string) => void;
  /** Show all problems: somebody wants to send what is there. */
  touchAll: () => void;
  /** Say what the server refused; each is forgotten when its field changes. */
  refuse: (problems: Problems) => void;
}

export function useValues(api: Api, type: string, initial: Values): FormState {
  const [values, setValues] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [isAllTouched, setAllTouched] = useState(false);
  const [refused, setRefused] = useState<Problems>({});
  const { input, problems } = useMemo(() => made(api, type, values), [api, type, values]);
  const shown = useMemo(() => {
    // What is wrong is told as one types, and what is missing when one has left the field.
    const known = Object.entries(problems).filter(([path]) => isAllTouched || touched.has(path) || Boolean(values[path]));
    return { ...refused, ...Object.fromEntries(known) };
  }, [problems, refused, touched, isAllTouched, values]);
  const set = useCallback((path: string, value: string | boolean | undefined) => {
    setValues(({ [path]: _, ...others }) => (value === undefined ? others : { ...others, [path]: value }));
    setRefused(({ [path]: _, ...others }) => others);
  }, []);
  const touch = useCallback((path: string) => setTouched((before) => new Set(before).add(path)), []);
  const touchAll = useCallback(() => setAllTouched(true), []);
  return { values, input, problems, shown, set, touch, touchAll, refuse: setRefused };
}
