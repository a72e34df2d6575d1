"""Pods of Flyte 2, played: the command of a task's container is run where the test runs.

A pod reads and writes S3, so a stand-in for it is in front of the files of the embedded Flyte.
"""

from __future__ import annotations

import http
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import engine2_kit as engine
from client_kit import environment
from flyte_kit import SDK, Sdk
from flyteidl2.actions import actions_service_pb2, actions_service_pb2_grpc
from flyteidl2.core import execution_pb2
from flyteidl2.workflow import (
    internal_run_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flyteidl2.common import identifier_pb2

    from reconciler.server.objects import Objects

_SECONDS = 120
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class _S3(BaseHTTPRequestHandler):
    """Reads and writes of whole objects; paths are BUCKET/KEY."""

    objects: Objects
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(*self._passed_on("GET"))

    def do_HEAD(self) -> None:
        self._answer(*self._passed_on("GET"))

    def do_PUT(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self._answer(*self._passed_on("PUT", self.rfile.read(length)))

    def log_message(self, *_arguments: object) -> None:
        pass

    def _passed_on(self, method: str, body: bytes | None = None) -> tuple[int, bytes]:
        place = "s3:/" + urllib.parse.unquote(self.path.partition("?")[0])
        url = self.objects.signed_url(method, place, seconds=_SECONDS)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    def _answer(self, status: int, body: bytes) -> None:
        total, asked = len(body), _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked and status == http.HTTPStatus.OK:
            first, last = int(asked[1]), int(asked[2] or total - 1)
            status, body = http.HTTPStatus.PARTIAL_CONTENT, body[first : last + 1]
        self.send_response(status)
        if status == http.HTTPStatus.PARTIAL_CONTENT:
            part = f"bytes {first}-{first + len(body) - 1}/{total}"
            self.send_header("Content-Range", part)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def s3(objects: Objects) -> Iterator[str]:
    """The URL of an S3 with the files of an embedded Flyte."""
    handler = type("Handler", (_S3,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Pods:
    """Runs actions of one Flyte as its pods would; `folder` is what their image holds."""

    sdk: Sdk
    bucket: str
    folder: Path

    def start(
        self, action: identifier_pb2.ActionIdentifier, **secrets: str
    ) -> subprocess.Popen[str]:
        """Run the command of an action's container, with secrets as the cluster injects them."""
        container = self._details(action).task.task_template.container
        values = self._values(action)
        arguments = [values.get(one, one) for one in (*container.command, *container.args)]
        program, *rest = arguments
        variables = {one.key: one.value for one in container.env} | self._variables(action)
        return subprocess.Popen(
            [str(SDK / "bin" / program), *rest],
            cwd=self.folder,
            env=environment(**self.sdk.variables, **variables, **secrets),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, action: identifier_pb2.ActionIdentifier, pod: subprocess.Popen[str]) -> str:
        """Wait for a pod, and tell of its end as who watches it does; what it printed."""
        said, _ = pod.communicate(timeout=_SECONDS)
        assert pod.returncode == 0, said
        place = self._place(action)
        if self._holds(f"{place}/outputs.pb"):
            self._tell(action, engine.SUCCEEDED, outputs=engine.outputs(f"{place}/outputs.pb"))
        else:
            found = execution_pb2.ErrorDocument.FromString(self.sdk.stored(f"{place}/error.pb"))
            self._tell(action, engine.FAILED, error_info=engine.failure(found.error.message))
        return said

    def child(
        self, parent: identifier_pb2.ActionIdentifier, pod: subprocess.Popen[str]
    ) -> identifier_pb2.ActionIdentifier:
        """Wait for the first action that a running one starts."""
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and pod.poll() is None:
            for action in self._around(parent):
                if action.action_id.name != parent.name:
                    return action.action_id
            time.sleep(0.2)
        pod.kill()
        raise AssertionError(pod.communicate()[0])

    def _tell(self, action: identifier_pb2.ActionIdentifier, phase: int, **rest: Any) -> None:
        stub = internal_run_service_pb2_grpc.InternalRunServiceStub(self.sdk.channel)
        event = engine.event(action, phase, **rest)
        stub.RecordActionEvents(engine.events([event]))
        stub.UpdateActionStatus(engine.status(action, phase))

    def _details(self, action: identifier_pb2.ActionIdentifier) -> Any:
        request = run_service_pb2.GetActionDetailsRequest(action_id=action)
        return self._runs.GetActionDetails(request).details

    def _place(self, action: identifier_pb2.ActionIdentifier) -> str:
        """Where the one attempt of an action writes."""
        (own,) = (one for one in self._around(action) if one.action_id.name == action.name)
        return str(own.output_uri)

    def _around(self, action: identifier_pb2.ActionIdentifier) -> Iterator[Any]:
        """An action and those that it started, as far as they are known by now."""
        request = actions_service_pb2.WatchForUpdatesRequest(parent_action_id=action)
        watch = self._actions.WatchForUpdates(request, timeout=_SECONDS)
        for message in watch:
            if message.HasField("control_message"):
                watch.cancel()
                return
            yield message.action_update

    def _holds(self, place: str) -> bool:
        try:
            return bool(self.sdk.stored(place))
        except FileNotFoundError:
            return False

    def _values(self, action: identifier_pb2.ActionIdentifier) -> dict[str, str]:
        request = run_service_pb2.GetActionDataURIsRequest(action_id=action)
        place = self._place(action)
        return {
            "{{.input}}": self._runs.GetActionDataURIs(request).inputs_uri,
            "{{.outputPrefix}}": place,
            "{{.rawOutputDataPrefix}}": f"{place}/raw",
            "{{.checkpointOutputPrefix}}": f"{place}/checkpoint",
            "{{.prevCheckpointPrefix}}": "",
        }

    def _variables(self, action: identifier_pb2.ActionIdentifier) -> dict[str, str]:
        run = action.run
        return {
            "ACTION_NAME": action.name,
            "RUN_NAME": run.name,
            "FLYTE_INTERNAL_EXECUTION_PROJECT": run.project,
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": run.domain,
            "_U_ORG_NAME": "testorg",
            "_U_EP_OVERRIDE": self.sdk.endpoint,
            "_U_INSECURE": "true",
            "_U_USE_ACTIONS": "1",
            "_U_RUN_BASE": f"s3://embedded/{run.project}/{run.domain}/{run.name}",
            "FLYTE_AWS_ENDPOINT": self.bucket,
            "FLYTE_AWS_ACCESS_KEY_ID": "key",
            "FLYTE_AWS_SECRET_ACCESS_KEY": "secret",
        }

    @property
    def _runs(self) -> run_service_pb2_grpc.RunServiceStub:
        return run_service_pb2_grpc.RunServiceStub(self.sdk.channel)

    @property
    def _actions(self) -> Any:
        return actions_service_pb2_grpc.ActionsServiceStub(self.sdk.channel)
