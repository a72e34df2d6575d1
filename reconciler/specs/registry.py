"""Which kinds there are, and the model of each that this version serves."""

from __future__ import annotations

from reconciler.specs.backfill import BackfillSpec
from reconciler.specs.connection import ConnectionSpec
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.package import PackageSpec
from reconciler.specs.project import ProjectSpec
from reconciler.specs.run import RunSpec
from reconciler.specs.secret import SecretSpec
from reconciler.specs.settings import SettingsSpec
from reconciler.specs.shape import Shape
from reconciler.specs.signal import SignalSpec
from reconciler.specs.sync import SyncSpec
from reconciler.specs.trigger import TriggerSpec

GROUP = "flyte.reconciler.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

KINDS: dict[str, type[Shape]] = {
    "FlyteSync": SyncSpec,
    "FlyteConnection": ConnectionSpec,
    "FlyteProject": ProjectSpec,
    "FlyteSettings": SettingsSpec,
    "FlytePackage": PackageSpec,
    "FlyteLaunchPlan": LaunchPlanSpec,
    "FlyteSecret": SecretSpec,
    "FlyteTrigger": TriggerSpec,
    "FlyteBackfill": BackfillSpec,
    "FlyteRun": RunSpec,
    "FlyteSignal": SignalSpec,
}
"""The kinds that this version serves, with the model of their `spec`."""

LATER: tuple[str, ...] = ()
"""The kinds that the language has and this version does not serve yet."""

ALL_KINDS = (*KINDS, *LATER)
