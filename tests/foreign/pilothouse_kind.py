"""A pytest plugin: suites that start a kind cluster (pytest-kind) get the cluster that KUBECONFIG names instead.

Nothing of a suite is changed: `pytest_kind.cluster` is answered by the class below, which has the members that suites
use. Load it with `-p pilothouse_kind` and this folder on PYTHONPATH.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import types


class KindCluster:
    """The cluster that is there already."""

    def __init__(self, name, kubeconfig=None, image=None, kind_path=None, kubectl_path=None):
        self.name = name
        self.kubeconfig_path = pathlib.Path(kubeconfig or os.environ["PILOTHOUSE_KUBECONFIG"])
        self.kubectl_path = pathlib.Path(kubectl_path or shutil.which("kubectl"))

    def create(self, config_file=None):
        """It runs already."""

    def delete(self):
        """Whoever started it stops it."""

    def kubectl(self, *arguments, **options):
        """What kubectl prints; raises if it fails."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig_path)}
        return subprocess.check_output(
            [str(self.kubectl_path), *arguments], env=environment, encoding="utf-8", **options
        )


module = types.ModuleType("pytest_kind.cluster")
module.KindCluster = KindCluster
package = types.ModuleType("pytest_kind")
package.cluster, package.KindCluster = module, KindCluster
sys.modules["pytest_kind"], sys.modules["pytest_kind.cluster"] = package, module


def pytest_addoption(parser):
    """The option that the real plugin adds."""
    parser.addoption("--keep-cluster", action="store_true", help="the cluster is always kept")
