/** The button that deletes something, asks before it does, and leads away from what is gone. */
import type { ReactNode } from "react";
import { type TypedDocumentNode, useMutation } from "urql";
import { useLocation } from "wouter";

import type { UserErrorFragment } from "../../typed/graphql";
import { Confirm } from "./confirm";
import { Failure, UserErrors } from "./errors";

interface DeleteProps {
  id: string;
  mutation: TypedDocumentNode<{ payload: { errors: readonly UserErrorFragment[] } }, { id: string }>;
  /** What is asked. */
  title: string;
  /** Where it leads. */
  to: string;
  /** What it comes to. */
  children: ReactNode;
}

export function Delete({ id, mutation, title, to, children }: DeleteProps) {
  const [state, remove] = useMutation(mutation);
  const [, navigate] = useLocation();
  const onYes = async () => {
    const { data } = await remove({ id });
    if (data?.payload.errors.length === 0) {
      navigate(to);
    }
  };
  return (
    <>
      <Confirm label="Delete" title={title} isDanger disabled={state.fetching} onYes={() => void onYes()}>
        {children}
      </Confirm>
      <UserErrors errors={state.data?.payload.errors ?? []} />
      {state.error && <Failure error={state.error} />}
    </>
  );
}
