"""Who is compared, and how a peer is spoken to.

A peer is a program that is started with settings, "name=value" each:
    model pixels width height batch threads      and kernels precision, jit, tower, runtime
Pixels are a file of width * height RGB bytes, the same image for the whole batch.  It opens the model,
scores once and says so in a line of JSON: open_ms, first_ms (to the first score from there), base_mb
(the most memory before it opened) and version; or error.  Then it answers commands, a line each:
    run      seconds that one call took
    feature  the first image's feature
    memory   the most memory it has held, MiB
    peak     (ours) GFLOP/s that the CPU's instructions for this precision allow, one thread
"""
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class PeerError(Exception):
    pass


class Peer:
    """name: what tables say.  model: a suffix of the model's file.  bound: how far the unit feature
    may be from PyTorch's, as 1 - cosine; None: it computes in f32, see measure.F32_BOUND."""

    def __init__(self, name, command, model, bound, towers=("vit-b-32", "rn50"), **settings):
        self.name, self.command, self.model = name, command, model
        self.bound, self.towers, self.settings = bound, towers, settings

    def takes(self, scenario):
        return (scenario.tower in self.towers and
                self.settings.get("threads", scenario.threads + 1) != scenario.threads)


def all_peers(worker, runtime, openblas):
    """worker: our program; runtime: the folder of onnxruntime-node; openblas: a kernel set or None."""
    ours, node, python = [worker], ["node", HERE + "/worker.js"], [sys.executable,
                                                                   HERE + "/worker.py"]
    vit = ("vit-b-32",)
    peers = [
        Peer("ours f32", ours, "-f32.gguf", None),
        Peer("ours f32 avx2", ours, "-f32.gguf", None, kernels="avx2"),
        Peer("ours f32 openblas", ours, ".gguf", None, kernels=openblas),
        Peer("ours bf16", ours, "-bf16.gguf", 1e-2, precision="bf16"),
        Peer("ours int8", ours, "-q8.gguf", 1e-1, precision="int8"),
        Peer("ort f32", node, ".onnx", None, runtime=runtime),
        Peer("ort int8", node, "-int8.onnx", 5e-2, vit, runtime=runtime),
        Peer("torch", python, ".pth", None),
        Peer("torch jit", python, ".pth", None, jit="yes"),
        # Which may be faster than two.
        Peer("torch jit 1 thread", python, ".pth", None, jit="yes", threads=1),
    ]
    return [peer for peer in peers if "openblas" not in peer.name or openblas]


def restrain(processors, most_bytes):
    """In a new process: it ends with its parent, and goes first where memory runs short."""
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    os.sched_setaffinity(0, processors)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


class Worker:
    """A peer's process.  It is stopped whenever it is not its turn, so that threads of a pool that
    spin for a while after a call disturb nobody else."""

    def __init__(self, peer, scenario, models, pixels, most_bytes=None):
        self.peer = peer
        settings = dict(threads=scenario.threads, tower=scenario.tower, pixels=pixels,
                        model=os.path.join(models, scenario.tower + peer.model),
                        width=scenario.width, height=scenario.height, batch=scenario.batch)
        settings.update(peer.settings)
        processors = sorted(os.sched_getaffinity(0))[-scenario.threads:]
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("OPENBLAS_", "OMP_"))}
        self.process = subprocess.Popen(
            peer.command + ["%s=%s" % pair for pair in settings.items()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment, preexec_fn=lambda: restrain(processors, most_bytes))
        try:
            self.ready = json.loads(self._line())
            if "error" in self.ready:
                raise PeerError("%s: %s" % (peer.name, self.ready["error"]))
        except BaseException:
            self.close()
            raise
        self._signal(signal.SIGSTOP)

    def _signal(self, number):
        self.process.send_signal(number)

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            said = (self.process.communicate()[1].strip().splitlines() or [""])[-1]
            raise PeerError("%s: ended with status %d: %s" % (self.peer.name,
                                                              self.process.returncode, said))
        return line

    def ask(self, command):
        """The answer, as a list of numbers."""
        self._signal(signal.SIGCONT)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self._line()
        self._signal(signal.SIGSTOP)
        return [float(word) for word in line.split()]

    def close(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()
