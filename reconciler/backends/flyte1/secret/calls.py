"""Writes and deletes keys of Kubernetes Secrets; the one place where a value is sent.

Keys of one group that are written at the same time are one server-side apply. An apply says all
that we want of a Secret, so that it repeats what we applied before; keys of others are not in it
and stay. It names the version that was read, and is made again when only others' keys moved.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler.backends.flyte1.secret.kept import MANAGED_BY, MANAGER, SET, Kept
from reconciler.backends.flyte1.secret.spec import body_of, entry_of, group_of, together
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.kubernetes.client import Object
from reconciler.errors import BackendError, ConflictError, ReconcilerError, UsageError
from reconciler.model.key import Key, Place
from reconciler.model.secret import Secret
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action

Results = dict[Key, str | ReconcilerError]
Work = Callable[[Mapping[Key, Action], Results], Awaitable[None]]

_TRIES = 3


@dataclass(slots=True)
class Writer:
    """Gathers what is to be done with a group, and does it at once."""

    vault: Vault
    _waiting: dict[str, list[tuple[Action, asyncio.Future[str]]]] = field(default_factory=dict)

    async def perform(self, action: Action) -> str:
        """Write or delete one key; returns its revision, empty when it is gone.

        Raises ConflictError when somebody else changed it since it was read, UsageError when its
        value is not to be had or is no longer the one that was planned.
        """
        name = together(action.key)
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(name, [])
        waiting.append((action, done))
        if len(waiting) == 1:
            await self._carry_out(name)
        return await done

    async def _carry_out(self, name: str) -> None:
        """Do for all who wait what the first of them came for."""
        async with self.vault.lock(name):
            await asyncio.sleep(0)  # those that were started beside this one come in
            batch = self._waiting.pop(name)
            try:
                for verb, work in ((Verb.DEPLOY, self._deploy), (Verb.DELETE, self._delete)):
                    results = await _settled(work, {a.key: a for a, _ in batch if a.verb is verb})
                    for action, done in batch:
                        if action.verb is verb:
                            _tell(done, results[action.key])
            except Exception as error:  # noqa: BLE001 - whoever waits must be told
                for _, done in batch:
                    _tell(done, error)
            finally:
                for _, done in batch:
                    done.cancel()  # who was told does not mind

    async def _deploy(self, actions: Mapping[Key, Action], results: Results) -> None:
        values: dict[Key, Secret[bytes]] = {}
        for key, action in actions.items():
            try:
                values[key] = await self._value(action)
            except ReconcilerError as error:
                results[key] = error
        for attempt in range(1, _TRIES + 1):
            if not values:
                return
            kept = await self._read(next(iter(values)))
            for key in list(values):
                if kept.revision(entry_of(key)) != actions[key].revision:
                    results[key] = _moved(key)
                    del values[key]
            try:
                written = await self._apply(kept, values) if values else kept
            except ConflictError:
                if attempt == _TRIES:
                    raise
            else:
                results.update({key: written.revision(entry_of(key)) for key in values})
                return

    async def _value(self, action: Action) -> Secret[bytes]:
        content = self.vault.contents.get(action.key)
        if content is None or body_of(content) != action.body:
            raise UsageError(
                f"{action.key}: its declaration is not the one that was planned; make the plan "
                "again"
            )
        return await asyncio.to_thread(content.read)

    async def _apply(self, kept: Kept, values: Mapping[Key, Secret[bytes]]) -> Kept:
        first = next(iter(values))
        data = {key: kept.encoded(key).reveal() for key in kept.applied}
        for key, value in values.items():
            data[entry_of(key)] = base64.b64encode(value.reveal()).decode()
        metadata: Object = {"name": group_of(first)}
        body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        if kept.uid:
            metadata |= {"uid": kept.uid, "resourceVersion": kept.version}
            labels, type_ = dict(kept.applied_labels), kept.applied_type
        else:
            labels = {MANAGED_BY: MANAGER, SET: self.vault.contents[first].set_name}
            type_ = "Opaque"
        metadata |= {"labels": labels} if labels else {}
        body |= {"type": type_} if type_ else {}
        cluster = await self.vault.cluster()
        path = self.vault.path(first.place, group_of(first))
        try:
            answer = await cluster.apply(path, body, manager=MANAGER, force=bool(kept.uid))
        except BackendError as error:
            if error.code == "NotFound":
                raise self._without_namespace(first.place, error) from error
            raise
        return Kept(answer)

    async def _delete(self, actions: Mapping[Key, Action], results: Results) -> None:
        """Take keys out of a Secret; one that is ours goes with its last key."""
        first = next(iter(actions))
        kept = await self._read(first)
        going: list[Key] = []
        for key, action in actions.items():
            found = kept.revision(entry_of(key))
            if found and found == action.revision:
                going.append(key)
            else:
                results[key] = _moved(key) if found else ""
        if not going:
            return
        cluster = await self.vault.cluster()
        path = self.vault.path(first.place, group_of(first))
        if kept.is_ours and kept.keys == {entry_of(key) for key in going}:
            await cluster.delete(path, precondition_uid=kept.uid, precondition_version=kept.version)
        else:
            gone: Object = {entry_of(key): None for key in going}
            body: Object = {"metadata": {"resourceVersion": kept.version}, "data": gone}
            await cluster.merge(path, body)
        results.update(dict.fromkeys(going, ""))

    async def _read(self, key: Key) -> Kept:
        return await self.vault.read(key.place, group_of(key))

    def _without_namespace(self, place: Place, error: BackendError) -> BackendError:
        namespace = self.vault.namespace(place)
        return BackendError(
            f"{place}: the namespace {namespace} is not there; Flyte makes it some time after the "
            "project, so apply again then, or correct secrets.namespace in the FlyteConnection",
            method=error.method,
            code="NamespaceNotFound",
        )


async def _settled(work: Work, actions: Mapping[Key, Action]) -> Results:
    """Do it, and give what goes wrong with the whole to each that has no result of its own."""
    results: Results = {}
    if actions:
        try:
            await work(actions, results)
        except ReconcilerError as error:
            results.update({key: error for key in actions if key not in results})
    return results


def _tell(done: asyncio.Future[str], result: str | Exception) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)


def _moved(key: Key) -> ConflictError:
    return ConflictError(f"{key}: somebody else changed it in between; run again")
