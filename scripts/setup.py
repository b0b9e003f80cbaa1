"""Make the Python environment `.venv` from the hashed lock file, with nothing but the standard library.

Rule: a second start finds the stamp and is done at once; a failure is one sentence saying what to do.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "zongji.stamp"


class SetupError(Exception):
    """What is missing, in one sentence that says how to mend it."""


def main() -> int:
    try:
        prepare()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {_explain(str(error))}", file=sys.stderr)
        return 1
    return 0


def prepare() -> None:
    """Bring `.venv` to what the lock file says."""
    if sys.version_info < (3, 11):
        raise SetupError(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: "
            "run make with PYTHON=python3.11 (or newer) after installing it."
        )
    wanted = _digest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Setting up the Python packages (once, about a minute) …", flush=True)
    if VENV.exists():
        shutil.rmtree(VENV)
    pip = _create_environment()
    _install(pip, "--require-hashes", "-r", str(LOCK))
    _install(pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.write_text(wanted)


def _digest() -> str:
    content = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(content + sys.version.encode() + str(ROOT).encode()).hexdigest()


def _create_environment() -> list[str]:
    """Create the environment; returns the command that runs pip for it."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    venv.create(VENV, with_pip=with_pip)
    if with_pip:
        return [str(PYTHON), "-m", "pip"]
    return [str(PYTHON), str(_pip_from_distribution() / "pip")]


def _pip_from_distribution() -> Path:
    """Debian splits pip off: take its wheel from the distribution's own package, without root."""
    advice = "install the distribution's package python3-venv and run this again"
    if not shutil.which("apt-get"):
        raise SetupError(f"this Python has no ensurepip: {advice}.")
    with tempfile.TemporaryDirectory() as folder:
        fetched = subprocess.run(
            ["apt-get", "download", "python3-pip-whl"], cwd=folder, capture_output=True, check=False
        )
        packages = list(Path(folder).glob("*.deb"))
        if fetched.returncode or not packages:
            raise SetupError(
                f"this Python has no ensurepip and pip could not be fetched: {advice}."
            )
        subprocess.run(["dpkg", "-x", str(packages[0]), str(VENV / "pip")], check=True)
    return next((VENV / "pip").rglob("pip-*.whl"))


def _install(pip: list[str], *arguments: str) -> None:
    command = [*pip, "install", "--disable-pip-version-check", "--no-input", *arguments]
    total = LOCK.read_text().count("==") if "-r" in arguments else 0
    output: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line.strip())
            if line.startswith("Collecting") and total:
                _show(sum(text.startswith("Collecting") for text in output), total)
    if total:
        print(flush=True)
    if process.returncode:
        raise SetupError(_explain("\n".join(output)))


def _show(done: int, total: int) -> None:
    end = "\r" if sys.stdout.isatty() else ""
    if end or done % 20 == 0:
        print(f"  {min(done, total)} of about {total} packages", end=end or "\n", flush=True)


def _explain(said: str) -> str:
    if "No space left" in said:
        return f"the disk of {ROOT} is full: free about 2 GB there and run this again."
    if any(word in said for word in ("NewConnectionError", "Temporary failure", "ConnectTimeout")):
        return "the Python package registry cannot be reached: check the network or pip's index setting."
    errors = [line for line in said.splitlines() if line.lower().startswith("error")]
    return f"pip failed: {(errors or said.splitlines() or ['no message'])[-1]}"


if __name__ == "__main__":
    sys.exit(main())
