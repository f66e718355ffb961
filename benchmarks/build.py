"""Builds of the corpus in tests/builders/corpus: by plain load_inline and by the builder, in the same run.

On a machine with a GPU, `--backend cuda` builds the CUDA candidates, runs them, and builds several at
once. Without one they are compiled only. `--limit` bounds how many are also built plainly, and `--real` how
many with the real headers only (half a minute of CPU each), whose outputs are compared bit for bit with the
slim ones'. What runs side by side is compared by its CPU seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measures import Measure, at_most, parser, report

from caesar.builders import toolchain, workshop
from caesar.builders.inline import InlineBuilder
from caesar.domain import BuildOutcome, Candidate, Problem
from caesar.effects import Backend, Build, Built, Limits, Request
from caesar.sandbox.probe import probe
from caesar.sandbox.zygote import Zygote

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "builders" / "corpus"
TOGETHER = 16


@dataclass(frozen=True)
class Bounds:
    """How many candidates are also built in other ways."""

    plain: int
    real: int


@dataclass(frozen=True)
class Done:
    """One candidate, built once."""

    name: str
    built: Built
    wall_s: float


# --- in a process of its own: build plainly, or load what was built, and run


def child(source: str, artifact: str, device: str) -> None:
    """Print what loading and running a candidate came to, as JSON."""
    import torch
    import torch.utils.cpp_extension

    from caesar.sandbox.candidate import load_candidate
    from caesar.sandbox.extensions import serve

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["TORCH_EXTENSIONS_DIR"] = folder
        tempfile.tempdir = folder  # as in a job: what lies below is the candidate's own
        if artifact != "-":
            serve(Path(artifact))
        before, began = cpu_s(), time.perf_counter()
        said: dict[str, object] = {"ok": False, "error": None}
        try:
            module = load_candidate(Path(source).read_text(), folder=Path(folder), name="candidate")
            torch.manual_seed(0)
            model = module.ModelNew(*getattr(module, "get_init_inputs", list)())
            said |= {"cpu_s": cpu_s() - before, "wall_s": time.perf_counter() - began, "peak_mb": peak_mb()}
            if device != "none" and hasattr(module, "get_inputs"):
                said |= outputs(module, model, device)
            said["ok"] = True
        except Exception as error:  # noqa: BLE001 - a candidate may raise anything
            said |= {
                "cpu_s": cpu_s() - before,
                "wall_s": time.perf_counter() - began,
                "error": str(error)[-300:],
            }
        os.chdir("/")
    sys.stdout.write("\n" + json.dumps(said) + "\n")


def outputs(module, model, device: str) -> dict[str, object]:
    """Whether the candidate computes what it should, and a digest of what it computed."""
    import torch

    torch.manual_seed(1)
    model = model.to(device) if hasattr(model, "to") else model
    inputs = [tensor.to(device) for tensor in module.get_inputs()]
    with torch.no_grad():
        got = flat(model(*[tensor.clone() for tensor in inputs]))
        wanted = flat(module.expected(model, *inputs))
    close = all(
        torch.allclose(a.float(), b.float(), rtol=1e-3, atol=1e-3) for a, b in zip(got, wanted, strict=True)
    )
    told = hashlib.sha256()
    for tensor in got:
        told.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return {"close": close, "digest": told.hexdigest()}


def flat(value):
    return [value] if hasattr(value, "dtype") else list(value)


def cpu_s() -> float:
    both = (resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def in_child(path: Path, artifact: str, device: str) -> dict[str, object]:
    command = [sys.executable, __file__, "--child", str(path), artifact, device]
    ended = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"ok"')]
    return (
        json.loads(lines[-1])
        if lines
        else {"ok": False, "error": ended.stderr[-300:], "cpu_s": 0.0, "wall_s": 0.0}
    )


def child_environment() -> dict[str, str]:
    own = str(Path(sys.executable).parent)
    root = str(Path(__file__).resolve().parents[1])
    jobs = {"MAX_JOBS": "2", "TORCH_CUDA_ARCH_LIST": os.environ.get("TORCH_CUDA_ARCH_LIST", "9.0")}
    return {**os.environ, **jobs, "PATH": f"{own}:{os.environ['PATH']}", "PYTHONPATH": root}


# --- the builder


async def ours(paths: list[Path], backend: Backend, cache: Path, *, together: bool = False) -> list[Done]:
    """Build the candidates one after the other, or all at once."""
    async with Zygote(preload=("torch",)) as zygote:
        tier = (await probe(zygote)).tier
        arch = os.environ.get("TORCH_CUDA_ARCH_LIST", "9.0") if backend is Backend.CUDA else None
        gpus = 1 if backend is Backend.CUDA else 0
        builder = InlineBuilder(cache=cache, zygote=zygote, arch=arch, tier=tier, gpus=gpus)
        builder.preflight(backend)
        if together:
            return list(await asyncio.gather(*(one(builder, path, backend) for path in paths)))
        return [await one(builder, path, backend) for path in paths]


async def one(builder: InlineBuilder, path: Path, backend: Backend) -> Done:
    source = path.read_text()  # noqa: ASYNC240 - a small file of this repository
    problem = (
        Problem("corpus", path.stem, path.stem, source)
        if "def get_init_inputs" in source
        else Problem("corpus", path.stem, path.stem, "")
    )
    request = Build(Request("bench/1/0", 1, 0, "build"), Candidate(source), backend, Limits(), problem=problem)
    began = time.perf_counter()
    built = await builder.build(request)
    return Done(path.stem, built, time.perf_counter() - began)


def of(path: Path, done: list[Done]) -> Done:
    return next(each for each in done if each.name == path.stem)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:5])
        return
    options = parser(__doc__ or "")
    options.add_argument("--backend", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--limit", type=int, default=3, help="how many are built plainly too")
    options.add_argument("--real", type=int, default=3, help="how many are built with the real headers too")
    options.add_argument("--only", type=int, default=None, help="how many of the corpus are built at all")
    chosen = options.parse_args()
    backend = Backend(chosen.backend)
    device = usable_device(backend)
    good = sorted((CORPUS / chosen.backend).glob("*.py"))[: chosen.only]
    bad = [path for path in sorted((CORPUS / "broken").glob("*.py")) if fits(path, backend)][: chosen.only]
    with tempfile.TemporaryDirectory() as folder:
        bounds = Bounds(chosen.limit, chosen.real)
        measures = measured(good, bad, backend, device, bounds=bounds, folder=Path(folder))
    report(measures, as_json=chosen.json)


def usable_device(backend: Backend) -> str:
    if backend is Backend.CPU:
        return "cpu"
    asked = "import torch; print(torch.cuda.is_available())"
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    ).stdout.strip()
    if found == "True":
        return "cuda"
    toolchain._refuse_cpu_only = lambda _torch: None  # compiled only, which needs no CUDA build of torch
    return "none"


def fits(path: Path, backend: Backend) -> bool:
    return path.name.startswith("cuda_") == (backend is Backend.CUDA)


def measured(
    good: list[Path], bad: list[Path], backend: Backend, device: str, *, bounds: Bounds, folder: Path
) -> list[Measure]:
    cache = folder / "cache"
    setup = asyncio.run(ours(good[:1], backend, cache))[0]
    cold = asyncio.run(ours(good[1:], backend, cache))
    done = [setup, *cold]
    warm = asyncio.run(ours(good, backend, cache))
    failed = asyncio.run(ours(bad, backend, cache)) if bad else []
    lines = [*ours_alone(setup, cold, warm, failed, backend), *verdicts(bad, failed)]
    if backend is Backend.CUDA and len(good) >= TOGETHER:
        lines.append(at_once(good, backend, folder))
    loaded = {
        path: in_child(path, str(of(path, done).built.artifact), device)
        for path in good
        if of(path, done).built.artifact
    }
    if device != "none":
        lines.append(computed(loaded))
    if device == backend.value:  # what is compared is what they compute
        slim = [path for path in good if of(path, done).built.headers == "slim"]
        lines += compared_with_real(slim[: bounds.real], loaded, backend, device, folder)
        lines += compared_with_plain(slim[1 : bounds.plain + 1], done, loaded, device)
        lines += compared_failed(bad, failed, limit=bounds.plain)
    return lines


def ours_alone(
    setup: Done, cold: list[Done], warm: list[Done], failed: list[Done], backend: Backend
) -> list[Measure]:
    for each in (setup, *cold, *failed):
        built = each.built
        text = f"{each.name:28} {built.outcome:10} {built.headers or '-':5} {built.cpu_s:7.1f} CPU s"
        sys.stderr.write(f"{text} {each.wall_s:7.1f} s wall  {built.reason or ''}\n")
    slim = [each for each in (setup, *cold) if each.built.headers == "slim"]
    compiled = [each for each in cold if each.built.headers == "slim"]
    if not compiled:
        return []
    target = {"target": 16.0} if backend is Backend.CUDA else {}
    wall = max(each.wall_s for each in compiled)
    slowest = (
        at_most("slowest slim cold build, wall", wall, "s", **target)
        if target
        else Measure("slowest slim cold build, wall", wall, "s")
    )
    served = 100 * len(slim) / (1 + len(cold))
    return [
        Measure("first build of a cache, with the slim headers' library, wall", setup.wall_s, "s"),
        Measure("slim cold build, CPU, median", statistics.median(each.built.cpu_s for each in compiled), "s"),
        Measure("slim cold build, wall, median", statistics.median(each.wall_s for each in compiled), "s"),
        slowest,
        Measure(
            "slim cold build, most memory of one compiler",
            max(e.built.peak_bytes for e in compiled) / 1e6,
            "MB",
        ),
        at_most("cached build, wall, slowest", 1000 * max(each.wall_s for each in warm), "ms", target=50.0),
        Measure("corpus served by slim headers", served, "%", 90.0, met=served >= 90.0),
        Measure(
            "good candidates that were built",
            100 * sum(e.built.outcome is BuildOutcome.BUILT for e in (setup, *cold)) / (1 + len(cold)),
            "%",
        ),
    ]


def verdicts(bad: list[Path], failed: list[Done]) -> list[Measure]:
    """How many broken candidates fail for the reason, and with the words, that their first line names."""
    right = 0
    for path, each in zip(bad, failed, strict=True):
        _expected, reason, mention = (part.strip() for part in path.read_text().splitlines()[0].split(":", 2))
        met = each.built.reason == reason and mention in each.built.log
        right += met
        if not met:
            sys.stderr.write(
                f"{path.stem}: {each.built.reason}, not {reason}; or {mention!r} is not in\n"
                f"{each.built.log[:600]}\n"
            )
    return [
        Measure(
            "broken candidates with the expected reason and words",
            right,
            f"of {len(bad)}",
            len(bad),
            met=right == len(bad),
        )
    ]


def at_once(good: list[Path], backend: Backend, folder: Path) -> Measure:
    """Different candidates at the same time, with nothing in the cache but the library behind the headers."""
    fresh = folder / "together"
    asyncio.run(ours(good[-1:], backend, fresh))
    began = time.perf_counter()
    asyncio.run(ours(good[:TOGETHER], backend, fresh, together=True))
    return at_most(
        f"{TOGETHER} different cold candidates at once, wall", time.perf_counter() - began, "s", target=60.0
    )


def computed(loaded: dict[Path, dict[str, object]]) -> Measure:
    """How many candidates compute what they should."""
    for path, each in loaded.items():
        if not each.get("close"):
            sys.stderr.write(f"{path.stem}: {each}\n")
    right = sum(bool(each.get("close")) for each in loaded.values())
    return every("built candidates that compute what they should", right, len(loaded))


def every(name: str, right: int, of_all: int) -> Measure:
    return Measure(name, right, f"of {of_all}", of_all, met=right == of_all)


def compared_with_real(
    chosen: list[Path], loaded: dict[Path, dict[str, object]], backend: Backend, device: str, folder: Path
) -> list[Measure]:
    """Whether candidates compute the same, to the last bit, with the real headers only."""
    if not chosen:
        return []
    usual, workshop.may_suffice = workshop.may_suffice, lambda *_texts: False
    real = asyncio.run(ours(chosen, backend, folder / "real", together=True))
    workshop.may_suffice = usual
    same = 0
    for path in chosen:
        built = of(path, real).built
        digest = in_child(path, str(built.artifact), device).get("digest")
        same += (equal := digest is not None and digest == loaded[path].get("digest"))
        sys.stderr.write(
            f"{path.stem:28} {built.headers} {built.cpu_s:6.1f} CPU s  {'equal' if equal else 'NOT EQUAL'}\n"
        )
    cpu = statistics.median(each.built.cpu_s for each in real)
    return [
        Measure("built with the real headers, CPU, median", cpu, "s"),
        every("outputs equal to the last bit, slim and real headers", same, len(chosen)),
    ]


def compared_with_plain(
    chosen: list[Path], done: list[Done], loaded: dict[Path, dict[str, object]], device: str
) -> list[Measure]:
    """Some candidates beside plain load_inline's builds of them."""
    if not chosen:
        return []
    plain = plainly(chosen, device)
    same = sum(plain[path].get("digest") == loaded[path].get("digest") for path in chosen)
    shares = [of(path, done).built.cpu_s / plain[path]["cpu_s"] for path in chosen]
    for path in chosen:
        sys.stderr.write(
            f"{path.stem:28} plain {plain[path]['cpu_s']:6.1f} CPU s, {plain[path].get('peak_mb', 0):6.0f} MB,"
            f" slim {of(path, done).built.cpu_s:6.1f}\n"
        )
    peak = max(each.get("peak_mb", 0.0) for each in plain.values())
    cpu = statistics.median(each["cpu_s"] for each in plain.values())
    return [
        Measure("plain load_inline, cold, CPU, median", cpu, "s"),
        Measure("plain load_inline, most memory of one compiler", peak, "MB"),
        at_most("cold CPU of ours by plain's, largest", max(shares), "", target=1 / 3),
        every("outputs equal to the last bit, slim and plain", same, len(chosen)),
    ]


