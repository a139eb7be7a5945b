"""Gets what the peers need: ONNX Runtime from npm, PyTorch and ONNX's graphs from Debian."""
import json
import os
import shutil
import subprocess
import sys

PACKAGES = ("nodejs", "npm", "python3-torch", "python3-numpy", "python3-pil", "python3-onnx")
RUNTIME = "onnxruntime-node"


def installed(package):
    state = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], text=True,
                           capture_output=True)
    return "ok installed" in state.stdout


def debian_packages():
    programs = {"nodejs": "node", "npm": "npm"}  # which may have come by another way
    missing = [package for package in PACKAGES
               if not shutil.which(programs.get(package, "")) and not installed(package)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        sys.exit("Not Debian: please install the like of " + " ".join(missing))
    root = [] if os.geteuid() == 0 else ["sudo"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.run(root + ["apt-get", "update", "-q"], check=True)
    subprocess.run(root + ["apt-get", "install", "-q", "-y", "--no-install-recommends"] + missing,
                   check=True, env=environment)


def onnx_runtime(directory):
    """The folder of the package, installed into `directory` unless it is there.  Its library for the
    CPU is in the package; the script that would fetch others is not run."""
    folder = os.path.join(directory, "node_modules", RUNTIME)
    if not os.path.exists(folder):
        os.makedirs(directory, exist_ok=True)
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                        "--prefix", directory, RUNTIME], check=True, stdout=subprocess.DEVNULL)
    return folder


def runtime_version(folder):
    with open(os.path.join(folder, "package.json")) as file:
        return json.load(file)["version"]
