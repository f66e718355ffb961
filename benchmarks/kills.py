"""`caesar run` in which one process is killed at a random instant: what is lost, what is wrong, what is left.

Every pass is the real command on two slots of the CPU, with a store, locks, a cache and a temporary folder of
its own: two trajectories of three candidates each, boxed as far as this machine allows. Meanwhile one process
gets SIGKILL: the supervisor, the zygote, a judge, a candidate's process, the first process of its box, or a
keeper. A command that was killed, or failed, is followed by `caesar resume`: in half of the passes at once, in
the others when no process of it is left. `aftermath.py` has what is looked at then.

A pass is whole when every trajectory has finished, the store is sound and replays, every request has one end
for each attempt and one answer, every lease has one end, every device can be had, and no process, in the tree
or out of it, and no temporary file is left. A verdict is right when it is the candidate's own, from as strict a
box as without a kill. One more is right where the candidate's own process was killed: that it crashed by
signal 9. A kill that met nobody is not counted.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aftermath import (
    CANDIDATE,
    NAME,
    NOBODY,
    Count,
    Pass,
    children,
    descendants,
    has_ended,
    heads,
    isolations,
    look_at_all,
    process_of,
    run_id,
    wait_for_quiet,
)
from measures import Measure, at_most, parser, report

from caesar.devices.processes import MARK, this_process
from caesar.domain import Verdict
from caesar.sandbox.linux import become_subreaper
from caesar.sandbox.tree import reap

REFERENCE = """\
import torch


class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)

    def forward(self, x):
        return torch.relu(self.linear(x))


def get_inputs():
    return [torch.rand(4, 8) - 0.5]


def get_init_inputs():
    return [8]
"""
RIGHT = REFERENCE.replace("class Model(", "class ModelNew(")
WRONG = RIGHT.replace("torch.relu(self.linear(x))", "self.linear(x)")
STORY = ((WRONG, Verdict.INCORRECT), (RIGHT, Verdict.PASSED), (WRONG, Verdict.INCORRECT))
"""What the model answers turn by turn, and what becomes of it."""
SPEC = """
caesar: 1
name: {name}
problems: {{suite: {folder}/problems}}
model: {{name: "scripted:{folder}/story.yaml"}}
budget: {{turns: {turns}}}
backend: cpu
evaluation: {{correctness_trials: 2, timing_trials: 3, timing_s: 0.05}}
context: {{history: last, show: [candidate, verdict]}}
"""
PROGRAM = "from caesar.cli.main import main; main()"
TRAJECTORIES = 2
SLOTS = min(2, len(os.sched_getaffinity(0)))

SUPERVISOR, ZYGOTE, JUDGE = "supervisor", "zygote", "judge"
WORKING_SHARE = 0.85
"""Starting takes most of so short a run, and only the supervisor and the zygote are there then."""
FOLDERS = {
    JUDGE: "caesar-work-judging-*/judge-*",
    CANDIDATE: "caesar-work-judging-*/evaluation-*",
    "build": "caesar-work-build-*",
    "probe": "caesar-work-probe-*/*",
}
"""Where in the temporary folder a job's processes are."""
COMMANDS = 4
"""How often a run is taken up before it is called unfinished."""
COMMAND_S = 120.0


@dataclass(frozen=True, slots=True)
class Usual:
    """A pass in which nobody is killed."""

    pass_s: float
    working_s: float
    """From the first judge on."""
    isolation: str


def prepared(folder: Path, usual: Usual | None = None) -> Pass:
    """A pass that has not begun: its spec, its problems, and what the model will say."""
    (folder / "tmp").mkdir()
    (folder / "problems").mkdir()
    for number in range(TRAJECTORIES):
        (folder / "problems" / f"{number + 1}_relu.py").write_text(REFERENCE)
    (folder / "story.yaml").write_text(json.dumps([f"```python\n{source}```\n" for source, _ in STORY]))
    (folder / "spec.yaml").write_text(SPEC.format(name=NAME, folder=folder, turns=len(STORY)))
    verdicts = tuple(verdict for _, verdict in STORY)
    return Pass(folder, SLOTS, verdicts, TRAJECTORIES, isolation=usual and usual.isolation)


def begun(one: Pass) -> subprocess.Popen[bytes]:
    """The run's next command: `caesar run`, and `caesar resume` as soon as there is a run."""
    words = ["run", str(one.folder / "spec.yaml")] if run_id(one.store) is None else ["resume", NAME]
    environ = {
        **os.environ,
        MARK: this_process().mark,
        "TMPDIR": str(one.scratch),
        "CAESAR_LOCKS": str(one.locks),
        "CAESAR_CACHE": str(one.folder / "cache"),
        "CAESAR_CPU_SLOTS": str(one.slots),
    }
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        *words,
        "--store",
        str(one.store),
        "--root",
        str(one.folder / "runs"),
    ]
    with (one.folder / "said").open("ab") as said:
        process = subprocess.Popen(command, env=environ, cwd=one.folder, stdout=said, stderr=said)
    one.commands.append(process_of(process.pid))
    return process


