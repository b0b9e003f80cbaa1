"""One private Asterisk: its configuration rendered, started, watched and stopped by process id.

Rule: nothing outside its own folder is read or written, and only the process started here is stopped.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crm_core.whole_files import write_if_changed
from zongji.platform.debian import Prefix
from zongji.platform.errors import PlatformError
from zongji.platform.render import render
from zongji.platform.site import AgentPhone, Secrets, Site, render_phones
from zongji.settings import ROOT

TEMPLATES = ROOT / "asterisk-conf"
_SECTION = re.compile(r"^\s*\[([^\]]+)\]", re.MULTILINE)
_BOOT_S = 60


@dataclass(frozen=True)
class AsteriskFiles:
    """Where one Asterisk's configuration (`etc`) and working files (`run`) lie."""

    prefix: Prefix
    folder: Path
    templates: Path = TEMPLATES

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def faxes(self) -> Path:
        """Faxes that come in, for the daemon, which keeps its own files in the same folder."""
        return self.folder.parent / "faxes"

    @property
    def data(self) -> Path:
        return self.prefix.folder / "usr" / "share" / "asterisk"

    def english(self, *names: str) -> str:
        """What Playback plays: sounds of Asterisk's own, one after the other."""
        return "&".join(str(self.data / "sounds" / "en_US_f_Allison" / name) for name in names)

    def write(self, values: Mapping[str, str]) -> list[Path]:
        """Render the templates with `values` and the folders; returns the changed files."""
        for part in ("log", "spool", "agi-bin", "keys"):
            (self.run / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        places = {
            "etc": str(self.etc),
            "run": str(self.run),
            "modules": str(self.prefix.libraries / "asterisk" / "modules"),
            "varlib": str(self.data),
            "data": str(self.data),
            "moh": str(self.data / "moh"),
        }
        return render(self.templates, self.etc, {**places, **values})


def music_classes(templates: Path = TEMPLATES) -> tuple[str, ...]:
    """The classes of music on hold; none when the file is not here."""
    try:
        written = (templates / "musiconhold.conf").read_text(encoding="utf-8")
    except OSError:
        return ()
    return tuple(name for name in _SECTION.findall(written) if name != "general")


def write_pbx(
    files: AsteriskFiles, site: Site, secrets: Secrets, phones: Iterable[AgentPhone], name: str
) -> list[Path]:
    """The PBX's whole configuration: templates, phones and TLS. Returns the changed files."""
    certificate, key = _certificate(files, name)
    tls = certificate is not None
    (files.faxes / "incoming").mkdir(parents=True, exist_ok=True, mode=0o700)
    values = site.values() | {
        "systemname": name,
        "faxes": str(files.faxes),
        "daemon_sorry": site.daemon.sorry or files.english("tt-allbusy", "please-try-call-later"),
        "transmit_silence": "no",
        "secret_manager": secrets["manager"],
        "tls_enabled": "yes" if tls else "no",
        "tls_certificate": str(certificate or ""),
        "tls_key": str(key or ""),
    }
    changed = files.write(values)
    generated = {
        "pjsip_agents.conf": render_phones(phones),
        "pjsip_nat.conf": _nat(site),
        "pjsip_tls.conf": _tls(site, certificate, key) if certificate and key else "",
    }
    changed += [
        files.etc / name
        for name, text in generated.items()
        if write_if_changed(files.etc / name, text)
    ]
    return changed


def _nat(site: Site) -> str:
    if not site.sip.external_address:
        return ""
    return (
        f"external_signaling_address = {site.sip.external_address}\n"
        f"external_media_address = {site.sip.external_address}\n"
        f"local_net = {site.sip.local_net}\n"
    )


def _tls(site: Site, certificate: Path, key: Path) -> str:
    return (
        "[tls]\ntype = transport\nprotocol = tls\n"
        f"bind = {site.sip.bind}:{site.sip.tls_port}\n"
        f"cert_file = {certificate}\npriv_key_file = {key}\nmethod = tlsv1_2\n"
    )


def _certificate(files: AsteriskFiles, name: str) -> tuple[Path | None, Path | None]:
    """The site's certificate (tls.crt, tls.key in the folder); made for itself when there is none."""
    certificate, key = files.folder / "tls.crt", files.folder / "tls.key"
    if not certificate.exists():
        files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        program = shutil.which("openssl")
        command = [program] if program else files.prefix.command("usr/bin/openssl")
        arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
        arguments += ["-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)]
        made = subprocess.run([*command, *arguments], capture_output=True, check=False)
        if made.returncode:
            return None, None
        key.chmod(0o600)
    return certificate, key


class AsteriskProcess:
    """One running Asterisk."""

    def __init__(self, files: AsteriskFiles) -> None:
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    async def start(self) -> None:
        """Start and wait until it has booted. Raises PlatformError with its first complaint."""
        arguments = ("-f", "-C", str(self._files.etc / "asterisk.conf"))
        with (self._files.run / "log" / "console").open("ab") as console:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                self._files.prefix.command("usr/sbin/asterisk", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self._files.run,
                start_new_session=True,
                umask=0o077,
            )
        try:
            async with asyncio.timeout(_BOOT_S):
                while "fully booted" not in await self.console("core waitfullybooted"):
                    if self._process.poll() is not None:
                        raise PlatformError(f"Asterisk ended while starting{self._complaint()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.kill()
            raise PlatformError(
                f"Asterisk did not start within {_BOOT_S} seconds{self._complaint()}"
            ) from None

    def _complaint(self) -> str:
        """The first error since the last start, as the end of a sentence."""
        log = self._files.run / "log" / "messages"
        said = log.read_text(errors="replace") if log.exists() else ""
        this_start = said.rpartition(" built by ")[2]
        errors = [line for line in this_start.splitlines() if " ERROR[" in line]
        why = errors[0].partition(": ")[2].strip() if errors else "it says nothing of the cause"
        return f": {why} (its log is {log})."

    async def stop(self) -> None:
        """Ask it to stop; kill it when it does not."""
        if self.pid is None or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """The power cut: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def console(self, command: str) -> str:
        """Run one console command; empty while Asterisk does not listen."""
        arguments = ("-C", str(self._files.etc / "asterisk.conf"), "-rx", command)
        process = await asyncio.create_subprocess_exec(
            *self._files.prefix.command("usr/sbin/asterisk", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TERM": "dumb"},
        )
        output, _ = await process.communicate()
        return output.decode(errors="replace")


def require_free(address: str, port: int, what: str, *, datagram: bool = False) -> None:
    """Raises PlatformError when the port is taken."""
    kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if not datagram:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise PlatformError(
                f"Port {port} ({what}) on {address} is in use: stop the program that has it, "
                "or start with --port-offset 1000."
            ) from error
