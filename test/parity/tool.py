"""The program under test as a Python object: runs it, reads what it prints, measures its memory."""
import json
import subprocess
import sys

# A process forked from this one inherits, in the kernel's count, our own peak of memory up to its
# exec; PyTorch's would hide the program's.  So a small process in between starts it and measures.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
sys.stderr.write("\\n%d" % usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class ToolError(Exception):
    pass


class Tool:
    def __init__(self, path):
        self.path = path

    def _finish(self, arguments, process):
        if process.returncode != 0:
            raise ToolError("%s: exit status %d: %s" % (
                " ".join(arguments[:2]), process.returncode, process.stderr.strip()[-300:]))
        return process.stdout

    def run(self, *arguments):
        process = subprocess.run([self.path, *arguments], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        return self._finish(arguments, process)

    def peak_bytes(self, *arguments):
        """The peak resident set of one run."""
        process = subprocess.run(
            [sys.executable, "-I", "-S", "-c", MEASURE, self.path, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._finish(arguments, process)
        return 1024 * int(process.stderr.splitlines()[-1])

    def kernels(self, model):
        return json.loads(self.run("info", "--format", "json", model))["kernel_sets"]

    def convert(self, checkpoint, model, number_type):
        self.run("convert", checkpoint, "-o", model, "--type", number_type)

    def results(self, command, model, images, *options):
        """{path: object} of `embed` or `score`; every image must be there.  model None: built in."""
        which = ["-m", model] if model else []
        output = self.run(command, *which, "--format", "json", *options, *images)
        objects = {}
        for text in output.splitlines():
            found = json.loads(text)
            objects[found["path"]] = found
        if sorted(objects) != sorted(images):
            raise ToolError("%s: printed %s, expected %s" % (command, sorted(objects),
                                                              sorted(images)))
        return objects
