"""Results of benchmarks: printed, and kept beside the scripts with machine, date and versions."""

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
    """Writes ``benchmarks/results/NAME.json`` and prints the figures.

    Args:
        name: of the benchmark. figures: what was measured, units in the keys. papers: what it was measured on.
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
    """Seconds of five million additions in Python, the best of three: on a shared machine it tells how fast a core is
    at the time, and runs with different figures here cannot be compared."""

    def once() -> float:
        start, total = time.perf_counter(), 0
        for number in range(5_000_000):
            total += number
        return time.perf_counter() - start

    return round(min(once() for _ in range(3)), 3)


def describe_machine() -> str:
    """Processor, its cores that may be used, and the instructions that decide speed."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    fields = dict(line.split("\t", 1) for line in lines if "\t" in line)
    model = next((value.strip(": \t") for key, value in fields.items() if key.startswith("model name")), "unknown")
    flags = next((value for key, value in fields.items() if key.startswith("flags")), "").split()
    told = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {' '.join(told)}"


def private_bytes(*, mapped_files: bool = False) -> int:
    """Memory of this process that no other can share; on request with the pages of files that it alone maps."""
    kinds = ("Private_Dirty", "Private_Clean") if mapped_files else ("Private_Dirty",)
    lines = Path("/proc/self/smaps_rollup").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kinds))


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(median(ordered) * 1e3, 2),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3, 2),
    }
