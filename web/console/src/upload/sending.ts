/** One file on its way into a repository. */
import { Upload as TusUpload } from "tus-js-client";

import { graphql } from "../../typed";
import type { UserErrorFragment } from "../../typed/graphql";
import { client } from "../client";
import type { RepositoryKind } from "../schema/kinds";
import { digestOf } from "./digest";

const HAVE = graphql(`
  query HaveArtifacts($sha256: [String!]!) {
    haveArtifacts(sha256: $sha256)
  }
`);

const CREATE_UPLOAD = graphql(`
  mutation CreateUpload($input: CreateUploadInput!) {
    createUpload(input: $input) {
      upload {
        id
        url
      }
      errors {
        ...UserError
      }
    }
  }
`);

/** Bytes of one request: what is cut costs no more than this. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** When a request that failed is tried again: for an hour after the last success. */
const RETRY_MILLISECONDS = [200, 500, 1_000, ...new Array<number>(1_800).fill(2_000)];
/** Files that are read or sent at a time. */
const MOST_AT_A_TIME = 3;

export type Step = "waiting" | "reading" | "asking" | "sending" | "cut" | "adding" | "done" | "known" | "failed";

/** What makes content of the bytes, and where it goes. */
export interface Target {
  creation: NonNullable<RepositoryKind["upload"]>;
  repository: string;
}

const waiting: (() => void)[] = [];
let underWay = 0;

async function turn(): Promise<void> {
  if (underWay >= MOST_AT_A_TIME) {
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  underWay += 1;
}

function next() {
  underWay -= 1;
  waiting.shift()?.();
}

export class Sending {
  step: Step = "waiting";
  /** Bytes that the server has. */
  sent = 0;
  error: string | undefined;
  /** Id of the task that adds it to the repository. */
  task: string | undefined;

  constructor(
    readonly file: File,
    readonly place: string,
    private readonly target: Target,
    private readonly changed: () => void,
  ) {
    void this.run();
  }

  /** Whether nothing more comes of it by itself. */
  get isEnded(): boolean {
    return this.step === "done" || this.step === "known" || this.step === "failed";
  }

  retry() {
    this.error = undefined;
    void this.run();
  }

  private to(step: Step) {
    this.step = step;
    this.changed();
  }

  private async run() {
    this.to("waiting");
    await turn();
    try {
      this.to("reading");
      const sha256 = await digestOf(this.file);
      this.to("asking");
      const isKnown = await this.isKnown(sha256);
      const upload = isKnown ? undefined : await this.send(sha256);
      this.to("adding");
      await this.add(isKnown ? { sha256 } : { upload });
      this.to(isKnown ? "known" : "done");
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
      this.to("failed");
    } finally {
      next();
    }
  }

  private async isKnown(sha256: string): Promise<boolean> {
    const { data, error } = await client.query(HAVE, { sha256: [sha256] }, { requestPolicy: "network-only" });
    if (!data) {
      throw error ?? new Error("The server did not answer.");
    }
    return data.haveArtifacts.length > 0;
  }

  /** Send the bytes, and return the id of the upload. */
  private async send(sha256: string): Promise<string> {
    const input = { filename: this.file.name, size: this.file.size, sha256 };
    const { data, error } = await client.mutation(CREATE_UPLOAD, { input });
    const upload = refusing(data?.createUpload, error).upload!;
    this.to("sending");
    await new Promise<void>((resolve, reject) => {
      const sender = new TusUpload(this.file, {
        // The address that the API gives is that of clients elsewhere; the page may know the server by another one.
        uploadUrl: new URL(upload.url).pathname,
        chunkSize: CHUNK_BYTES,
        retryDelays: RETRY_MILLISECONDS,
        storeFingerprintForResuming: false,
        onProgress: (sent) => {
          this.sent = sent;
          this.to("sending");
        },
        onShouldRetry: (failed) => {
          const status = failed.originalResponse?.getStatus() ?? 0;
          const mayHeal = status === 0 || status >= 500 || status === 409 || status === 423;
          if (mayHeal) {
            this.to("cut");
          }
          return mayHeal;
        },
        onError: reject,
        onSuccess: () => resolve(),
      });
      sender.start();
    });
    return upload.id;
  }

  private async add(bytes: { sha256?: string; upload?: string }) {
    const { mutation, input: type, place } = this.target.creation;
    const input = { [place]: this.place, repository: this.target.repository, ...bytes };
    const { data, error } = await client.mutation<{
      payload: { task: { id: string } | null; errors: UserErrorFragment[] };
    }>(
      `mutation AddUpload($input: ${type}!) {
  payload: ${mutation}(input: $input) { task { id } errors { code message path hint } }
}`,
      { input },
    );
    this.task = refusing(data?.payload, error).task?.id;
  }
}

/** Return a payload that was not refused; raise why it was. */
function refusing<Payload extends { errors: readonly UserErrorFragment[] }>(payload: Payload | undefined, error: Error | undefined): Payload {
  if (!payload) {
    throw error ?? new Error("The server did not answer.");
  }
  if (payload.errors.length > 0) {
    throw new Error(payload.errors.map(({ message }) => message).join(" "));
  }
  return payload;
}
