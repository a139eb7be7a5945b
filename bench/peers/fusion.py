"""Whether ONNX Runtime makes of our graphs what it makes of its own tools': its optimised graph,
written out and read back."""
import collections
import os
import subprocess
import tempfile

import onnx

from peers import HERE, PeerError

PRODUCTS = 49  # of ViT-B/32 with weights: 4 in each of 12 blocks, and the projection
WANTED = {
    "vit-b-32": {"QuickGelu": 12, "LayerNormalization": 26, "FusedMatMul": 12},
    "vit-b-32-int8": {"QuickGelu": 12, "LayerNormalization": 26, "FusedMatMul": 12,
                      "DynamicQuantizeMatMul": PRODUCTS},
    "rn50": {"nchwc:Conv": 55},
}


def optimised_nodes(graph, runtime, pixels):
    """How many nodes of each kind are left, by domain where it is not ONNX's own."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "optimised.onnx")
        subprocess.run(["node", HERE + "/worker.js", "runtime=" + runtime, "model=" + graph,
                        "pixels=" + pixels, "width=224", "height=224", "batch=1", "threads=1",
                        "optimised=" + path], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        nodes = onnx.load(path, load_external_data=False).graph.node
    return collections.Counter(
        ("nchwc:" if node.domain.endswith("nchwc") else "") + node.op_type for node in nodes)


def check_fusion(models, runtime, pixels):
    """PeerError if ONNX Runtime is not at its best with a graph."""
    for name, wanted in WANTED.items():
        nodes = optimised_nodes(os.path.join(models, name + ".onnx"), runtime, pixels)
        for kind, count in wanted.items():
            if nodes[kind] != count:
                raise PeerError("%s.onnx: ONNX Runtime made %d nodes %s of it, expected %d: %s" % (
                    name, nodes[kind], kind, count, dict(nodes)))
