"""Files that are replaced whole.

Rule: whoever reads sees the old content or the new one, never half of it, also after a loss of power.
"""

import os
from pathlib import Path


def write_if_changed(path: Path, text: str, *, mode: int = 0o600) -> bool:
    """Replace the file when its content differs; says whether it did. Raises OSError."""
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return False
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return True
