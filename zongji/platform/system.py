"""System programs that only run when installed: by apt, as root or with sudo; else they are named."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from zongji.platform.errors import PlatformError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FONT_FOLDERS = (Path("/usr/share/fonts/opentype/noto"), Path("/usr/share/fonts/truetype/wqy"))
_PACKAGES = ("chromium", "fonts-noto-cjk")

Tell = Callable[[str], None]


def browser() -> str | None:
    """The path of a Chromium, None when there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def ensure_browser(tell: Tell) -> None:
    """Chromium and a Chinese font. Raises PlatformError naming what a person has to install."""
    if browser() and any(folder.exists() for folder in _FONT_FOLDERS):
        return
    names = " ".join(_PACKAGES)
    missing = PlatformError(f"The tests need {names}: run `sudo apt-get install {names}` once.")
    apt = shutil.which("apt-get")
    if apt is None:
        raise missing
    command = [apt] if os.geteuid() == 0 else ["sudo", "-n", apt]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *_PACKAGES]):
        tell(f"apt-get {arguments[0]}")
        try:
            subprocess.run([*command, *arguments], check=True, capture_output=True, env=environment)
        except (OSError, subprocess.CalledProcessError) as error:
            raise missing from error
