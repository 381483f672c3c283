"""The two WebSocket protocols: text frames, bounded messages, and answers to what is wrong with one operation alone.

Source: the protocol graphql-transport-ws of the npm package graphql-ws, and the older graphql-ws of the npm package
subscriptions-transport-ws.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, ClassVar, Protocol, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_ws.handlers import BaseGraphQLWSHandler

from headbox.resolvers.context import Context
from headbox.schema.build import ApiSchema
from headbox.schema.requests import Documents
from headbox.schema.results import Results, Wanted

#: WebSocket close code: a message is too large.
#: Source: RFC 6455, section 7.4.1.
TOO_LARGE = 1009


class Adapter(ASGIWebSocketAdapter):
    """Reads and writes the messages of one connection."""

    #: Longest message that is read, in characters.
    max_length: ClassVar[int]

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield the messages of the client, until it goes away."""
        while self.ws.application_state != WebSocketState.DISCONNECTED:
            try:
                text = await self.ws.receive_text()
            except KeyError as error:
                raise NonTextMessageReceived from error
            except WebSocketDisconnect:
                return
            if len(text) > self.max_length:
                await self.close(TOO_LARGE, f"A message has at most {self.max_length} characters")
                return
            try:
                message = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                if ignore_parsing_errors:
                    continue
                raise NonJsonMessageReceived from error
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message, as text: clients refuse binary frames."""
        await self.send_text(orjson.dumps(message).decode())

    async def send_text(self, text: str) -> None:
        """Send a message that is JSON already."""
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        try:
            await self.ws.send_text(text)
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


class StreamingApp(Protocol):
    """What the handlers need of the application."""

    api: ApiSchema
    results: Results


def bounded_adapter(max_message_length: int) -> type[Adapter]:
    """Return the adapter for messages of at most so many characters."""

    class BoundedAdapter(Adapter):
        max_length = max_message_length

    return BoundedAdapter


def _is_message(message: object, begins: str) -> bool:
    """Tell whether a message has the shape of its type; `begins` is the type that begins an operation."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] in {begins, "complete", "stop"} and not isinstance(message.get("id"), str):
        return False
    return message["type"] != begins or _is_operation(message.get("payload"))


def _is_operation(payload: object) -> bool:
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )


def _unreadable(documents: Documents, payload: Mapping[str, Any]) -> GraphQLError | None:
    """Return why an operation cannot be read, or None when it can."""
    try:
        documents.check(payload["query"]).operation(payload.get("operationName"))
    except GraphQLError as error:
        return error
    return None


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection of graphql-transport-ws."""

    websocket: Adapter

    @property
    def _app(self) -> StreamingApp:
        return cast("StreamingApp", self.view)

    async def handle_message(self, message: Any) -> None:
        """Handle a message; one of the wrong shape ends the connection, as the protocol says."""
        if _is_message(message, begins="subscribe"):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Invalid message")

    async def handle_subscribe(self, message: Any) -> None:
        """Begin an operation; one that cannot be read gets an error, and the connection goes on."""
        error = _unreadable(self._app.api.documents, message["payload"]) if self.connection_acknowledged else None
        if error is None or message["id"] in self.operations:
            await super().handle_subscribe(message)
        else:
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Send the results of an operation, and that it is complete."""
        wanted = Wanted(operation.query, operation.variables, operation.operation_name)
        lead = orjson.dumps(operation.id).decode()
        with suppress(WebSocketDisconnected):
            async with aclosing(self._app.results.of(wanted, self.context)) as results:
                async for result in results:
                    if result.refusal is not None:
                        await operation.send_operation_message(
                            {"id": operation.id, "type": "error", "payload": result.refusal}
                        )
                        return
                    await self.websocket.send_text(f'{{"id":{lead},"type":"next","payload":{result.payload.decode()}}}')
            await operation.send_operation_message({"id": operation.id, "type": "complete"})


class LegacyHandler(BaseGraphQLWSHandler[Context, None]):
    """One connection of the older graphql-ws."""

    websocket: Adapter

    @property
    def _app(self) -> StreamingApp:
        return cast("StreamingApp", self.view)

    async def handle_message(self, message: Any) -> None:
        """Handle a message; one of the wrong shape is passed over, as the protocol says."""
        if _is_message(message, begins="start"):
            await super().handle_message(message)

    async def handle_start(self, message: Any) -> None:
        """Begin an operation; one that cannot be read gets an error, and the connection goes on."""
        error = _unreadable(self._app.api.documents, message["payload"]) if self.connection_acknowledged else None
        if error is None:
            await super().handle_start(message)
        else:
            await self.send_message({"type": "error", "id": message["id"], "payload": error.formatted})

    async def handle_async_results(
        self, operation_id: str, query: str, operation_name: str | None, variables: dict[str, Any] | None
    ) -> None:
        """Send the results of an operation, and that it is complete."""
        lead = orjson.dumps(operation_id).decode()
        try:
            with suppress(WebSocketDisconnected):
                async with aclosing(
                    self._app.results.of(Wanted(query, variables, operation_name), self.context)
                ) as results:
                    async for result in results:
                        if result.refusal is not None:
                            await self.send_message({"type": "error", "id": operation_id, "payload": result.refusal[0]})
                            return
                        await self.websocket.send_text(
                            f'{{"type":"data","id":{lead},"payload":{result.payload.decode()}}}'
                        )
                await self.send_message({"type": "complete", "id": operation_id})
        finally:
            self.tasks.pop(operation_id, None)
