"""Results of benchmarks: printed, and saved in ``benchmarks/results`` with machine, date and versions."""

import json
import os
import platform
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

from search.files import replace_file

_PACKAGES = (
    "faiss-cpu",
    "fastapi",
    "numpy",
    "openvino",
    "sentence-transformers",
    "tantivy",
    "tokenizers",
    "torch",
    "uvicorn",
)


def save(name: str, figures: dict[str, object], *, dataset: str) -> None:
    """Writes ``benchmarks/results/NAME.json`` and prints it.

    Args:
        name: name of the benchmark.
        figures: the measurements, with units in the keys.
        dataset: description of the data that was measured.
    """
    record = {
        "benchmark": name,
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        "calibration_s": reference_loop_seconds(),
        "versions": {"python": platform.python_version(), **{package: version(package) for package in _PACKAGES}},
        "papers": dataset,
        **figures,
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    replace_file(folder / f"{name}.json", text + "\n")
    print(text)


def reference_loop_seconds() -> float:
    """Returns the seconds that five million additions in Python take, the best of three.

    On a shared machine this shows the speed of a core at the time; runs in which it differs cannot be compared.
    """

    def run_once() -> float:
        start, total = time.perf_counter(), 0
        for number in range(5_000_000):
            total += number
        return time.perf_counter() - start

    return round(min(run_once() for _ in range(3)), 3)


def describe_machine() -> str:
    """Returns the processor, the number of usable cores, the memory, and the instruction sets that matter for speed."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    fields = dict(line.split("\t", 1) for line in lines if "\t" in line)
    model = next((value.strip(": \t") for key, value in fields.items() if key.startswith("model name")), "unknown")
    flags = next((value for key, value in fields.items() if key.startswith("flags")), "").split()
    shown = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {' '.join(shown)}"


def private_bytes(*, mapped_files: bool = False) -> int:
    """Returns the bytes of memory that this process shares with no other.

    Args:
        mapped_files: include the pages of files that only this process maps.
    """
    kinds = ("Private_Dirty", "Private_Clean") if mapped_files else ("Private_Dirty",)
    lines = Path("/proc/self/smaps_rollup").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kinds))


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Returns the median and the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(median(ordered) * 1e3, 2),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3, 2),
    }
