/** What a form was begun with, while others may change it: nothing that was typed is lost, and nothing is overwritten. */
import { Fragment, type ReactNode, useState } from "react";

interface HeldProps<Thing> {
  /** As it is now. */
  current: Thing;
  /** Called when it was saved. */
  onSaved: () => void;
  /** Show the form of it as it was; `saved` is called when that was sent. */
  children: (thing: Thing, saved: () => void) => ReactNode;
}

export function Held<Thing extends { revision: number }>({ current, onSaved, children }: HeldProps<Thing>) {
  const [held, setHeld] = useState(current);
  const [isTouched, setTouched] = useState(false);
  const isOld = current.revision !== held.revision;
  const renew = () => {
    setHeld(current);
    setTouched(false);
  };
  if (isOld && !isTouched) {
    renew();
  }
  const saved = () => {
    setTouched(false);
    onSaved();
  };
  return (
    <>
      {isOld && isTouched && (
        <div className="notice notice-warn" role="status">
          <p>It was changed since this form was begun, so it cannot be saved over that.</p>
          <button type="button" className="button button-small" onClick={renew}>
            Begin again with what is there now
          </button>
        </div>
      )}
      <div onChange={() => setTouched(true)}>
        <Fragment key={held.revision}>{children(held, saved)}</Fragment>
      </div>
    </>
  );
}
