"""One call of a Flyte, what it may do, and the table of calls that a channel obeys."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class Effect(Enum):
    """What a call does to the backend."""

    READ = "read"
    WRITE = "write"


def always(_request: Message) -> bool:
    """Repeat whatever is sent: twice is as good as once."""
    return True


def never(_request: Message) -> bool:
    """Repeat nothing."""
    return False


def nothing(_request: Message) -> str:
    """Find no fault with a request."""
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[Request, Response]):
    """One call: its wire name, its messages, and what may be done with it.

    `package` is the protobuf package of its service. `needs` are the fields that must not be empty;
    `check` names a field that is wrong for another reason, or gives an empty string. `may_repeat`
    says whether sending this request twice is as good as once. `is_anonymous` calls carry no
    credentials. `is_stream` calls are answered by any number of messages.
    """

    name: str
    package: str
    request: type[Request]
    response: type[Response]
    effect: Effect
    needs: tuple[str, ...]
    may_repeat: Callable[[Request], bool]
    check: Callable[[Request], str] = nothing
    is_anonymous: bool = False
    is_stream: bool = False
    _checks: tuple[tuple[str, Callable[[Request], object]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checks = tuple((need, attrgetter(need)) for need in self.needs)
        object.__setattr__(self, "_checks", checks)

    @property
    def path(self) -> str:
        """The HTTP/2 path of the call."""
        service, _, name = self.name.partition(".")
        return f"/{self.package}.{service}/{name}"

    def missing(self, request: Request) -> str:
        """Name the first field that is empty or of the wrong kind, or return an empty string."""
        for need, get in self._checks:
            if not get(request):
                return need
        return self.check(request)


class Table(dict[str, Method[Any, Any]]):
    """Every call of one Flyte by its name, for example `AdminService.ListTasks`.

    `packages` are the protobuf packages of the services. A call that is not in its table cannot be
    made.
    """

    def __init__(self, packages: Mapping[str, str]) -> None:
        super().__init__()
        self._packages = packages

    def read(
        self,
        name: str,
        request: type[Request],
        response: type[Response],
        *needs: str,
        check: Callable[[Request], str] = nothing,
        is_anonymous: bool = False,
        is_stream: bool = False,
    ) -> Method[Request, Response]:
        """Add a call that changes nothing; with `is_stream` it is answered by many messages."""
        method = Method(
            name=name,
            package=self._package(name),
            request=request,
            response=response,
            effect=Effect.READ,
            needs=needs,
            may_repeat=always,
            check=check,
            is_anonymous=is_anonymous,
            is_stream=is_stream,
        )
        self[name] = method
        return method

    def write(
        self,
        name: str,
        request: type[Request],
        response: type[Response],
        *needs: str,
        may_repeat: Callable[[Request], bool] = never,
        check: Callable[[Request], str] = nothing,
    ) -> Method[Request, Response]:
        """Add a call that changes the backend; without `may_repeat` it is sent once."""
        method = Method(
            name=name,
            package=self._package(name),
            request=request,
            response=response,
            effect=Effect.WRITE,
            needs=needs,
            may_repeat=may_repeat,
            check=check,
        )
        self[name] = method
        return method

    def _package(self, name: str) -> str:
        return self._packages[name.partition(".")[0]]