def plainly(paths: list[Path], device: str) -> dict[Path, dict[str, object]]:
    """What plain builds came to, as many side by side as there are pairs of cores."""
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // 2)) as pool:
        return dict(zip(paths, pool.map(lambda path: in_child(path, "-", device), paths), strict=True))


def compared_failed(bad: list[Path], failed: list[Done], *, limit: int) -> list[Measure]:
    """Broken candidates beside plain builds of them: those without a precompiled header, and those with one."""
    compiled = [path for path in bad if of(path, failed).built.cpu_s > 0]
    chosen = compiled[:limit] + compiled[limit:][-limit:] if limit else []
    if not chosen:
        return []
    plain = plainly(chosen, "none")
    shares = {path: of(path, failed).built.cpu_s / plain[path]["cpu_s"] for path in chosen}
    for path, share in shares.items():
        sys.stderr.write(
            f"{path.stem:28} plain {plain[path]['cpu_s']:6.1f} CPU s, ours by plain's {share:.2f}\n"
        )
    agree = sum(not plain[path]["ok"] for path in chosen)
    return [
        at_most(f"failed build, CPU of ours by plain's, {which}", statistics.median(some), "", target=2 / 3)
        for which, some in (
            (f"first {limit}, median", [shares[path] for path in chosen[:limit]]),
            (f"last {limit}, median", [shares[path] for path in chosen[-limit:]]),
        )
    ] + [every("broken candidates that plain load_inline refuses too", agree, len(chosen))]


if __name__ == "__main__":
    main()
