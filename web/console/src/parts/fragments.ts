/** What several pages ask of the same things. */
import { graphql } from "../../typed";

export const USER_ERROR = graphql(`
  fragment UserError on UserError {
    code
    message
    path
    hint
  }
`);

export const REPORT = graphql(`
  fragment Report on ProgressReport {
    code
    message
    state
    unit
    done
    total
    totalKind
    rate
    etaSeconds
    suffix
  }
`);

/** What a task tells by itself, without a look at anything else: it may come ten times a second. */
export const TASK = graphql(`
  fragment TaskState on Task {
    __typename
    id
    kind
    state
    priority
    createdAt
    startedAt
    finishedAt
    actions {
      name
      state
      startedAt
      finishedAt
      reports {
        ...Report
      }
    }
    error {
      ...UserError
    }
  }
`);
