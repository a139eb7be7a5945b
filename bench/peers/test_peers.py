#!/usr/bin/python3
"""What can be checked of bench/peers on any machine: our own worker, how peers are spoken to, that a
peer that computes something else or dies is noticed, and what tables and picture are made of it.

    make build/bench/peer-worker && bench/peers/test_peers.py

Needs neither ONNX Runtime nor PyTorch; where bench/peers/run has installed the former, its graphs are
checked too.  It says what it left out.
"""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
sys.path.insert(0, HERE)

import measure  # noqa: E402
import report  # noqa: E402
from peers import Peer, PeerError, Worker, all_peers  # noqa: E402
from scenarios import Scenario, rn50_work, vit_work  # noqa: E402

WORKER = os.path.join(BUILD, "bench", "peer-worker")
FAKE = """
import sys, time
settings = dict(argument.split("=", 1) for argument in sys.argv[1:])
print('{"open_ms": 1, "first_ms": 2, "base_mb": 3, "version": "fake"}', flush=True)
for line in sys.stdin:
    if line == "run\\n" and settings.get("dies"):
        sys.exit("it died")
    print({"run\\n": settings["seconds"], "feature\\n": settings["feature"]}.get(line, "5"),
          flush=True)
"""


def fake(name, feature, bound=None, **settings):
    return Peer(name, [sys.executable, "-c", FAKE], ".gguf", bound, ("resnet",), feature=feature,
                **settings)


class PeersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="peers-")
        cls.path = cls.directory.name
        subprocess.run([os.path.join(BUILD, "qualiclip"), "convert",
                        os.path.join(ROOT, "test", "golden", "towers", "resnet.pth"), "-o",
                        os.path.join(cls.path, "resnet.gguf")], check=True,
                       stdout=subprocess.DEVNULL)
        cls.scenario = Scenario("resnet", 2, 1, 64, 48)
        cls.pixels = os.path.join(cls.path, "pixels")
        with open(cls.pixels, "wb") as file:
            file.write(bytes(range(256)) * (64 * 48 * 3 // 256))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def worker(self, peer):
        worker = Worker(peer, self.scenario, self.path, self.pixels)
        self.addCleanup(worker.close)
        return worker

    def race(self, *peers):
        return measure.measure(self.scenario, peers, self.path, self.pixels, 0)

    def test_our_worker_answers(self):
        worker = self.worker(Peer("ours", [WORKER], ".gguf", None))
        self.assertGreater(worker.ready["open_ms"], 0)
        self.assertGreater(worker.ready["first_ms"], 0)
        self.assertEqual(worker.ready["precision"], "f32")
        self.assertGreater(worker.ask("run")[0], 0)
        self.assertGreater(worker.ask("memory")[0], worker.ready["base_mb"])
        self.assertGreaterEqual(worker.ask("peak")[0], 0)
        feature = worker.ask("feature")
        self.assertAlmostEqual(sum(x * x for x in feature), 1, places=5)
        rounded = self.worker(Peer("ours", [WORKER], ".gguf", None, precision="int8"))
        self.assertEqual(rounded.ready["precision"], "int8")
        self.assertNotEqual(rounded.ask("feature"), feature)

    def test_our_worker_tells_why_not(self):
        for peer in (Peer("ours", [WORKER], ".missing", None),
                     Peer("ours", [WORKER], ".gguf", None, kernels="xyzzy")):
            with self.assertRaisesRegex(PeerError, "missing|'xyzzy'"):
                self.worker(peer)

    def test_ratios_are_taken_within_rounds(self):
        race = self.race(fake("ours f32", "0.6 0.8", seconds="0.5"),
                         fake("ort f32", "0.6 0.8", seconds="0.75"))
        self.assertEqual(race.ratio("ours f32", "ort f32"), [1.5, 1.5, 1.5])
        self.assertEqual(len(race.seconds["ort f32"]), measure.FEWEST_ROUNDS)
        race.seconds = {"ours f32": [1.0, 2.0, 4.0], "ort f32": [3.0, 2.0, 16.0]}
        self.assertEqual(race.ratio("ours f32", "ort f32")[1], 3.0)
        self.assertIsNone(race.ratio("ours f32", "torch"))

    def test_a_peer_that_computes_something_else_is_refused(self):
        same = fake("ort f32", "0.6 0.8", seconds="1")
        for feature in ("0.6001 0.7999", "0.6 0.8 0", "nan nan"):
            with self.assertRaisesRegex(PeerError, "ours f32"):
                self.race(fake("ours f32", feature, seconds="1"), same)
        self.race(fake("ours int8", "0.6001 0.7999", 1e-3, seconds="1"), same)
        with self.assertRaisesRegex(PeerError, "does not compute the same"):
            self.race(fake("ours int8", "0.8 0.6", 1e-3, seconds="1"), same)

    def test_a_peer_that_dies_is_noticed(self):
        with self.assertRaisesRegex(PeerError, "ort f32: ended with status 1: it died"):
            self.race(fake("ort f32", "1 0", seconds="1", dies="yes"))

    def test_large_images_are_limited(self):
        times, failures = measure.measure_large(
            self.scenario, [Peer("ours f32", [WORKER], ".gguf", None),
                            fake("ort f32", "1 0", seconds="1", dies="yes")],
            self.path, self.pixels, 2 << 30)
        self.assertEqual((list(times), list(failures)), (["ours f32"], ["ort f32"]))

    def test_work_is_that_of_the_published_towers(self):
        self.assertAlmostEqual(vit_work(224, 224) * 1e-9, 8.73, places=2)
        self.assertAlmostEqual(rn50_work(224, 224) * 1e-9, 11.6, places=1)

    def test_every_peer_has_a_model(self):
        peers = all_peers("worker", "runtime", "avx2+openblas")
        self.assertEqual(len(peers), 10)
        self.assertEqual(len(all_peers("worker", "runtime", None)), 9)
        one, two = Scenario("rn50", 1, 1), Scenario("rn50", 1, 2)
        self.assertEqual([sum(peer.takes(each) for peer in peers) for each in (one, two)], [8, 9])

    def test_tables_and_picture(self):
        race = self.race(fake("ours f32", "0.6 0.8", seconds="0.5"),
                         fake("ort f32", "0.6 0.8", seconds="0.55"))
        race.scenario = Scenario("vit-b-32", 1, 1)
        record = report.race_record(race)
        self.assertEqual(record["peers"][0]["ms_per_image"], 500)
        self.assertAlmostEqual(record["ratios"][0]["ratio"], 1.1)
        self.assertAlmostEqual(record["peers"][0]["speed"]["median"], 1.1)
        start = report.start_record(self.scenario, {"ours f32": [(1, 2, 60)],
                                                    "ort f32": [(10, 20, 90)]})
        large = report.large_record(self.scenario, {"ours f32": (5, 6)}, {"ort f32": "died"}, 1)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for each in (record, start, large):
                report.print_record(each)
        self.assertIn("promised >= 1.20: MISSED", printed.getvalue())
        self.assertIn("takes 0.67 of what ort f32 does  promised <= 0.60: MISSED",
                      printed.getvalue())
        self.assertIn("takes 0.10 of what ort f32 does  promised <= 0.20: kept",
                      printed.getvalue())
        self.assertIn("did not run: died", printed.getvalue())

        record.update(machine=report.machine(), versions={"ONNX Runtime": "1"})
        results, picture = (os.path.join(self.path, name) for name in ("results", "picture.svg"))
        for each in (start, record):
            report.write_line(results, each)
        subprocess.run([os.path.join(HERE, "plot"), results, picture], check=True)
        svg = xml.dom.minidom.parse(picture)
        words = [text.firstChild.data for text in svg.getElementsByTagName("text")]
        self.assertIn("1.10", words)
        self.assertIn("batch 1", words)

    def test_results_are_published(self):
        record = {"kind": "large", "scenario": "rn50", "most_bytes": 1, "peers": [],
                  "failures": {"ort f32": "died"}, "machine": report.machine(), "versions": {}}
        results, page = (os.path.join(self.path, name) for name in ("large", "benchmarks.md"))
        report.write_line(results, record)
        shutil.copy(os.path.join(ROOT, "docs", "benchmarks.md"), page)
        outcome = subprocess.run([os.path.join(HERE, "publish"), results, self.path],
                                 capture_output=True, text=True)
        self.assertIn("no results of speed", outcome.stderr)  # there is nothing to draw
        with open(page) as file:
            self.assertIn("| ort f32 | did not run | died |", file.read())

    def test_graphs_of_onnx_runtime(self):
        cache = os.path.join(tempfile.gettempdir(), "qualiclip-peers")
        runtime = os.path.join(cache, "node_modules", "onnxruntime-node")
        models = os.path.join(cache, "models")
        if not os.path.exists(runtime) or not os.path.exists(os.path.join(models, "version")):
            print("not checked: ONNX Runtime's graphs (bench/peers/run has not been here)")
            return
        from fusion import check_fusion
        check_fusion(models, runtime, os.path.join(models, "224x224.rgb"))


if __name__ == "__main__":
    unittest.main()
