/** Text that is meant to be taken elsewhere, with a button that does. */
import { useRef, useState } from "react";

import { visible } from "./name";

interface CopyProps {
  text: string;
  /** What it is, for those who don't see it. */
  label: string;
}

export function Copy({ text, label }: CopyProps) {
  const box = useRef<HTMLPreElement>(null);
  const [told, setTold] = useState("");
  const copy = async () => {
    try {
      // Browsers give no clipboard to pages that came by plain http from another machine.
      await navigator.clipboard.writeText(text);
      setTold("Copied");
    } catch {
      getSelection()?.selectAllChildren(box.current!);
      setTold("Selected: copy it by keyboard");
    }
  };
  return (
    <div className="copy">
      {/* Long lines scroll, for the keyboard too. */}
      <pre ref={box} tabIndex={0} aria-label={label}>
        <code>{text.split("\n").map(visible).join("\n")}</code>
      </pre>
      <button type="button" className="button" aria-label={`Copy ${label}`} onClick={() => void copy()}>
        Copy
      </button>
      <span className="quiet" role="status">
        {told}
      </span>
    </div>
  );
}
