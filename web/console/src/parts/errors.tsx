/** What went wrong, and what to do about it. */
import type { CombinedError } from "urql";

import type { UserErrorFragment } from "../../typed/graphql";
import { Prose, visible } from "./name";

/** The errors of a payload, those of single fields left out where their forms show them. */
export function UserErrors({ errors }: { errors: readonly UserErrorFragment[] }) {
  if (errors.length === 0) {
    return null;
  }
  return (
    <div className="notice notice-bad" role="alert">
      {errors.map((error, index) => (
        <div key={index}>
          <strong>
            <Prose text={error.message} />
          </strong>
          {error.hint && (
            <p>
              <Prose text={error.hint} />
            </p>
          )}
          <p className="quiet mono">
            {error.code}
            {error.path.length > 0 && ` at ${visible(error.path.join("."))}`}
          </p>
        </div>
      ))}
    </div>
  );
}

/** A request that did not get an answer, or an answer that is a bug. */
export function Failure({ error, retry }: { error: CombinedError; retry?: () => void }) {
  return (
    <div className="notice notice-bad" role="alert">
      <strong>{error.networkError ? "The server did not answer." : "The server could not answer."}</strong>
      <p>
        {error.networkError
          ? "It is away, or the network between is. This page goes on by itself when it is back."
          : error.graphQLErrors.map(({ message }) => visible(message)).join(" ")}
      </p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