def usual_pass(one: Pass) -> Usual:
    """How a pass goes in which nobody is killed; one that is not whole is no measure of others."""
    count, began = Count(), time.monotonic()
    command = begun(one)
    wait_for_work(command, one)
    working = time.monotonic()
    ended(command)
    over = time.monotonic()
    look_at_all(one, count)
    if any(count.failures.values()):
        raise SystemExit(f"without a kill: {count.failures}")
    (isolation,) = isolations(one.store)
    return Usual(over - began, over - working, isolation)


def one_pass(usual: Usual, chance: random.Random, count: Count) -> None:
    """Run everything once, kill one process meanwhile, and look at what is there afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        one, began = prepared(Path(folder), usual), time.monotonic()
        command = begun(one)
        one.victim = kill(command, one, usual, chance)
        status = ended(command)
        one.before = heads(one.store)
        while status != 0 and len(one.commands) < COMMANDS:
            if chance.random() < 0.5 and (left := wait_for_quiet(one, files=False)):
                count.orphans.append(f"{one.victim}, before the run is resumed: {left}")
            status = ended(begun(one))
            count.resumed += 1
        count.kills[one.victim] += 1
        count.pass_s.append(time.monotonic() - began)
        look_at_all(one, count)


def ended(command: subprocess.Popen[bytes]) -> int:
    """A command's exit status; one that hangs is ended."""
    try:
        return command.wait(COMMAND_S)
    except subprocess.TimeoutExpired:
        command.kill()
        return command.wait()
    finally:
        reap(lambda _pid, _status: None)  # orphans are this process's children now


def kill(command: subprocess.Popen[bytes], one: Pass, usual: Usual, chance: random.Random) -> str:
    """Kill one process at a random instant of the pass, or of its work alone; the part that it played.

    Each part that is played at that instant is as likely as the others.
    """
    if chance.random() < WORKING_SHARE:
        wait_for_work(command, one)
        time.sleep(chance.uniform(0, usual.working_s))
    else:
        time.sleep(chance.uniform(0, usual.pass_s))
    playing = parts(command.pid, one.scratch)
    part = chance.choice(sorted({*playing.values()}))
    pid = chance.choice([pid for pid, played in playing.items() if played == part])
    if has_ended(pid):  # as the supervisor has where the run is over
        return NOBODY
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return part
    return NOBODY


def wait_for_work(command: subprocess.Popen[bytes], one: Pass) -> None:
    """Return once there is a judge, or the command is over."""
    while command.poll() is None and JUDGE not in parts(command.pid, one.scratch).values():
        time.sleep(0.005)


def parts(supervisor: int, scratch: Path) -> dict[int, str]:
    """The living processes of a command, and which part each plays."""
    playing = {supervisor: SUPERVISOR}
    for child in children(supervisor):
        if not is_in(child, scratch, "caesar-work-zygote-*"):
            playing |= dict.fromkeys((child, *descendants(child)), "another program")
            continue
        playing[child] = ZYGOTE
        for keeper in children(child):
            below = descendants(keeper)
            job = next(filter(None, (job_of(pid, scratch) for pid in below)), "starting job")
            playing[keeper] = f"{job}'s keeper"
            playing |= {pid: f"{job}'s box" if is_first(pid) else job for pid in below}
    return playing


def job_of(pid: int, scratch: Path) -> str | None:
    """Whose process it is, by the folder it is in."""
    return next((job for job, names in FOLDERS.items() if is_in(pid, scratch, names)), None)


def is_in(pid: int, scratch: Path, names: str) -> bool:
    """Whether a process is in a folder of such a name below the temporary one."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().match(f"{scratch}/{names}")
    except OSError:
        return False


def is_first(pid: int) -> bool:
    """Whether a process is the first one of a box's namespace, which runs nothing of the job."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    (numbers,) = (line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    return len(numbers) > 1 and numbers[-1] == "1"


def passes(number: int, *, seed: str) -> Count:
    """As many passes as it takes for so many kills."""
    chance, count = random.Random(seed), Count()
    become_subreaper()
    with tempfile.TemporaryDirectory() as folder:
        usual = usual_pass(prepared(Path(folder)))
    sys.stderr.write(f"a pass without a kill: {usual}\n")
    while count.hits < number:
        one_pass(usual, chance, count)
        sys.stderr.write(f"{len(count.pass_s)} passes: {dict(count.kills)}\n")
    return count


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20, help="how many kills, one in a pass at most")
    options.add_argument("--seed", default="kills", help="what victims and instants follow from")
    chosen = options.parse_args()
    count = passes(chosen.count, seed=chosen.seed)
    failures = count.failures
    measures = [
        Measure("kills, passes", float(len(count.pass_s)), ""),
        *(Measure(f"kills, killed: {victim}", float(n), "") for victim, n in sorted(count.kills.items())),
        *(Measure(f"kills, faults: {kind}", float(n), "") for kind, n in sorted(count.faults.items())),
        Measure("kills, commands that took a run up again", float(count.resumed), ""),
        Measure("kills, crashes told of killed candidates", float(count.crashed), ""),
        Measure("kills, longest pass", max(count.pass_s), "s"),
        *(at_most(f"kills, {name}", float(len(found)), "", target=0.0) for name, found in failures.items()),
    ]
    report(measures, as_json=chosen.json)
    for name, found in failures.items():
        for what in found:
            sys.stderr.write(f"{name}: {what}\n")
    sys.exit(any(failures.values()))


if __name__ == "__main__":
    main()
