/** Files from this machine into a repository: known bytes are not sent, and what was cut goes on where it was. */
import { type DragEvent, useMemo, useReducer, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { graphql } from "../../typed";
import { useFresh } from "../live/query";
import { Bar } from "../parts/bar";
import { Failure } from "../parts/errors";
import { Name, Prose } from "../parts/name";
import { Empty, Loading, Page, Section } from "../parts/page";
import { useApi } from "../schema/api";
import { repositoryKinds, type RepositoryKind } from "../schema/kinds";
import { bytes, counted } from "../text";
import { Sending } from "../upload/sending";

const TARGETS = graphql(`
  query UploadTargets {
    repositories(first: 200) {
      edges {
        node {
          __typename
          id
          name
        }
      }
    }
  }
`);

export default function Upload() {
  const api = useApi();
  const { data, error, again } = useFresh(TARGETS, { variables: {} });
  const kinds = useMemo(() => (api ? repositoryKinds(api).filter(({ upload }) => upload) : []), [api]);
  const targets = data?.repositories.edges.map(({ node }) => node).filter(({ __typename: type }) => kinds.some((kind) => kind.type === type));
  return (
    <Page
      title="Upload"
      intro="Each file is checked by its digest first: bytes that the server has are not sent. What is cut goes on where it was."
      behind={[{ query: TARGETS }]}
    >
      {error && !data && <Failure error={error} retry={again} />}
      {!targets || !api ? (
        !error && <Loading />
      ) : targets.length === 0 ? (
        <Section title="No repository takes files yet">
          <Empty>
            Files are uploaded into a repository. <Link href="/new">Make one</Link>: it need not have an upstream for long.
          </Empty>
        </Section>
      ) : (
        <Files targets={targets} kinds={kinds} />
      )}
    </Page>
  );
}

interface Target {
  __typename: string;
  id: string;
  name: string;
}

function Files({ targets, kinds }: { targets: Target[]; kinds: RepositoryKind[] }) {
  const [parameters] = useSearchParams();
  const [chosen, setChosen] = useState(parameters.get("repository") ?? targets[0]!.id);
  const [folder, setFolder] = useState("");
  const [isOver, setOver] = useState(false);
  const [, show] = useReducer((number: number) => number + 1, 0);
  const sendings = useRef<Sending[]>([]);
  const input = useRef<HTMLInputElement>(null);
  const target = targets.find(({ id }) => id === chosen) ?? targets[0]!;
  const upload = kinds.find(({ type }) => type === target.__typename)!.upload!;

  const add = (files: Iterable<File>) => {
    for (const file of files) {
      // A folder that was chosen brings its files' places along.
      const place = `${folder.trim()}/${file.webkitRelativePath || file.name}`.replace(/^\/+|\/(?=\/)/g, "");
      sendings.current.push(new Sending(file, place, { creation: upload, repository: target.id }, show));
    }
    show();
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
            <select id="target" value={target.id} onChange={({ target: { value } }) => setChosen(value)}>
              {targets.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
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
          <p>Drop files here, or</p>
          <button type="button" className="button button-main" onClick={() => input.current?.click()}>
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
      {sendings.current.length > 0 && (
        <Section title="Files" aside={counted(sendings.current.length, "file")}>
          <ul className="rows">
            {sendings.current.map((sending, index) => (
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
