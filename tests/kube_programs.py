"""Where etcd, kube-apiserver, kubectl and helm are: named, or built by Go the first time.

`KUBEBUILDER_ASSETS` names a folder with the first three, as setup-envtest makes it; helm is then
that folder's or the search path's. `python tests/kube_programs.py` builds what is missing.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import go_tools

NAMES = ("etcd", "kube-apiserver", "kubectl", "helm")
_HERE = Path(__file__).parent / "kube" / "tools"


def find() -> dict[str, Path]:
    """The programs by name."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return {name: (_named(Path(named), name) if named else _built(name)) for name in NAMES}


def _named(folder: Path, name: str) -> Path:
    path = folder / name
    if path.exists():
        return path
    if name == "helm":
        found = shutil.which(name)
        return Path(found) if found else _built(name)
    raise AssertionError(f"{path}: KUBEBUILDER_ASSETS names a folder without {name}")


def _built(name: str) -> Path:
    match name:
        case "etcd":
            # Go names the program after the module, whose path ends in `server/v3`.
            tools = go_tools.Tools(_HERE / "etcd", ("go.etcd.io/etcd/server/v3",))
            return go_tools.folder_of(tools) / "server"
        case "helm":
            tools = go_tools.Tools(_HERE / "helm", ("helm.sh/helm/v3/cmd/helm",))
        case _:
            programs = ("k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kubectl")
            tools = go_tools.Tools(_HERE / "kubernetes", programs, _linker())
    return go_tools.folder_of(tools) / name


def _linker() -> tuple[str, ...]:
    """Tell the programs their version, which they do not know of themselves."""
    text = (_HERE / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    found = re.search(
        r"^\s*(?:require )?k8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)", text, re.MULTILINE
    )
    assert found is not None
    version, major, minor = found.groups()
    known = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    told = [f"-X {at}.{name}={value}" for at in packages for name, value in known.items()]
    return ("-s", "-w", *told)


if __name__ == "__main__":
    for path in find().values():
        print(path)
