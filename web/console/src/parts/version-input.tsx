/** The number of a version, typed: what is on its way to one is left as it is. */
import { useEffect, useState } from "react";

interface VersionInputProps {
  id: string;
  label: string;
  value: number;
  latest: number;
  onChange: (number: number) => void;
}

export function VersionInput({ id, label, value, latest, onChange }: VersionInputProps) {
  const [text, setText] = useState(String(value));
  useEffect(() => {
    setText((before) => (before !== "" && Number(before) === value ? before : String(value)));
  }, [value]);
  return (
    <div className="field field-short">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={0}
        max={latest}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          if (target.value !== "") {
            onChange(Number(target.value));
          }
        }}
        onBlur={() => setText(String(value))}
      />
    </div>
  );
}
