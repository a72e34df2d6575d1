"""The field types that several kinds share, with the limits of Flyte 1 and of Kubernetes.

Limits of Flyte are those of flyteadmin 1.16.8. A limit that only exists by practice, such as
the characters that break list filters, is enforced here too, since the server would accept the
object and then not find it. `WORDS` says each pattern in words; messages and documentation use it,
regular expressions are never shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, Strict, StringConstraints, WithJsonSchema

from reconciler.model.digest import SET_NAME

_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_QUALIFIED = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DNS_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_DOMAIN = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_FLYTE_NAME = r"^[^+;,()%\s]+$"
_VERSION = r"^[^+;,()%/\s]+$"
SET = f"^{SET_NAME.pattern}$"
_ENV = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"  # of a shell: a token pasted here does not pass
_URI = r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$"
_NO_SPACE = r"^\S+$"
_EMAIL = r"^[^@\s,;]+@[^@\s,;]+$"
_DURATION = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$"
_QUANTITY = r"^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$"
SHA256 = r"^[0-9a-f]{64}$"
_IMAGE_NAME = (
    r"^([A-Za-z0-9.-]+(:[0-9]{1,5})?/)?"
    r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
)
_IMAGE_TAG = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
_IMAGE_DIGEST = r"^sha256:[0-9a-f]{64}$"
ENDPOINT = r"^((dns:///|https?://)?)(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?$"
WEB = r"^https?://\S+$"
_GIT_PATH = r"[A-Za-z0-9_~@%][^\s?#\\]*"
_GIT_HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?"
GIT_URL = (
    rf"^((https|http|git)://([^\s/@]*@)?{_GIT_HOST}/{_GIT_PATH}"
    rf"|ssh://([A-Za-z0-9_][^\s/@]*@)?{_GIT_HOST}/{_GIT_PATH}"
    rf"|([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:{_GIT_PATH})$"
)
REF = r"^[A-Za-z0-9_]([A-Za-z0-9_./@#+=-]*[A-Za-z0-9_@#+=-])?$"
COMMIT = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
VERSIONS = r"^[0-9xXv*^~<>=|., +A-Za-z-]+$"
REPOSITORY = r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$"
REPOSITORY_PATH = r"^[A-Za-z0-9_@.]([^\s\\]*[^\s\\/])?$"
_PROJECT_OR_ALL = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|\*)$"
_DOMAIN_OR_ALL = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?|\*)$"
SECRET = r"^[A-Za-z0-9]([-A-Za-z0-9_]{0,61}[A-Za-z0-9])?$"  # noqa: S105 - names, not values
RUN_NAME = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
RUN_PREFIX = r"^[a-z][-a-z0-9]{0,61}$"
_ZONE = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"

_ENDS = "with a letter or digit at both ends"

WORDS: dict[str, str] = {
    _LABEL_VALUE: f"a label value: at most 63 letters, digits, `-`, `_` and `.`, {_ENDS}",
    _QUALIFIED: (
        f"a Kubernetes key: at most 63 letters, digits, `-`, `_` and `.`, {_ENDS},"
        " and optionally a DNS prefix and `/` before it"
    ),
    DNS_LABEL: f"a DNS label: at most 63 lower-case letters, digits and `-`, {_ENDS}",
    _DNS_NAME: f"a Kubernetes name: lower-case letters, digits, `-` and `.`, {_ENDS}",
    _DOMAIN: f"a domain: at most 63 letters, digits, `-`, `_` and `.`, {_ENDS}",
    _FLYTE_NAME: "a Flyte name: no white space and none of `+ ; , ( ) %`, which break its lists",
    _VERSION: "a Flyte version: no white space and none of `+ ; , ( ) % /`",
    SET: f"a set name: 3 to 20 lower-case letters, digits and `-`, {_ENDS}",
    _ENV: "an environment variable name: letters, digits, `_`, `-`, `.`, and no digit at its start",
    _VARIABLE: "an environment variable name: letters, digits and `_`, and no digit at its start",
    _URI: "a URI with a scheme, such as s3://bucket/prefix",
    _NO_SPACE: "text without white space",
    _EMAIL: "an e-mail address",
    _DURATION: "a Go duration, such as 90s, 10m or 1h30m",
    _QUANTITY: "a Kubernetes quantity, such as 500m, 2 or 1.5Gi",
    SHA256: "64 hexadecimal digits in lower case",
    _IMAGE_NAME: "an image without tag and digest, such as registry.example.com:5000/team/app",
    _IMAGE_TAG: "a tag of an image: at most 128 letters, digits, `_`, `.` and `-`",
    _IMAGE_DIGEST: "a digest of an image, sha256: and 64 hexadecimal digits in lower case",
    ENDPOINT: "a host, optionally with a port, such as flyte.example.com:443",
    GIT_URL: (
        "an address of a Git repository without credentials, such as"
        " https://git.example.com/team/specs or git@git.example.com:team/specs"
    ),
    REF: "a name of a branch or a tag: letters, digits and `_ . / @ # + = -`",
    COMMIT: "the whole hash of a commit: 40 or 64 hexadecimal digits in lower case",
    VERSIONS: 'a range of versions, such as ">=1.2 <2"',
    REPOSITORY: "a repository as its forge calls it, such as team/specs",
    REPOSITORY_PATH: "a folder of a repository, such as deploy/prod",
    WEB: "a web address, such as https://flyte.example.com",
    _PROJECT_OR_ALL: "a project id or `*`",
    _DOMAIN_OR_ALL: "a domain or `*`",
    SECRET: f"a secret name: at most 63 letters, digits, `-` and `_`, {_ENDS}",
    RUN_NAME: (
        "the name of a run: at most 63 lower-case letters, digits and `-`, with a letter at its"
        " start and a letter or digit at its end"
    ),
    RUN_PREFIX: (
        "the start of a run's name: at most 62 lower-case letters, digits and `-`, with a letter at"
        " its start"
    ),
    _ZONE: "a time zone name, such as Europe/Berlin or UTC",
}
"""What each pattern asks for, in words."""


def _whole(value: object) -> object:
    """Take 3.0 for 3: kubectl sends the same JSON for both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quantity(value: object) -> object:
    """Take a bare number for a quantity, as Kubernetes does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{_whole(value)}"


T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Many = Annotated[tuple[T, ...], Strict(strict=False)]
"""A list; kept as a tuple."""

Choice = Annotated[E, Strict(strict=False)]
"""One of the words of an enum."""

Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=2**31 - 1)]
Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=2**31 - 1)]

Text = Annotated[str, Field(min_length=1)]
NoSpace = Annotated[str, StringConstraints(pattern=_NO_SPACE)]
SetName = Annotated[str, StringConstraints(pattern=SET)]
ObjectName = Annotated[str, StringConstraints(pattern=_DNS_NAME, max_length=253)]
ProjectId = Annotated[str, StringConstraints(pattern=DNS_LABEL)]
Domain = Annotated[str, StringConstraints(pattern=_DOMAIN)]
ProjectOrAll = Annotated[str, StringConstraints(pattern=_PROJECT_OR_ALL)]
DomainOrAll = Annotated[str, StringConstraints(pattern=_DOMAIN_OR_ALL)]
FlyteName = Annotated[str, StringConstraints(pattern=_FLYTE_NAME, max_length=255)]
Version = Annotated[str, StringConstraints(pattern=_VERSION, max_length=255)]
Glob = NoSpace
Duration = Annotated[str, StringConstraints(pattern=_DURATION)]
Rate = Annotated[
    str,
    StringConstraints(min_length=1),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?$", "minLength": 2}
    ),
]
Zone = Annotated[str, StringConstraints(pattern=_ZONE)]
Moment = Annotated[
    str,
    StringConstraints(min_length=1),
    WithJsonSchema({"type": "string", "format": "date-time", "minLength": 1}),
]
WebAddress = Annotated[str, StringConstraints(pattern=WEB, max_length=2000)]
Uri = Annotated[str, StringConstraints(pattern=_URI)]
ImageName = Annotated[str, StringConstraints(pattern=_IMAGE_NAME, max_length=255)]
ImageTag = Annotated[str, StringConstraints(pattern=_IMAGE_TAG)]
ImageDigest = Annotated[str, StringConstraints(pattern=_IMAGE_DIGEST)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL)]
ServiceAccount = Annotated[str, StringConstraints(pattern=_DNS_NAME, max_length=253)]
EnvName = Annotated[str, StringConstraints(pattern=_ENV)]
VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE)]
Quantity = Annotated[
    str,
    BeforeValidator(_quantity),
    StringConstraints(pattern=_QUANTITY),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _QUANTITY}, {"type": "number", "minimum": 0}]}
    ),
]

LabelKey = Annotated[str, StringConstraints(pattern=_QUALIFIED)]
LabelValue = Annotated[str, StringConstraints(pattern=_LABEL_VALUE)]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]
Annotations = dict[LabelKey, str]
Envs = dict[EnvName, str]
Inputs = dict[Text, JsonValue]
Context = dict[Text, str]
Headers = Annotated[dict[Text, str], Field(max_length=20)]


class DeletionPolicy(StrEnum):
    """What happens on Flyte when the object's declaration is deleted."""

    DEACTIVATE = "Deactivate"
    ORPHAN = "Orphan"
    ARCHIVE = "Archive"
    DELETE = "Delete"
    TERMINATE = "Terminate"
