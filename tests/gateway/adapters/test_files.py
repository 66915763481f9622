"""Files are whole, and there, after a power cut at any moment."""

import pytest

from lamplighter.gateway.adapters.files import make_folder, write_atomically
from tests.power import Power

EAGER_OR_LAZY = pytest.mark.parametrize("eager", [False, True])
"""Whether the file system wrote the names of files on its own before the power went."""


@EAGER_OR_LAZY
def test_what_was_written_is_there_after_a_power_cut(tmp_path, eager):
    """As soon as the call returns: the folders that were made, the new content, and the one before it."""
    (tmp_path / "disk").mkdir()
    with Power(tmp_path / "disk") as power:
        folder = power.folder / "made" / "for it"
        make_folder(folder)
        for number in range(3):
            write_atomically(folder / "file", b"%d" % number, keep=folder / "old")
            image = power.image(tmp_path / str(number), eager) / "made" / "for it"
            assert (image / "file").read_bytes() == b"%d" % number
            assert not number or (image / "old").read_bytes() == b"%d" % (number - 1)


@EAGER_OR_LAZY
def test_a_file_is_old_or_new_at_any_moment(tmp_path, eager):
    """Never empty, never missing."""
    (tmp_path / "disk").mkdir()
    path, seen = tmp_path / "disk" / "file", []
    path.write_bytes(b"old")
    with Power(tmp_path / "disk") as power:
        power.before = lambda: seen.append((power.image(tmp_path / "image", eager) / "file").read_bytes())
        write_atomically(path, b"new")
    assert seen == [b"old", b"new" if eager else b"old"]
