"""What was measured, as tables and as lines of JSON."""
import json
import os
import platform
import statistics

from measure import quartiles

# Who is compared with whom, and what is promised where (at batch 1 only, if so marked).
RATIOS = (
    ("vit-b-32", "ours f32", "ort f32", 1.2, False),
    ("vit-b-32", "ours f32 avx2", "ort f32", None, False),
    ("vit-b-32", "ours f32", "fastest torch", 1.6, True),
    ("vit-b-32", "ours f32", "ours f32 openblas", 1.4, True),
    ("vit-b-32", "ours bf16", "ours f32", 1.85, False),
    ("vit-b-32", "ours int8", "ort int8", 1.5, False),
    ("vit-b-32", "ours int8", "ours f32", 3.2, False),
    ("rn50", "ours f32", "ort f32", 1.2, False),
    ("rn50", "ours f32 avx2", "ort f32", None, False),
    ("rn50", "ours f32", "fastest torch", None, False),
    ("rn50", "ours bf16", "ort f32", None, False),
    ("rn50", "ours int8", "ort f32", None, False),
)
MEMORY = (("ours f32", "ort f32", 0.6), ("ours bf16", "ort f32", 0.35),
          ("ours int8", "ort int8", 0.55))
STARTS = (("ours f32", "ort f32", 0.2), ("ours bf16", "ort f32", 0.2),
          ("ours int8", "ort int8", 0.2))

BASELINE = "ort f32"  # of which every peer's "speed" is a multiple


def machine():
    name = platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return {"cpu": name, "processors": len(os.sched_getaffinity(0)),
            "system": platform.system() + " " + platform.release()}


def fastest_torch(race):
    there = [name for name in race.seconds if name.startswith("torch")]
    return min(there, key=lambda name: statistics.median(race.seconds[name]), default=None)


def ratios(race):
    found = []
    for tower, ours, peer, promised, batch_1 in RATIOS:
        other = fastest_torch(race) if peer == "fastest torch" else peer
        three = race.ratio(ours, other) if tower == race.scenario.tower else None
        if three:
            found.append({"ours": ours, "peer": other, "ratio": three[1], "q1": three[0],
                          "q3": three[2], "promised": promised if not batch_1 or
                          race.scenario.batch == 1 else None})
    return found


def race_record(race):
    scenario, peers = race.scenario, []
    for name, seconds in race.seconds.items():
        low, middle, high = (1e3 * second / scenario.batch for second in quartiles(seconds))
        record = {"peer": name, "ms_per_image": middle, "q1": low, "q3": high,
                  "best": 1e3 * min(seconds) / scenario.batch, "images_per_second": 1e3 / middle,
                  "gflops": scenario.work() / middle * 1e3, "rss_mb": race.memory[name],
                  "distance": race.distance[name]}
        against = race.ratio(name, BASELINE)
        if against:
            record["speed"] = {"q1": against[0], "median": against[1], "q3": against[2]}
        if race.peak.get(name):
            record["peak_gflops"] = race.peak[name]
            record["of_peak"] = record["gflops"] / race.peak[name]
        peers.append(record)
    return {"kind": "speed", "scenario": scenario.name, "tower": scenario.tower,
            "batch": scenario.batch, "threads": scenario.threads, "width": scenario.width,
            "height": scenario.height, "rounds": len(next(iter(race.seconds.values()), [])),
            "gflop_per_image": scenario.work(), "peers": peers, "ratios": ratios(race),
            "failures": race.failures}


def start_record(scenario, starts):
    peers = []
    for name, times in starts.items():
        opened, first, memory = (statistics.median(column) for column in zip(*times))
        peers.append({"peer": name, "open_ms": opened, "first_ms": first,
                      "start_ms": statistics.median(o + f for o, f, _ in times),
                      "rss_mb": memory, "rss_mb_all": [memory for _, _, memory in times]})
    return {"kind": "start", "scenario": scenario.name, "times": len(next(iter(starts.values()))),
            "peers": peers, "memory": compare(peers, MEMORY, "rss_mb"),
            "starts": compare(peers, STARTS, "start_ms")}


def large_record(scenario, times, failures, most_bytes):
    return {"kind": "large", "scenario": scenario.name, "most_bytes": most_bytes,
            "peers": [{"peer": name, "ms_per_image": milliseconds, "rss_mb": memory}
                      for name, (milliseconds, memory) in times.items()], "failures": failures}


def compare(peers, pairs, key):
    found = {record["peer"]: record[key] for record in peers}
    return [{"ours": ours, "peer": peer, "ratio": found[ours] / found[peer], "promised": promised}
            for ours, peer, promised in pairs if ours in found and peer in found]


# --------------------------------------------------------------------------------- tables

def verdict(row, at_least=True):
    if row["promised"] is None:
        return ""
    good = row["ratio"] >= row["promised"] if at_least else row["ratio"] <= row["promised"]
    return "  promised %s %.2f: %s" % (">=" if at_least else "<=", row["promised"],
                                       "kept" if good else "MISSED")


def print_race(record):
    print("\n%s: %d rounds, %.2f GFLOP an image" % (record["scenario"], record["rounds"],
                                                    record["gflop_per_image"]))
    print("  %-20s %9s %19s %9s %9s %8s %8s  %s" % ("peer", "ms/image", "quartiles", "best",
                                                   "images/s", "GFLOP/s", "of peak", "1 - cosine"))
    for peer in record["peers"]:
        share = "%7.1f%%" % (100 * peer["of_peak"]) if "of_peak" in peer else ""
        print("  %-20s %9.2f %9.2f %9.2f %9.2f %9.2f %8.1f %8s  %.1e" % (
            peer["peer"], peer["ms_per_image"], peer["q1"], peer["q3"], peer["best"],
            peer["images_per_second"], peer["gflops"], share, peer["distance"]))
    for row in record["ratios"]:
        print("  %-18s %5.2f times as fast as %-18s (%.2f to %.2f)%s" % (
            row["ours"], row["ratio"], row["peer"], row["q1"], row["q3"], verdict(row)))
    for name, reason in record["failures"].items():
        print("  %-20s did not run: %s" % (name, reason))


def print_start(record):
    print("\nopen, first score, memory: %s; median of %d fresh processes, files read from the disk before" %
          (record["scenario"], record["times"]))
    print("  %-20s %9s %9s %9s %9s" % ("peer", "open ms", "first ms", "both", "peak MiB (each)"))
    for peer in record["peers"]:
        print("  %-20s %9.1f %9.1f %9.1f %9.0f   (%s)" % (
            peer["peer"], peer["open_ms"], peer["first_ms"], peer["start_ms"], peer["rss_mb"],
            ", ".join("%.0f" % memory for memory in peer["rss_mb_all"])))
    for what, rows in (("memory", record["memory"]), ("open to first score", record["starts"])):
        for row in rows:
            print("  %s: %s takes %.2f of what %s does%s" % (what, row["ours"], row["ratio"],
                                                           row["peer"], verdict(row, False)))


def print_large(record):
    print("\n%s, one call each, at most %.1f GiB of address space" % (
        record["scenario"], record["most_bytes"] / 2 ** 30))
    for peer in record["peers"]:
        print("  %-20s %9.0f ms %9.0f MiB at most" % (peer["peer"], peer["ms_per_image"],
                                                     peer["rss_mb"]))
    for name, reason in record["failures"].items():
        print("  %-20s did not run: %s" % (name, reason))


def print_record(record):
    {"start": print_start, "speed": print_race, "large": print_large}[record["kind"]](record)


def write_line(path, record):
    with open(path, "a") as file:
        file.write(json.dumps(record) + "\n")
