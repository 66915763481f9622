"""Files that are either the old or the new content after any crash, and never in between."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes renames in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Makes a folder where there is none, and those above it; no power cut takes them away. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode, exist_ok=True)
        sync_folder(folder.parent)


def write_atomically(path: Path, data: bytes, *, keep: Path | None = None, mode: int = 0o600) -> None:
    """Replaces ``path`` by way of a temporary file, fsync, rename and fsync of the folder. Raises OSError.

    With ``keep`` the previous content stays under that name. The file ``<name>.new`` is used on the way. What root
    writes belongs to whose the folder is: a gateway must be able to read it.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)
        if os.geteuid() == 0 and (owner := path.parent.stat()).st_uid:   # root in the folder of a service
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view):]
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None   # these calls do not know the name
    finally:
        os.close(descriptor)
    if keep is not None and path.exists():
        spare = keep.with_name(keep.name + ".new")
        spare.unlink(missing_ok=True)
        os.link(path, spare)  # the main file keeps its name until the rename below replaces it
        spare.replace(keep)
    fresh.replace(path)
    sync_folder(path.parent)
