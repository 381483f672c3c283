/** A button that asks once more before it does what cannot be undone. */
import { type ReactNode, useId, useRef } from "react";

interface ConfirmProps {
  label: string;
  title: string;
  children: ReactNode;
  /** What the button that does it says; the label when left out. */
  yes?: string;
  isDanger?: boolean;
  isSmall?: boolean;
  disabled?: boolean;
  onYes: () => void;
}

export function Confirm({ label, title, children, yes = label, isDanger = false, isSmall = false, disabled, onYes }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  return (
    <>
      <button
        type="button"
        className={["button", isDanger && "button-danger", isSmall && "button-small"].filter(Boolean).join(" ")}
        disabled={disabled}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        <div>{children}</div>
        <div className="actions">
          <button
            type="button"
            className={isDanger ? "button button-danger" : "button button-main"}
            onClick={() => {
              dialog.current?.close();
              onYes();
            }}
          >
            {yes}
          </button>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
        </div>
      </dialog>
    </>
  );
}
