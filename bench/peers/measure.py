"""Measuring: workers take turns, so that whatever disturbs the machine hits all; and ratios are taken
within a round.  Of a turn the last call counts: a short one is preceded by one that finds again what
the others have pushed out of the caches."""
import contextlib
import os
import random
import statistics
import sys
import time

from peers import PeerError, Worker

F32_BOUND = 2e-5  # of each number of a unit feature: what test/parity asks of f32
FEWEST_ROUNDS = 5
SHORT_CALL = 0.5  # seconds


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


class Race:
    """What a scenario's rounds gave: seconds of each peer, one a round."""

    def __init__(self, scenario):
        self.scenario, self.seconds, self.failures = scenario, {}, {}
        self.ready, self.memory, self.peak, self.distance = {}, {}, {}, {}

    def ratio(self, ours, peer):
        """How many times as fast as the peer we are: quartiles over the rounds, or None."""
        if ours not in self.seconds or peer not in self.seconds:
            return None
        return quartiles([theirs / own for own, theirs in zip(self.seconds[ours],
                                                              self.seconds[peer])])


def start_all(race, peers, models, pixels, stack, most_bytes=None):
    workers = []
    for peer in peers:
        try:
            worker = Worker(peer, race.scenario, models, pixels, most_bytes)
        except PeerError as error:
            race.failures[peer.name] = str(error)
            print("  " + str(error), file=sys.stderr)
            continue
        stack.callback(worker.close)
        race.ready[peer.name] = worker.ready
        workers.append(worker)
    return workers


def check_feature(peer, feature, reference):
    """1 - cosine between them; PeerError if they are further apart than the peer may be."""
    if len(feature) != len(reference):
        raise PeerError("%s: %d numbers in its feature, expected %d" % (
            peer.name, len(feature), len(reference)))
    norms = sum(x * x for x in feature) ** 0.5 * sum(x * x for x in reference) ** 0.5
    distance = 1 - sum(x * y for x, y in zip(feature, reference)) / norms
    largest = max(abs(x - y) for x, y in zip(feature, reference))
    if not (largest <= F32_BOUND if peer.bound is None else distance <= peer.bound):
        raise PeerError("%s does not compute the same: 1 - cosine %.2g, largest difference %.2g" % (
            peer.name, distance, largest))
    return distance


def check_features(race, workers):
    """Peers that do not compute the same are not worth timing."""
    features = {worker.peer.name: worker.ask("feature") for worker in workers}
    reference = features.get("torch") or features["ort f32"]
    for worker in workers:
        name = worker.peer.name
        race.distance[name] = check_feature(worker.peer, features[name], reference)


def take_turn(worker):
    seconds = worker.ask("run")
    return worker.ask("run") if seconds[0] < SHORT_CALL else seconds


def run_rounds(race, workers, seconds):
    race.seconds = {worker.peer.name: [] for worker in workers}
    for worker in workers:
        take_turn(worker)
    start, rounds = time.monotonic(), 0
    while rounds < FEWEST_ROUNDS or time.monotonic() - start < seconds:
        for worker in workers:
            race.seconds[worker.peer.name] += take_turn(worker)
        rounds += 1


def measure(scenario, peers, models, pixels, seconds):
    """A Race of the peers that know the tower, for some seconds and five rounds at least."""
    race = Race(scenario)
    with contextlib.ExitStack() as stack:
        workers = start_all(race, [peer for peer in peers if peer.takes(scenario)],
                            models, pixels, stack)
        check_features(race, workers)
        run_rounds(race, workers, seconds)
        for worker in workers:
            if worker.peer.name.startswith("ours"):
                race.peak[worker.peer.name] = worker.ask("peak")[0] * scenario.threads
            race.memory[worker.peer.name] = worker.ask("memory")[0]
    return race


def read_again(path):
    """Has a file in the page cache as reading it from the disk leaves it: in large pieces, which
    count as memory of who maps them."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(descriptor, 1 << 20):
        continue
    os.close(descriptor)


def measure_starts(scenario, peers, models, pixels, times):
    """Fresh processes, one at a time, in turns, in another order each time, since one may find the
    memory that the one before gave back: {peer: [(open_ms, first_ms, peak MiB), ...]}."""
    starts = {peer.name: [] for peer in peers if peer.takes(scenario)}
    order = random.Random(1)
    for model in {peer.model for peer in peers if peer.takes(scenario)}:
        read_again(os.path.join(models, scenario.tower + model))
    for _ in range(times):
        for peer in order.sample(peers, len(peers)):
            if not peer.takes(scenario):
                continue
            worker = Worker(peer, scenario, models, pixels)
            worker.ask("run")
            starts[peer.name].append(
                (worker.ready["open_ms"], worker.ready["first_ms"], worker.ask("memory")[0]))
            worker.close()
    return starts


def measure_large(scenario, peers, models, pixels, most_bytes):
    """One call of each, one at a time, with no more address space than that: {peer: (ms, peak MiB)},
    and {peer: why it did not run}."""
    times, failures = {}, {}
    for peer in peers:
        with contextlib.ExitStack() as stack:
            try:
                worker = Worker(peer, scenario, models, pixels, most_bytes)
                stack.callback(worker.close)
                times[peer.name] = (1e3 * worker.ask("run")[0], worker.ask("memory")[0])
            except PeerError as error:
                failures[peer.name] = str(error)
    return times, failures
