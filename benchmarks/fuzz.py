"""Fuzzing: random inputs for the code that reads what strangers write.

Each target takes bytes and must return or raise the errors it documents. Inputs are mutations and joins of seeds, and
the same for the same seed number. A target runs in a process of its own; reported are other exceptions (crashes),
inputs that take over a second of CPU time (hangs), and memory beyond 512 MiB over that at the start.

    python -m benchmarks.fuzz query --inputs 1000000
    python -m benchmarks.fuzz query cursor http-head --seconds 200 --save     # and results/fuzz.json
"""

import argparse
import json
import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks import fuzz_targets, results

_SEED = 20_260_101
_HANG_S = 1.0
"""CPU seconds above which an input counts as a hang."""
_MAX_MEMORY_MIB = 512
_MAX_REPORTED = 5
"""Inputs of each kind that are reported."""
_MAX_LENGTH = 20_000
"""Bytes of an input."""
_REPEATED_SHARE = 0.01
"""Share of inputs that repeat a short input up to _MAX_LENGTH, which finds what takes quadratic time."""


@dataclass(slots=True)
class Report:
    """What a target did with its inputs.

    Attributes:
        inputs: number of inputs.
        seconds: duration.
        accepted: inputs that raised no error.
        crashes: some inputs that raised another error than the target documents, with the error.
        hangs: some inputs that took over a second of CPU time, with the seconds.
        slowest_s: CPU seconds of the slowest input.
        memory_mib: growth of the memory of the process.
    """

    inputs: int = 0
    seconds: float = 0.0
    accepted: int = 0
    crashes: dict[str, str] = field(default_factory=dict)
    hangs: dict[str, float] = field(default_factory=dict)
    slowest_s: float = 0.0
    memory_mib: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether there are no findings."""
        return not (self.crashes or self.hangs) and self.memory_mib <= _MAX_MEMORY_MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=sorted(fuzz_targets.TARGETS), metavar="TARGET")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="inputs per target")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end each target after this time")
    parser.add_argument("--seed", type=int, default=_SEED)
    parser.add_argument("--save", action="store_true", help="write results/fuzz.json")
    options = parser.parse_args()
    reports = {name: _run_in_process(name, options) for name in options.targets}
    figures = {name: asdict(report) for name, report in reports.items()}
    print(json.dumps(figures, indent=1))
    if options.save:
        results.save("fuzz", {"seed": options.seed, **figures}, dataset="mutated seeds of benchmarks/fuzz_targets.py")
    raise SystemExit(0 if all(report.is_clean for report in reports.values()) else 1)


def _run_in_process(name: str, options: argparse.Namespace) -> Report:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_send_report, args=(sender, name, options))
    process.start()
    sender.close()
    try:
        report: Report = receiver.recv()
    except EOFError:
        process.join()
        report = Report(crashes={"": f"the process exited with status {process.exitcode}"})
    process.join()
    return report


def _send_report(sender: Connection, name: str, options: argparse.Namespace) -> None:
    target = fuzz_targets.TARGETS[name]
    with target.open() as read:
        sender.send(fuzz(read, target, options.inputs, options.seed, options.seconds))


def fuzz(
    read: Callable[[bytes], None],
    target: fuzz_targets.Target,
    inputs: int,
    seed: int = _SEED,
    seconds: float = float("inf"),
) -> Report:
    """Runs a target on random inputs.

    Args:
        read: handles one input.
        target: seeds and documented errors.
        inputs: number of inputs.
        seed: number that determines the inputs.
        seconds: the time after which no further input is run.
    """
    report, generator = Report(), random.Random(seed)
    _reset_peak_memory()
    memory, start = _peak_memory_mib(), time.monotonic()
    while report.inputs < inputs and time.monotonic() - start < seconds:
        data = make_input(generator, target.seeds)
        before = time.process_time()
        try:
            read(data)
            report.accepted += 1
        except target.errors:
            pass
        except Exception as error:  # noqa: BLE001  # what fuzzing looks for
            if len(report.crashes) < _MAX_REPORTED:
                report.crashes[repr(data[:2_000])] = f"{type(error).__name__}: {error}"[:500]
        took = time.process_time() - before
        if took > _HANG_S and len(report.hangs) < _MAX_REPORTED:
            report.hangs[repr(data[:200])] = round(took, 2)
        report.slowest_s = max(report.slowest_s, round(took, 3))
        report.inputs += 1
    report.seconds = round(time.monotonic() - start, 1)
    report.memory_mib = round(_peak_memory_mib() - memory, 1)
    return report


def make_input(generator: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Returns a random input: seeds joined and changed in some places, or a short one repeated many times."""
    if generator.random() < _REPEATED_SHARE:
        unit = b"".join(generator.choices(seeds, k=generator.randint(1, 3))) or b"a"
        return (unit * (_MAX_LENGTH // len(unit) + 1))[:_MAX_LENGTH]
    separator = generator.choice((b"", b" "))
    data = bytearray(separator.join(generator.choices(seeds, k=min(40, int(generator.expovariate(0.15)) + 1))))
    for _ in range(generator.choice((0, 0, 0, 1, 2, 5))):
        _mutate(generator, data)
    return bytes(data[:_MAX_LENGTH])


def _mutate(generator: random.Random, data: bytearray) -> None:
    """Replaces, inserts, deletes, moves or repeats some bytes."""
    place = generator.randint(0, len(data))
    end = min(len(data), place + generator.randint(1, 8))
    kind = generator.randrange(5)
    if kind == 0 and place < len(data):
        data[place] = generator.randrange(256)
    elif kind == 1:
        data[place:place] = bytes(generator.randrange(256) for _ in range(generator.randint(1, 4)))
    elif kind == 2:
        del data[place:end]
    elif kind == 3:
        data[place:place] = data[place:end] * generator.randint(1, 50)
    else:
        moved = data[place:end]
        del data[place:end]
        target = generator.randint(0, len(data))
        data[target:target] = moved


def _reset_peak_memory() -> None:
    """Sets the peak to the memory in use, so that what ran earlier hides no growth (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_mib() -> float:
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1]) / 1024


if __name__ == "__main__":
    main()
