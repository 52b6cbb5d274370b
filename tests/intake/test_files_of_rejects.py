"""The file of rejects beside a file that is imported: never overwritten, and never half of it."""

import pytest

from server.cli.rejected import Rejects
from server.intake import rejects

HEADER = ("a", "b")
FIRST = rejects.header(HEADER)


def write(file, start, *lines):
    """Write `lines` as an import does; return what it says of the file, and how long it is."""
    with Rejects(file, HEADER, start) as writer:
        size = writer.add(b"")
        for line in lines:
            size = writer.add(line)
    return writer, size


@pytest.fixture
def rows(tmp_path):
    return tmp_path / "rows.csv"


def test_an_import_goes_on_behind_what_was_written(rows):
    first, size = write(rows, None, b"1\r\n")
    with first.path.open("ab") as file:
        file.write(b"half")
    again, _ = write(rows, size, b"2\r\n")
    assert first.path.read_bytes() == FIRST + b"1\r\n2\r\n"
    assert (again.kept, again.is_begun_anew) == (None, False)


@pytest.mark.parametrize("there", [None, b"", FIRST + b"1\r\n", b"x" * 5000])
def test_a_file_that_was_moved_or_changed_meanwhile_is_begun_anew(rows, there):
    first, size = write(rows, None, b"1\r\n" * 100)
    first.path.unlink()
    if there is not None:
        first.path.write_bytes(there)
    again, _ = write(rows, size, b"2\r\n")
    assert again.path.read_bytes() == FIRST + b"2\r\n"
    assert again.is_begun_anew
    assert (again.kept is not None) == (len(there or b"") > len(FIRST))


def test_rejects_that_somebody_may_put_right_are_kept(rows):
    first, _ = write(rows, None, b"1\r\n")
    first.path.write_bytes(FIRST + b"right\r\n")
    for number in (1, 2):
        again, _ = write(rows, None, b"%d\r\n" % (number + 1))
        assert again.kept == rows.with_name(f"rows.csv.rejects.{number}.csv")
    assert rows.with_name("rows.csv.rejects.1.csv").read_bytes() == FIRST + b"right\r\n"
    assert first.path.read_bytes() == FIRST + b"3\r\n"


def test_the_same_rejects_again_are_kept_once(rows):
    write(rows, None, b"1\r\n")
    again, _ = write(rows, None, b"1\r\n")
    assert again.kept is None
    assert [one.name for one in rows.parent.iterdir()] == ["rows.csv.rejects.csv"]


def test_nobody_else_reads_them_whatever_was_there(rows):
    path = rows.with_name("rows.csv.rejects.csv")
    path.write_bytes(b"")
    path.chmod(0o644)
    write(rows, None, b"1\r\n")
    assert path.stat().st_mode & 0o777 == 0o600
    write(rows, None)
    assert not path.exists()
