"""What of a published log is damaged."""

import shutil

import pytest

from lamplighter.gateway.publiclog import survey as module
from lamplighter.gateway.publiclog.reader import PublishedLog
from lamplighter.gateway.publiclog.survey import survey


@pytest.fixture
def log(open_log, small_log):
    """A log of 300 leaves: full tiles, partial ones, and narrower ones from before."""
    small_log.register_all([(bytes([n // 250, n % 250]) * 8, "anna") for n in range(2, 292)])
    small_log.register_all([(b"last" * 4, "anna")])
    return small_log


def files(log):
    return sorted(path.relative_to(log.folder).as_posix() for path in log.folder.rglob("*") if path.is_file())


def test_a_whole_log_has_no_damage(log):
    """Whatever was written, also by an older version of the tree."""
    assert len(files(log)) > 10 and survey(log.folder) == {}


def test_every_file_is_looked_at(log):
    """One flipped bit in any of them is found, and one sentence names the file and the way back."""
    for name in files(log):
        path = log.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)) if whole else b"x")
        found = survey(log.folder)
        path.write_bytes(whole)
        (sentence,) = found.values()
        assert list(found) == [name] and sentence.startswith(str(path))
        assert "put back a copy" in sentence and f"`lamplighter audit verify {log.folder}`" in sentence, name


def test_all_that_is_damaged_is_named(log):
    """One damaged file hides no other: bundles that are changed or gone, tiles, and what is only for people."""
    bundle, gone, *_ = (name for name in files(log) if name.startswith("bundle/"))
    for name in (bundle, "tile/0/000", "genesis.json"):
        (log.folder / name).write_bytes(b"junk")
    (log.folder / gone).unlink()
    assert set(survey(log.folder)) == {bundle, gone, "tile/0/000", "genesis.json"}


def test_a_log_that_grows_meanwhile_is_not_damaged(log, monkeypatch):
    """What was dropped or written under the reader is looked at again."""
    class Racing(PublishedLog):
        def _check_tree(self):
            super()._check_tree()
            while log.size < 320:
                log.register_all([(log.size.to_bytes(16, "big"), "anna")])
                (log.folder / "tile/0/001.p").rename(log.folder / "away")
                self._tell(module.UntrueError(2, "tile/0/001.p/44", "is missing"))
                (log.folder / "away").rename(log.folder / "tile/0/001.p")

    monkeypatch.setattr(module, "PublishedLog", Racing)
    assert survey(log.folder) == {} and log.size == 320


def test_it_can_be_called_off(log):
    """Between two bundles, however many there are; what was found until then is told."""
    bundles = [name for name in files(log) if name.startswith("bundle/")]
    shutil.rmtree(log.folder / "bundle")
    asked = []
    assert set(survey(log.folder, lambda: asked.append(1) or True)) < set(bundles) and asked
