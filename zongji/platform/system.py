"""System programs that only run when installed: by apt, as root or with sudo; else they are named."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from zongji.platform.errors import PlatformError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Noto's outlines are PostScript's, which shipping papers cannot embed; Hanazono has the rare characters.
PAPER_FONT, RARE_PAPER_FONT = "fonts-wqy-zenhei", "fonts-hanazono"
_FONTS = tuple(
    Path("/usr/share/fonts") / name
    for name in ("opentype/noto", "truetype/wqy/wqy-zenhei.ttc", "truetype/hanazono")
)
_PACKAGES = ("chromium", "fonts-noto-cjk", PAPER_FONT, RARE_PAPER_FONT)

Tell = Callable[[str], None]


def browser() -> str | None:
    """The path of a Chromium, None when there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def ensure_browser(tell: Tell) -> None:
    """Chromium and Chinese fonts. Raises PlatformError naming what a person has to install."""
    if browser() and all(font.exists() for font in _FONTS):
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
