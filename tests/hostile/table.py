"""The table of hostile and honest candidates: builds and judges each, prints a line each, and counts.

    python tests/hostile/table.py --device cuda --tier namespace [--only TEXT ...] [--json]

Several are built at once where there are cores for it; they are judged one after another, since their
times count. Status 1 if one came out otherwise than expected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence

from cases import TIERS, Case
from judging import Judging, Result, all_cases, opened, places
from surroundings import Surroundings

__all__ = ["main"]

_CORES_A_BUILD = 2
_WIDTH = 46


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge what was asked for; 0 if all of it came as expected."""
    options = _options(arguments)
    results = asyncio.run(_judged(options))
    if options.json:
        sys.stdout.write(json.dumps([_document(result) for result in results], indent=2) + "\n")
    wrong = [result for result in results if not result.right]
    sys.stderr.write(f"{len(results) - len(wrong)} of {len(results)} as expected\n")
    return 1 if wrong else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--tier", choices=TIERS, help="the strictest that works, if none is named")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="judge those whose names hold one of these texts"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    return parser.parse_args(arguments)


async def _judged(options: argparse.Namespace) -> list[Result]:
    results = []
    with Surroundings.laid_out(places()) as surroundings:
        async with opened(options.device, options.tier, surroundings) as judging:
            chosen = _chosen(options, judging.tier)
            await _build(judging, chosen)
            for case in chosen:
                result = await judging.result(case)
                results.append(result)
                if not options.json:
                    sys.stdout.write(_line(result))
                    sys.stdout.flush()
    return results


def _chosen(options: argparse.Namespace, tier: str) -> list[Case]:
    chosen = [
        case
        for case in all_cases()
        if case.device == options.device
        and tier in case.tiers
        and any(name in case.name for name in options.only)
    ]
    sys.stderr.write(
        f"{len(chosen)} candidates on {options.device} in tier {tier}, Python"
        f" {platform.python_version()}, {len(os.sched_getaffinity(0))} cores\n"
    )
    return chosen


async def _build(judging: Judging, chosen: Sequence[Case]) -> None:
    """Fill the cache of builds, several at a time, so that judging does not wait."""
    places_for = asyncio.Semaphore(max(1, len(os.sched_getaffinity(0)) // _CORES_A_BUILD))

    async def build(case: Case) -> None:
        async with places_for:
            await judging.build(case)

    await asyncio.gather(*(build(case) for case in chosen if "load_inline" in case.source))


def _line(result: Result) -> str:
    case, got = result.case, result.got
    time = f"{got.median_ms:9.4f} ms" if got.median_ms is not None else " " * 12
    head = f"{'ok ' if result.right else 'BAD'} {case.name:{_WIDTH}} {_expected(case):34} {got!s:54} {time}"
    wrong = "".join(f"\n      {complaint}" for complaint in result.complaints)
    return f"{head} {result.seconds:5.1f} s  {', '.join(case.rows)}{wrong}\n"


def _expected(case: Case) -> str:
    if case.build != ("built",):
        return "|".join(case.build)
    reasons = f"({'|'.join(case.reason)})" if case.reason else ""
    return f"{'|'.join(case.verdict)}{reasons}"


def _document(result: Result) -> dict[str, object]:
    case, got = result.case, result.got
    return {
        "name": case.name,
        "rows": case.rows,
        "note": case.note,
        "expected": _expected(case),
        "got": str(got),
        "median_ms": got.median_ms,
        "speedup": got.speedup,
        "seconds": round(result.seconds, 2),
        "right": result.right,
        "complaints": result.complaints,
    }


if __name__ == "__main__":
    sys.exit(main())
