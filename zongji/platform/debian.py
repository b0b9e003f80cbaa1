"""System programs from the distribution's own packages, unpacked into a folder, without root.

Rule: apt runs with a state of its own (an empty list of installed packages), so the whole closure
comes along and nothing on the machine changes. The mirror is the one the machine already uses; the
distribution's keyring verifies it. A stamp written last makes the second start instant.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zongji.platform.errors import PlatformError

PACKAGES = (
    "asterisk",
    "asterisk-core-sounds-en-gsm",
    "asterisk-moh-opsound-wav",
    "espeak-ng",
    "openssl",
    "sox",
    "sip-tester",
)
_SUITES = {"debian": ("forky", "main"), "ubuntu": ("resolute", "main universe")}
_KEYRINGS = {
    "debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}
_TRIPLES = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
_LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Prefix:
    """A folder with unpacked packages, whose programs run through their own loader."""

    folder: Path

    @property
    def libraries(self) -> Path:
        return self.folder / "usr" / "lib" / _TRIPLES[platform.machine()]

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command line that runs `program` (usr/sbin/asterisk) with the prefix's libraries."""
        paths = (self.libraries, self.libraries / "pulseaudio")
        return [
            str(self.libraries / _LOADERS[platform.machine()]),
            "--library-path",
            ":".join(map(str, paths)),
            str(self.folder / program),
            *arguments,
        ]

    def espeak(self) -> list[str]:
        return self.command("usr/bin/espeak-ng", f"--path={self.libraries}")


def unpack(
    folder: Path, tell: Tell, packages: Sequence[str] = PACKAGES, *, mirror: str | None = None
) -> Prefix:
    """Bring `folder` to hold the packages with all they need. Raises PlatformError.

    `mirror`: the archive's address, by default the one this machine uses.
    """
    stamp = folder / "zongji.stamp"
    wanted = f"{_suite()[0]} {' '.join(packages)}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return Prefix(folder)
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise PlatformError(
                f"{tool} is missing: Zongji sets itself up on Debian or Ubuntu only."
            )
    work = folder.with_name(folder.name + ".packages")
    try:
        archives = _download(work, packages, mirror or _mirror(work, tell), tell)
        fresh = folder.with_name(folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for number, archive in enumerate(archives, 1):
            tell(f"unpacking {number} of {len(archives)}")
            _run(["dpkg", "-x", str(archive), str(fresh)])
        (fresh / stamp.name).write_text(wanted)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    except OSError as error:
        raise PlatformError(_explain(str(error), folder)) from error
    shutil.rmtree(work, ignore_errors=True)
    return Prefix(folder)


def _download(work: Path, packages: Sequence[str], mirror: str, tell: Tell) -> list[Path]:
    archives = work / "cache" / "archives"
    for part in (work / "lists" / "partial", archives / "partial"):
        part.mkdir(parents=True, exist_ok=True)
    (work / "status").write_text("")
    suite, components = _suite()
    keyring = _KEYRINGS[_distribution()]
    source = f"deb [signed-by={keyring}] {mirror} {suite} {components}\n"
    (work / "sources.list").write_text(source)
    options = _options(work)
    tell("reading the list of packages")
    _run(["apt-get", *options, "update", "--error-on=any"])
    tell("downloading Asterisk and its libraries (about 110 MB)")
    _run(["apt-get", *options, "-y", "--download-only", "install", *packages])
    return sorted(archives.glob("*.deb"))


def _options(work: Path) -> list[str]:
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": work,
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Retries": "3",
        "Debug::NoLocking": "1",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _mirror(work: Path, tell: Tell) -> str:
    """The archive this machine already uses for its own packages.

    apt names only those whose lists it has; on a machine without any they are read into `work`.
    """
    if found := _archive():
        return found
    tell("reading this machine's own list of packages")
    lists = work / "own-lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    settings = (f"Dir::State::lists={lists}", "APT::Sandbox::User=", "Debug::NoLocking=1")
    options = [part for setting in settings for part in ("-o", setting)]
    _run(["apt-get", *options, "update"])
    if found := _archive(*options):
        return found
    raise PlatformError(
        f"apt knows no archive of {_distribution().title()}: name one in /etc/apt/sources.list."
    )


def _archive(*options: str) -> str | None:
    form = "$(REPO_URI) $(ORIGIN) $(COMPONENT)"
    listed = _run(["apt-get", *options, "indextargets", "--format", form])
    for line in listed.splitlines():
        found = re.fullmatch(rf"(\S+) {_distribution().title()} main", line.strip())
        if found and "security" not in found[1]:
            return found[1]
    return None


def _distribution() -> str:
    release = platform.freedesktop_os_release()
    for name in (release.get("ID", ""), *release.get("ID_LIKE", "").split()):
        if name in _SUITES:
            return name
    raise PlatformError("Zongji sets itself up on Debian or Ubuntu only; elsewhere use docker/.")


def _suite() -> tuple[str, str]:
    return _SUITES[_distribution()]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        check=False,
    )
    if done.returncode:
        raise PlatformError(_explain(done.stderr or done.stdout, Path.cwd()))
    return done.stdout


def _explain(said: str, folder: Path) -> str:
    if "No space left" in said or "enough free space" in said:
        return f"The disk that holds {folder} is full: free about 1 GB there and start again."
    if any(word in said for word in ("Could not connect", "Temporary failure", "Failed to fetch")):
        return "The package mirror of this machine cannot be reached: check the network, then start again."
    errors = [line for line in said.splitlines() if line.startswith(("E:", "dpkg"))]
    return f"Unpacking the system programs failed: {(errors or [said.strip() or 'no message'])[-1]}"
