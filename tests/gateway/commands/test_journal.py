"""``lamplighter journal``: on the folder of a gateway that does not run."""

from __future__ import annotations

import json
import shutil
from contextlib import closing

import pytest
from click.testing import CliRunner

from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.commands.cli import main
from tests.vectors import journals


@pytest.fixture
def data(tmp_path):
    """A folder with the journal of a gateway that was killed."""
    shutil.copy(journals.FOLDER / "schema-4.db", tmp_path / "journal.db")
    return tmp_path


def run(data, *words):
    return CliRunner().invoke(main, ["journal", *words, "--data", str(data)], prog_name="lamplighter")


def test_a_whole_journal(data):
    """One sentence, exit 0, and the file is as it was."""
    before = (data / "journal.db").read_bytes()
    told = run(data, "verify")
    assert (told.exit_code, told.stderr) == (0, "") and "is whole: " in told.stdout
    assert json.loads(run(data, "verify", "--json").stdout)["rows"] > 50
    assert (data / "journal.db").read_bytes() == before


def test_a_damaged_journal(data):
    """The file, what is wrong, the way back; exit 1."""
    whole = (data / "journal.db").read_bytes()
    (data / "journal.db").write_bytes(whole.replace(b"owner-b1", b"owner-b2", 1))
    told = run(data, "verify")
    assert told.exit_code == 1 and told.stdout == ""
    assert told.stderr.startswith(f"Error: The journal {data / 'journal.db'} is damaged (")
    assert "restore a backup" in told.stderr and told.stderr.count("\n") == 1


@pytest.mark.parametrize("word", ["verify", "migrate"])
def test_where_it_cannot_be_used(tmp_path, data, word):
    """No folder, and a gateway that runs: one sentence each."""
    told = run(tmp_path / "none", word)
    assert told.exit_code == 1 and "There is no journal" in told.stderr
    with closing(Store.open(data / "journal.db")):
        told = run(data, word)
    assert told.exit_code == 1 and f"{data / 'journal.db'} is in use by another gateway" in told.stderr


def test_an_old_journal(data):
    """It cannot be checked; a dry run says what would be, then it is done, then there is nothing to do."""
    shutil.copy(journals.FOLDER / "schema-3.db", data / "journal.db")
    told = run(data, "verify")
    assert told.exit_code == 1 and "`lamplighter journal migrate`" in told.stderr
    assert "would become version 4, was 3; rows kept: task 3, " in run(data, "migrate", "--dry-run").stdout
    done = json.loads(run(data, "migrate", "--json").stdout)
    assert (done["from"], done["to"], done["rows"]["lease"]) == (3, 4, 60)
    assert "nothing to do" in run(data, "migrate").stdout
    assert run(data, "verify").exit_code == 0
