"""What a user installs: the wheel, in an environment of its own, away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The `caesar` of a wheel built from this checkout; its dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    into = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    install = ["-m", "pip", "install", "-q", "--no-deps", "--target", into, str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    dependencies = sysconfig.get_path("purelib")
    (Path(into) / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


def run(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = "from caesar.cli.main import main; main()"
    return subprocess.run(
        [str(python), "-E", "-c", program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_wheel_brings_schema_problems_templates_queries_and_store(installed, tmp_path):
    where = run(installed, "spec", "schema", folder=tmp_path)
    problems = run(installed, "problems", "list", folder=tmp_path)
    check = (
        "import caesar, caesar.prompts.render as r, caesar.reports.analysis as q\n"
        "from importlib.resources import files\n"
        f"assert not caesar.__file__.startswith({str(ROOT)!r}), caesar.__file__\n"
        "assert r.shipped() and q.query_text('log_json') and q.views_text()\n"
        "assert (files('caesar') / 'specs' / 'last_only.yaml').is_file()\n"
        "from caesar.stores.eventlog import SqliteEventLog; from pathlib import Path\n"
        "SqliteEventLog.open(Path('store.db'), clock_us=lambda: 0).close()\n"
    )
    rest = subprocess.run(
        [str(installed), "-E", "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 0 == where.returncode, where.stderr
    assert "RationalGate" in problems.stdout, problems.stderr
    assert 0 == rest.returncode, rest.stderr
