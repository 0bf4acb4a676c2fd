#!/usr/bin/env python3
"""Run the cluster tests that `kopf` and `kr8s` ship in their source packages, and the Go tests beside this file, against
`pilothouse apiserver`.

Usage:  python3 tests/foreign/run.py [--pilothouse PATH] [--keep FOLDER] [kopf] [kr8s] [go]

Needs Python 3.11 or newer, pip with access to a package index, Go, and kubectl on the path. The packages are downloaded into
a temporary folder (or FOLDER) and installed into a virtual environment there; nothing of them is changed: the suite that
starts a cluster by itself is given the running one by `pilothouse_kind.py`. Prints a table, and what failed.
"""

import argparse
import collections
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Tests that need a program to run in a container: nothing here runs one. Part of a test's name -> what it needs.
NEEDS_REAL_PODS = {
    "test_pod_exec": "a command run in a container",
    "test_service_exec": "a command run in a container",
    "port_forward": "a port of a container",
    "logs": "what a container prints",
    "service_proxy": "a server in a container",
    "adoption": "a command run in a container (the fixture nginx_pod)",
}

# What a suite's tests import, beside what the package itself needs.
SUITES = {
    "kopf": {
        "version": "1.45.2",
        "packages": "pytest>=9 pytest-asyncio pytest-timeout pytest-mock pytest-aiohttp pytest-cov certbuilder "
                    "certvalidator freezegun kmock looptime kubernetes pykube-ng",
        "arguments": ["--only-e2e", "--timeout=120", "-W", "ignore", "tests/e2e"],
    },
    "kr8s": {
        "version": "0.20.15",
        "packages": "pytest pytest-asyncio pytest-timeout pytest-rerunfailures trio lightkube kubernetes "
                    "kubernetes-asyncio kubernetes-validate pykube-ng",
        "arguments": ["-o", "addopts=", "--timeout=60", "-p", "pilothouse_kind", "kr8s"],
    },
}


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def prepare(name, folder):
    """Downloads and unpacks a suite, and makes an environment that can run it."""
    suite, home = SUITES[name], folder / name
    if not home.exists():
        downloads = folder / "downloads"
        requirement = f"{name}=={suite['version']}"
        run(sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--no-binary", ":all:", "-d", downloads, requirement)
        archive = downloads / f"{name}-{suite['version']}.tar.gz"
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "unpacked", filter="data")
        (folder / "unpacked" / f"{name}-{suite['version']}").rename(home)
    python = folder / f"{name}-env" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", python.parent.parent)
        run(python, "-m", "pip", "-q", "install", folder / "downloads" / f"{name}-{suite['version']}.tar.gz",
            *suite["packages"].split())
    return home, python


class Server:
    """A `pilothouse apiserver --simulate` with pods in `kube-system`, as every real cluster has."""

    def __init__(self, program, folder):
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.unlink(missing_ok=True)
        command = [program, "apiserver", "--simulate", "--speed", "5", "--kubeconfig-out", self.kubeconfig]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
        for _ in range(100):
            if self.kubeconfig.exists():
                break
            time.sleep(0.1)
        self.environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig),
                            "PILOTHOUSE_KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": str(HERE),
                            "KUBECACHEDIR": str(folder / "kubectl-cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        shutil.rmtree(folder / "kubectl-cache", ignore_errors=True)
        self.kubectl("create", "deployment", "coredns", "-n", "kube-system", "--image=coredns:1", "--replicas=2")
        self.kubectl("rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=60s")

    def kubectl(self, *arguments):
        run("kubectl", *arguments, env=self.environment, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def play(name, program, folder):
    """Runs a suite on a server of its own; the outcome of each test by its name."""
    home, python = prepare(name, folder)
    report = folder / f"{name}.xml"
    report.unlink(missing_ok=True)
    server = Server(program, folder)
    try:
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        with open(folder / f"{name}.log", "w") as log:
            subprocess.run([str(word) for word in command + SUITES[name]["arguments"]], cwd=home, stdout=log,
                           stderr=subprocess.STDOUT, env=server.environment, timeout=1800, check=False)
    finally:
        server.stop()
    return outcomes(report)


def play_go(program, folder):
    """Runs the Go tests: client-go against a server, and envtest with this program as its assets."""
    assets = folder / "assets"
    run(program, "envtest", "--folder", assets, stdout=subprocess.DEVNULL)
    server = Server(program, folder)
    try:
        environment = {**server.environment, "KUBEBUILDER_ASSETS": str(assets)}
        with open(folder / "go.log", "w") as log:
            subprocess.run(["go", "test", "-count=1", "-v", "./..."], cwd=HERE / "go", stdout=log,
                           stderr=subprocess.STDOUT, env=environment, timeout=1800, check=False)
    finally:
        server.stop()
    words = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
    found = re.findall(r"^--- (PASS|FAIL|SKIP): (\w+)", (folder / "go.log").read_text(), re.MULTILINE)
    return {f"go::{test}": words[word] for word, test in found} or {"go::build": "failed"}


def outcomes(report):
    """`passed`, `failed`, `skipped` or `needs real pods` for each test of a JUnit report."""
    found = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            real = any(part in case.get("name") for part in NEEDS_REAL_PODS)
            found[test] = "needs real pods" if real else "failed"
        elif found.get(test) not in ("failed", "needs real pods"):
            found[test] = "skipped" if case.find("skipped") is not None else "passed"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilothouse", type=pathlib.Path, default=ROOT / "target" / "debug" / "pilothouse")
    parser.add_argument("--keep", type=pathlib.Path, help="work in this folder and keep it")
    parser.add_argument("suites", nargs="*", default=[*SUITES, "go"])
    options = parser.parse_args()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="foreign-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(f"{datetime.date.today()}\n\n| suite | passed | failed | needs real pods | skipped |\n|---|---|---|---|---|")
        lines = []
        for name in options.suites:
            program = options.pilothouse.resolve()
            found = play_go(program, folder.resolve()) if name == "go" else play(name, program, folder.resolve())
            count = collections.Counter(found.values())
            columns = [count[column] for column in ("passed", "failed", "needs real pods", "skipped")]
            version = f" {SUITES[name]['version']}" if name in SUITES else ""
            print(f"| {name}{version} | {' | '.join(map(str, columns))} |", flush=True)
            lines += [f"{outcome}: {test}" for test, outcome in sorted(found.items())
                      if outcome in ("failed", "needs real pods")]
        print("\n" + "\n".join(lines))
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
