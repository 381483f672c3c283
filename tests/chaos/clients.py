"""Clients of a cluster: those who ask for tasks, those who watch them, and those who read what is served.

They do what good clients do: what fails for a reason that can heal is tried again, a request under the key that it had,
a stream from where it is now. What they saw is in the journal.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiohttp

from tests.chaos.journal import Journal
from tests.chaos.upstream import MANIFEST, generation_of

FINAL_STATES = frozenset({"COMPLETED", "FAILED", "CANCELED"})
#: How long one request may take before it is tried elsewhere, in seconds.
REQUEST_SECONDS = 15.0
#: How long a client goes on trying, in seconds.
PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.3

WATCH = """
    subscription Watch($id: ID!) {
      task(id: $id) { id state error { code message } ... on FileSync { repositoryVersion { number } } }
    }
"""


class Refused(Exception):
    """The API understood a request and refused it.

    Attributes:
        codes: What its errors are, in order.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.codes = [error["code"] for error in errors]


def key_of(global_id: str) -> str:
    """Return the id of a node without its type."""
    return base64.b64decode(global_id).decode().partition(":")[2]


class Api:
    """Asks any of the API's processes, another one when one cannot answer."""

    def __init__(
        self, session: aiohttp.ClientSession, urls: Sequence[str], journal: Journal, rng: random.Random
    ) -> None:
        self._session = session
        self._urls = urls
        self._journal = journal
        self._rng = rng

    async def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run an operation and return its data.

        Raises:
            TimeoutError: Nobody answers for long.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                url = self._rng.choice(self._urls)
                try:
                    return await self._ask(url, document, variables)
                except (aiohttp.ClientError, TimeoutError, Unanswered) as error:
                    self._journal.note(event="request failed", url=url, error=repr(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, url: str, document: str, variables: Mapping[str, Any] | None) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        body = {"query": document, "variables": variables or {}}
        headers = {"Accept": "application/graphql-response+json"}
        async with self._session.post(f"{url}/graphql", json=body, headers=headers, timeout=timeout) as response:
            answer = await response.json(content_type=None)
            assert response.status != 400, answer
        if "errors" in answer:
            raise Unanswered(answer["errors"])
        data: dict[str, Any] = answer["data"]
        return data

    async def mutate(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run a document of one mutation and return its payload.

        Raises:
            Refused: It has errors that trying again does not heal.
        """
        while True:
            (payload,) = (await self.ask(document, variables)).values()
            if not payload["errors"]:
                return dict(payload)
            if not all(error["retryable"] for error in payload["errors"]):
                raise Refused(payload["errors"])
            self._journal.note(event="mutation failed", errors=payload["errors"])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def watch(self, task_id: str) -> dict[str, Any]:
        """Watch a task to its final state and return it, as the subscription showed it."""
        self._journal.note(event="watching", task=key_of(task_id))
        while True:
            url = self._rng.choice(self._urls)
            try:
                async for task in self._stream(url, task_id):
                    self._journal.note(event="seen", task=key_of(task_id), state=task["state"])
                    if task["state"] in FINAL_STATES:
                        self._journal.note(event="final", task=key_of(task_id), result=task)
                        return task
                self._journal.note(event="stream ended early", url=url, task=key_of(task_id))
            except (aiohttp.ClientError, TimeoutError, Unanswered) as error:
                self._journal.note(event="stream failed", url=url, task=key_of(task_id), error=repr(error))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _stream(self, url: str, task_id: str) -> AsyncIterator[dict[str, Any]]:
        # No limit in total: whoever watches is to get the end without asking again. Heartbeats come every few seconds.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=REQUEST_SECONDS * 2)
        body = {"query": WATCH, "variables": {"id": task_id}}
        headers = {"Accept": "text/event-stream"}
        async with self._session.post(f"{url}/graphql", json=body, headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            event = ""
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data" and event == "next":
                    answer = json.loads(value)
                    if "errors" in answer:
                        raise Unanswered(answer["errors"])
                    yield answer["data"]["task"]
                elif event == "complete":
                    return


class Unanswered(Exception):
    """The API could not do what was asked, for now; its errors are the argument."""


class Reader:
    """Reads one repository from one content process, again and again, and makes sure that it is whole."""

    def __init__(self, session: aiohttp.ClientSession, url: str, repository: str, journal: Journal) -> None:
        self._session = session
        self._url = f"{url}/content/{repository}"
        self._repository = repository
        self._journal = journal

    async def read(self) -> int | None:
        """Read what is served now and return its generation; None when it cannot be read now.

        What is wrong is noted as a flaw.
        """
        try:
            return await self._read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._journal.note(event="read failed", url=self._url, error=repr(error))
            return None

    async def _read(self) -> int | None:
        manifest = await self._get(MANIFEST)
        if manifest is None:
            return None
        rows = list(csv.reader(io.StringIO(manifest.decode())))
        generation = generation_of({path for path, _, _ in rows})
        if generation is None:
            self._flaw("a manifest that is not of one generation", manifest=manifest.decode())
            return None
        for path, digest, size in rows:
            body = await self._get(path)
            if body is None:
                # Gone because something newer is served, or for no reason.
                if await self._get(MANIFEST) == manifest:
                    self._flaw("a file that is listed and not there", path=path, generation=generation)
                return None
            if hashlib.sha256(body).hexdigest() != digest or len(body) != int(size):
                self._flaw("a file that is not what is listed", path=path, generation=generation)
        self._journal.note(event="read", url=self._url, repository=self._repository, generation=generation)
        return generation

    async def _get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None when there is no such file.

        Raises:
            aiohttp.ClientError: It cannot be had for now.
        """
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with self._session.get(f"{self._url}/{path}", timeout=timeout) as response:
            if response.status == 404:
                return None
            response.raise_for_status()
            return await response.read()

    def _flaw(self, what: str, **values: Any) -> None:
        self._journal.note(event="flaw", what=what, url=self._url, **values)
