/** Files from this machine into a repository: known bytes are not sent, and what was cut goes on where it was. */
import { type DragEvent, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { graphql } from "../../typed";
import { NodeInput } from "../form/node-input";
import { useFresh } from "../live/query";
import { Bar } from "../parts/bar";
import { Failure } from "../parts/errors";
import { Name, Prose } from "../parts/name";
import { Empty, Loading, Page, Section } from "../parts/page";
import { type Api, useApi } from "../schema/api";
import { repositoryKinds, type RepositoryKind } from "../schema/kinds";
import { bytes, counted } from "../text";
import type { Sending } from "../upload/sending";
import { send, useSendings } from "../upload/sendings";

const TARGET = graphql(`
  query UploadTarget($id: ID!) {
    node(id: $id) {
      __typename
      id
    }
  }
`);

export default function Upload() {
  const api = useApi();
  const kinds = useMemo(() => (api ? repositoryKinds(api).filter(({ upload }) => upload) : []), [api]);
  const [parameters] = useSearchParams();
  const id = parameters.get("repository") ?? "";
  return (
    <Page
      title="Upload"
      intro="Each file is checked by its digest first: bytes that the server has are not sent. What is cut goes on where it was."
      behind={[{ query: TARGET, variables: { id } }]}
    >
      {!api ? (
        <Loading />
      ) : kinds.length === 0 ? (
        <Empty>No plugin is installed that takes files. Install one beside headbox, and start the server again.</Empty>
      ) : (
        <Files api={api} kinds={kinds} />
      )}
    </Page>
  );
}

function Files({ api, kinds }: { api: Api; kinds: RepositoryKind[] }) {
  const [parameters, setParameters] = useSearchParams();
  const chosen = parameters.get("repository") ?? "";
  const { data, error } = useFresh(TARGET, { variables: { id: chosen }, pause: chosen === "" });
  const target = chosen !== "" && data?.node?.id === chosen ? data.node : undefined;
  const upload = kinds.find(({ type }) => type === target?.__typename)?.upload;
  const [folder, setFolder] = useState("");
  const [isOver, setOver] = useState(false);
  const sendings = useSendings();
  const input = useRef<HTMLInputElement>(null);
  const choose = (id: string | undefined, isFound: boolean) => {
    setParameters(id && isFound ? { repository: id } : {}, { replace: true });
  };

  const add = (files: Iterable<File>) => {
    if (!target || !upload) {
      return;
    }
    for (const file of files) {
      // A folder that was chosen brings its files' places along.
      const place = `${folder.trim()}/${file.webkitRelativePath || file.name}`.replace(/^\/+|\/(?=\/)/g, "");
      send(file, place, { creation: upload, repository: target.id });
    }
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files);
  };
  return (
    <>
      <Section title="Where to">
        <div className="toolbar">
          <div className="field">
            <label htmlFor="target">Repository</label>
            <NodeInput
              api={api}
              types={kinds.map(({ type }) => type)}
              control={{ id: "target", name: "repository", "aria-describedby": "target-hint" }}
              value={chosen}
              onChange={choose}
            />
          </div>
          <div className="field">
            <label htmlFor="folder">Folder in it</label>
            <input id="folder" value={folder} placeholder="none" autoComplete="off" onChange={({ target: { value } }) => setFolder(value)} />
          </div>
        </div>
        <div
          className={isOver ? "drop drop-over" : "drop"}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={onDrop}
        >
          <p id="target-hint">{upload ? "Drop files here, or" : "Choose a repository that takes files; then drop them here, or"}</p>
          <button type="button" className="button button-main" disabled={!upload} onClick={() => input.current?.click()}>
            Choose files
          </button>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            onChange={({ target: { files } }) => {
              add(files ?? []);
              input.current!.value = "";
            }}
          />
        </div>
      </Section>
      {error && <Failure error={error} />}
      {sendings.length > 0 && (
        <Section title="Files" aside={counted(sendings.length, "file")}>
          <ul className="rows">
            {sendings.map((sending, index) => (
              <SendingRow key={index} sending={sending} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

const STEPS = {
  waiting: "Waits",
  reading: "Reading its digest",
  asking: "Asking whether it is there",
  sending: "Sending",
  cut: "Cut: goes on when the server is back",
  adding: "Adding to the repository",
  done: "Done",
  known: "Done: the bytes were there",
  failed: "Failed",
};

function SendingRow({ sending }: { sending: Sending }) {
  const { file, place, step, sent, error, task } = sending;
  const isDone = step === "done" || step === "known";
  const share = file.size === 0 || isDone ? 1 : sent / file.size;
  return (
    <li className="row row-running">
      <div className="row-main">
        <Name text={place} mono />
        <span className={step === "failed" ? "bad" : step === "cut" ? "warn" : "quiet"} role="status">
          {STEPS[step]}
        </span>
      </div>
      <Bar
        label={place}
        state={isDone ? "completed" : step === "failed" ? "failed" : "running"}
        share={share}
        isOpen={!isDone && step !== "failed"}
        text={`${bytes(isDone ? file.size : sent)} of ${bytes(file.size)}`}
      />
      <div className="report-foot">
        <span>
          {bytes(isDone ? file.size : sent)} of {bytes(file.size)}
        </span>
        {task && <Link href={`/tasks/${task}`}>The task that adds it</Link>}
        {step === "failed" && (
          <button type="button" className="button button-small" onClick={() => sending.retry()}>
            Try again
          </button>
        )}
      </div>
      {error && (
        <p className="bad">
          <Prose text={error} />
        </p>
      )}
    </li>
  );
}
