"""Folders that a server run by another system user may enter."""

from pathlib import Path


def enterable(folder: Path) -> Path:
    """The folder, with those that pytest made above it opened."""
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    folder.chmod(0o755)
    return folder
