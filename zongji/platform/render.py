"""Fill a folder of Asterisk configuration templates with a site's values.

Rule: a placeholder is `@name@`; one without a value, or a value that could end its line, is refused
with file, line and reason before anything is written. Files are replaced one by one atomically, and
only those whose content changed.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from crm_core.whole_files import write_if_changed
from zongji.platform.errors import PlatformError

_PLACEHOLDER = re.compile(r"@([a-z][a-z0-9_]*)@")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f;]")


def render(templates: Path, target: Path, values: Mapping[str, str]) -> list[Path]:
    """Render every *.conf of `templates` into `target`; returns the files that changed.

    Raises PlatformError naming every wrong place.
    """
    for name, value in values.items():
        if _FORBIDDEN.search(value):
            raise PlatformError(
                f"site value {name}: line breaks, control characters and ';' are not allowed here."
            )
    problems: list[str] = []
    rendered: dict[str, str] = {}
    for template in sorted(templates.glob("*.conf")):
        rendered[template.name] = _fill(template, values, problems)
    if problems:
        raise PlatformError("; ".join(problems))
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [
        target / name for name, text in rendered.items() if write_if_changed(target / name, text)
    ]


def _fill(template: Path, values: Mapping[str, str], problems: list[str]) -> str:
    lines = template.read_text(encoding="utf-8").splitlines()
    filled = []
    for number, line in enumerate(lines, 1):
        missing = [name for name in _PLACEHOLDER.findall(line) if name not in values]
        problems += [f"{template.name}:{number}: no value for @{name}@" for name in missing]
        filled.append(_PLACEHOLDER.sub(lambda found: values.get(found[1], ""), line))
    return "\n".join(filled) + "\n"
