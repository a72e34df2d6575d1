"""What the API server checks between fields, in CEL, with the words that `validate` has for it.

A rule is said here when CEL can say it within the API server's cost limits; what it cannot see
(inputs, versions that are followed) is left to the operator, which reports it in the status.
`exactly_one` and `at_most_one` of the models need no entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.digest import UNCLAIMED
from reconciler.specs import (
    backfill,
    connection,
    git,
    launch_plan,
    package,
    project,
    run,
    secret,
    settings,
    signal,
    sync,
)
from reconciler.specs import trigger as triggers
from reconciler.specs.fields import DNS_LABEL, SET, WORDS
from reconciler.specs.shape import Shape


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of the value `self`, and what is said when it does not."""

    holds: str
    message: str


def literal(text: str) -> str:
    """Write text as CEL has it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def has(name: str) -> str:
    """Say that a field is given; words of CEL's own are written as the API server asks."""
    return f"has(self.{'__package__' if name == 'package' else name})"


def any_of(*names: str) -> str:
    """Say that one of some fields is given."""
    return f"({' || '.join(map(has, names))})"


def at_most_one(*names: str) -> str:
    """Say that no two of some fields are given."""
    return f"[{', '.join(map(has, names))}].filter(x, x).size() <= 1"


def either(names: tuple[str, ...]) -> str:
    """Write names as a choice."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _needs(one: str, other: str) -> Rule:
    return Rule(f"!{has(one)} || {has(other)}", f"{one} needs {other} too; add {other}")


def _excludes(one: str, names: tuple[str, ...], why: str) -> Iterator[Rule]:
    for name in names:
        yield Rule(f"!{has(one)} || !{has(name)}", f"{name} {why}")


def _above_zero(name: str) -> Rule:
    holds = f"!has(self.{name}) || duration(self.{name}) > duration('0s')"
    return Rule(holds, f"{name} is not above zero; write 1s or more")


def _auth() -> Iterator[Rule]:
    modes_of: dict[str, list[str]] = {}
    for mode, names in connection.USED_BY.items():
        for name in names:
            modes_of.setdefault(name, []).append(mode)
            if name in connection.NEEDED:
                holds = f"!has(self.mode) || self.mode != '{mode}' || has(self.{name})"
                yield Rule(holds, f"mode {mode} needs {name}; add {name}")
    for name, modes in modes_of.items():
        nothing = f"!has(self.{name})"
        if name == "scopes":
            nothing += " || self.scopes.size() == 0"
        right = " || ".join(f"self.mode == '{mode}'" for mode in modes)
        why = f"{name} has no effect with another mode; write mode: {' or '.join(modes)}"
        yield Rule(f"{nothing} || (has(self.mode) && ({right}))", why)


def _tls() -> Iterator[Rule]:
    for ending in ("File", "SecretKeyRef"):
        yield _needs(f"cert{ending}", f"key{ending}")
        yield _needs(f"key{ending}", f"cert{ending}")
    plain = "!has(self.insecure) || !self.insecure"
    for what in ("ca", "cert", "key"):
        file, secret = f"{what}File", f"{what}SecretKeyRef"
        why = f"has no effect: {secret} says it too; keep one of the two"
        yield from _excludes(secret, (file,), why)
        for name in (file, secret):
            why = f"{name} has no effect: insecure is true; keep one of the two"
            yield Rule(f"{plain} || !has(self.{name})", why)
    holds = f"{plain} || !has(self.insecureSkipVerify) || !self.insecureSkipVerify"
    yield Rule(holds, "insecureSkipVerify has no effect: insecure is true; keep one of the two")


def _connection() -> Iterator[Rule]:
    for way in ("embedded", "config"):
        why = f"is not allowed with {way}, which says how to connect; remove it"
        yield from _excludes(way, ("tls", "auth"), why)


def _schedule(*, of: str) -> Iterator[Rule]:
    holds = "!has(self.every) || self.every.matches('[1-9]')"
    yield Rule(holds, "every is a rate of zero; write 1m or more, or leave the schedule out")
    yield from _excludes("every", ("timezone",), "has no meaning for a fixed rate; use cron")
    if of == "plan":
        why = "is not passed by Flyte at a fixed rate, so the input would stay empty; use cron"
        yield from _excludes("every", ("kickoffInput",), why)
        why = "belongs to every; a cron schedule has no timer; remove it"
        yield from _excludes("cron", ("acknowledgeRestarts",), why)
        why = "gaps needs ticks, and a fixed rate is a timer that has none of its own; use cron"
        yield Rule("!has(self.every) || !has(self.gaps) || self.gaps == 'Ignore'", why)
        why = "lookBack has no effect without gaps; write gaps: Report or Fill"
        yield Rule("!has(self.lookBack) || (has(self.gaps) && self.gaps != 'Ignore')", why)
    else:
        why = "belongs to every; a cron counts from nothing; remove it"
        yield from _excludes("cron", ("from",), why)


def _plan() -> Iterator[Rule]:
    why = "is not allowed with existing, which only chooses the active version; remove it"
    yield from _excludes("existing", tuple(sorted(launch_plan.OF_OUR_PLANS)), why)
    timer = "has(self.schedule) && has(self.schedule.every)"
    follows = "has(self.workflow) && has(self.workflow.__package__)"
    accepted = "has(self.schedule.acknowledgeRestarts) && self.schedule.acknowledgeRestarts"
    yield Rule(
        f"!({timer} && {follows}) || ({accepted})",
        "schedule.every is a fixed rate on a workflow that follows a package: each new version"
        " restarts its timer, so that it may never fire; write cron, or accept it with"
        " acknowledgeRestarts: true",
    )


def _package() -> Iterator[Rule]:
    local = "!self.archive.contains('://') || self.archive.startsWith('file://')"
    schemes = [f"self.archive.startsWith('{one}://')" for one in package.REMOTE_SCHEMES]
    allowed = ", ".join(package.REMOTE_SCHEMES)
    yield Rule(
        f"{local} || {' || '.join(schemes)}",
        f"archive has a scheme that is not allowed; allowed are {allowed}, or a local path",
    )
    why = "archive is remote, so its content must be pinned; add sha256"
    yield Rule(f"{local} || has(self.sha256)", why)


def _secret() -> Iterator[Rule]:
    yield _needs("group", "key")
    yield Rule(
        "!has(self.key) || has(self.group) || has(self.name)", "key needs group too; add group"
    )
    for name in ("name", "group", "key"):
        why = f'{name} holds "__", which separates the parts of a secret; use one underscore'
        yield Rule(f"!has(self.{name}) || !self.{name}.contains('__')", why)
    holds = "!has(self.revision) || !has(self.rotate) || self.rotate == 'OnChange'"
    yield Rule(holds, "revision has no effect with rotate: Always or Never; keep one of the two")


def _place(other: str) -> Rule:
    holds = f"!{has(other)} || !{any_of('project', 'domain')}"
    why = f"project and domain are not allowed with {other}, which says where the workflow is"
    return Rule(holds, f"{why}; remove them")


def _git() -> Iterator[Rule]:
    tags = "self.verify.mode in ['Tag', 'TagAndHead']"
    asks = f"(has(self.verify) && has(self.verify.mode) && {tags})"
    yield Rule(
        f"!has(self.url) || !self.url.matches({literal(git.CREDENTIALS.pattern)})",
        "url holds credentials; take them out; write secretRef",
    )
    yield Rule(
        "!has(self.path) || !self.path.matches('(^|/)([.]|[.][.]|[.]git)(/|$)')",
        "path is no folder of a repository; write it without `.` and `..`",
    )
    yield Rule(
        f"!{asks} || (has(self.ref) && (has(self.ref.tag) || has(self.ref.semver)))",
        "verify.mode needs a tag; write ref.tag or ref.semver",
    )
    yield Rule(
        f"!{asks} || !has(self.resetTo)",
        "resetTo is reached by no tag, which verify.mode asks for; write ref.tag instead",
    )
    yield Rule(
        "!has(self.resetTo) || !has(self.ref) || !has(self.ref.commit)",
        "resetTo excludes ref.commit, which is given too; keep one of the two",
    )
    yield Rule(
        "!has(self.pullRequests) || (has(self.webhook) && has(self.webhook.forge)"
        " && self.webhook.forge in ['GitHub', 'GitLab', 'Gitea'])",
        "pullRequests needs a webhook of GitHub, GitLab or Gitea; write webhook, or remove it",
    )


_PART = r"(\{(project|domain)\}|[a-z0-9])"
_NAMESPACE = f"^{_PART}(({_PART}|-)*{_PART})?$"
_EMPTY_IMAGE = "needs newName, newTag or digest; add one of them"

RULES: dict[type[Shape], tuple[Rule, ...]] = {
    backfill.BackfillSpec: (
        Rule(
            "!has(self.terminate) || !self.terminate"
            " || (has(self.state) && self.state == 'Cancelled')",
            "terminate has no effect unless the backfill is cancelled; write state: Cancelled",
        ),
    ),
    connection.Tls: tuple(_tls()),
    connection.Auth: tuple(_auth()),
    connection.ConnectionLimits: (_above_zero("deadline"),),
    connection.ConnectionSecrets: (
        Rule(
            f"!has(self.__namespace__) || self.__namespace__.matches({literal(_NAMESPACE)})",
            "namespace gives no name of a namespace; write lower-case letters, digits and `-`,"
            " with {project} and {domain}",
        ),
    ),
    connection.ConnectionSpec: tuple(_connection()),
    sync.SyncSpec: (
        _above_zero("interval"),
        Rule(
            "!has(self.render) || self.render == 'None' || !has(self.scopes)"
            " || !self.scopes.exists(scope, has(scope.files) && size(scope.files) > 0)",
            "files of scopes cannot be told of what is rendered; remove them",
        ),
    ),
    git.GitSpec: tuple(_git()),
    launch_plan.WorkflowReference: (_place("package"), _place("sameAs")),
    launch_plan.Schedule: tuple(_schedule(of="plan")),
    launch_plan.LaunchPlanSpec: tuple(_plan()),
    package.PackageImage: (Rule(any_of("newName", "newTag", "digest"), _EMPTY_IMAGE),),
    package.PackageSpec: tuple(_package()),
    run.CodeTarget: (
        Rule(
            f"!{has('package')} || !{any_of('project', 'domain')}",
            "project and domain are not allowed with package, which says where it is; remove them",
        ),
    ),
    run.RunNotification: (
        Rule("!has(self.message) || has(self.email)", "message belongs to email; remove it"),
    ),
    run.RunOverrides: (_above_zero("timeout"),),
    run.RunSpec: (
        Rule(
            "!has(self.cause) || (has(self.state) && self.state == 'Terminated')",
            "cause says why a run is terminated; write state: Terminated",
        ),
        Rule(
            "!has(self.overrides) || has(self.task)",
            "overrides is of a task that is run by itself; remove it",
        ),
        _above_zero("ttl"),
    ),
    signal.SignalSpec: (
        Rule(
            "!has(self.approve) || self.approve",
            "approve says nothing when it is false; write reject: true, or remove the document",
        ),
        Rule(
            "!has(self.reject) || self.reject",
            "reject says nothing when it is false; write approve: true, or remove the document",
        ),
    ),
    secret.SecretScope: (_needs("project", "domain"),),
    secret.SecretSpec: tuple(_secret()),
    triggers.TriggerSchedule: tuple(_schedule(of="trigger")),
    triggers.TriggerNotification: (
        Rule("!has(self.message) || has(self.email)", "message belongs to email; remove it"),
    ),
    triggers.TriggerSpec: (
        Rule(
            "!has(self.context) || self.context.all(key, !key.startsWith('_u_'))",
            "a key of context begins with _u_, which the SDK of the task keeps for itself;"
            " rename it",
        ),
    ),
}
"""The rules of models, beside those that the models hold as data."""

OF_DOCUMENTS: dict[str, tuple[Rule, ...]] = {
    "FlyteSync": (
        Rule(f"self.metadata.name.matches({literal(SET)})", f"metadata.name must be {WORDS[SET]}"),
        Rule(
            f"self.metadata.name != '{UNCLAIMED}'",
            f'metadata.name: "{UNCLAIMED}" is reserved for documents that have no FlyteSync',
        ),
        Rule(
            "!has(self.spec) || !has(self.spec.previousNames)"
            " || !self.spec.previousNames.exists(name, name == self.metadata.name)",
            "spec.previousNames: holds the name that the set has now; remove it",
        ),
        Rule(
            "!has(self.spec) || !has(self.spec.dependsOn)"
            " || !self.spec.dependsOn.exists(name, name == self.metadata.name)",
            "spec.dependsOn: holds the FlyteSync itself; remove it",
        ),
    ),
    "FlyteConnection": (
        Rule(
            f"!(self.metadata.name in [{', '.join(map(literal, connection.RESERVED_NAMES))}])",
            f"metadata.name: {' and '.join(connection.RESERVED_NAMES)} are connections that need no"
            " declaration; choose another name",
        ),
    ),
    "FlyteProject": (
        Rule(
            f"(has(self.spec) && has(self.spec.name)) || self.metadata.name.matches("
            f"{literal(DNS_LABEL)})",
            f"metadata.name is not {WORDS[DNS_LABEL]}; write the project id in spec.name",
        ),
    ),
}
"""The rules of whole documents, by kind."""

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_ABSOLUTE = rf"{_DATE}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
_RELATIVE = r"now|[-+]([0-9]{1,5}w)?([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,8}m)?([0-9]{1,9}s)?"
_ZONED = r"([Zz]|[+-][0-9]{2}:?[0-9]{2})$"

LIMITS: dict[tuple[type[Shape], str], dict[str, object]] = {
    (connection.ConnectionSecrets, "namespace"): {"maxLength": 253},
    (backfill.BackfillSpec, "from"): {"pattern": f"^({_ABSOLUTE}|{_RELATIVE})$"},
    (backfill.BackfillSpec, "to"): {"pattern": f"^({_ABSOLUTE}|{_RELATIVE})$"},
    (backfill.BackfillSpec, "anchor"): {"pattern": f"^{_ABSOLUTE}$"},
    (launch_plan.Schedule, "every"): {"maxLength": 64},
    (run.RunSpec, "ttl"): {"maxLength": 64},
    (run.RunOverrides, "timeout"): {"maxLength": 64},
    (run.RunSpec, "inputsFrom"): {"maxProperties": 100},
    (run.RunSpec, "after"): {"maxItems": 100},
    (run.RunSpec, "notifications"): {"maxItems": 50},
    (launch_plan.Schedule, "lookBack"): {"maxLength": 64},
    (triggers.TriggerSchedule, "every"): {"maxLength": 64},
    (triggers.TriggerSchedule, "from"): {"pattern": _ZONED},
    (project.ProjectSpec, "description"): {"maxLength": project.MOST_DESCRIPTION},
    (project.ProjectSpec, "domains"): {"maxProperties": 32},
    (project.DomainLevel, "workflows"): {"maxProperties": 500},
    (project.Attributes, "taskResources"): {"minProperties": 1},
    (project.Attributes, "workflowExecution"): {"minProperties": 1},
    (project.Attributes, "pluginOverrides"): {
        "maxItems": 100,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["taskType"],
    },
    (project.Attributes, "executionQueueTags"): {
        "maxItems": 100,
        "x-kubernetes-list-type": "set",
    },
    **{
        (settings.Settings, name): {"minProperties": 1}
        for name in ("run", "security", "storage", "taskResources")
    },
    (settings.TaskResourceSettings, "min"): {"minProperties": 1},
    (settings.TaskResourceSettings, "max"): {"minProperties": 1},
    (triggers.TaskReference, "version"): {"maxLength": triggers.LONGEST_VERSION},
    (triggers.TriggerSpec, "context"): {"maxProperties": 256},
    (triggers.RunOptions, "notifications"): {"maxItems": 100},
    (launch_plan.LaunchPlanSpec, "notifications"): {"maxItems": 100},
    (package.PackagedPlans, "plans"): {
        "maxItems": 500,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    },
    (package.PackageSpec, "images"): {
        "maxItems": 100,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    },
    (sync.SyncSpec, "previousNames"): {"maxItems": 20, "x-kubernetes-list-type": "set"},
    **{
        (shape, name): {"maxItems": 100, "x-kubernetes-list-type": "set"}
        for shape in (launch_plan.Notification, triggers.TriggerNotification)
        for name in ("phases", "email", "pagerDuty", "slack")
    },
}
"""What a field is held to in a cluster: `faults` that a schema can say, and sizes, without which
the API server refuses rules as too costly."""
