"""`make bench`: prints what it measures, and writes it to bench.json."""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import bench_context, bench_deployments, bench_memory, bench_runs

PARTS = {
    "runs": bench_runs.measure,
    "memory": bench_memory.measure,
    "context": bench_context.measure,
    "deployments": bench_deployments.measure,
}


def main() -> None:
    """Measure one part after the other, so that none disturbs another."""
    results: dict[str, object] = {"at": datetime.now(UTC).isoformat(), "python": platform.python_version()}
    for name, measure in PARTS.items():
        results[name] = numbers = {key: round(value, 3) for key, value in measure().items()}
        for key, value in numbers.items():
            print(f"{name:11} {key:36} {value:10.3f}")
    Path("bench.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
