"""Where kustomize and helm are: built by Go the first time, each into the tests' cache."""

from __future__ import annotations

from pathlib import Path

import go_tools

_HERE = Path(__file__).parent


def search_path() -> str:
    """The search path on which both programs are, and nothing else."""
    kustomize = go_tools.Tools(
        _HERE / "render_tools" / "kustomize", ("sigs.k8s.io/kustomize/kustomize/v5",)
    )
    helm = go_tools.Tools(_HERE / "kube" / "tools" / "helm", ("helm.sh/helm/v3/cmd/helm",))
    return ":".join(str(go_tools.folder_of(one)) for one in (kustomize, helm))
