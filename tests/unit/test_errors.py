"""The tree of errors: every class says what happened, in one sentence, from its template."""

from __future__ import annotations

import ast
import errno
import json
from pathlib import Path

import pytest

from headbox import errors
from headbox.errors import ErrorCode, HeadboxError, PlanMoved, RequestError, StorageFull, TaskError

#: An example of each class that is raised.
EXAMPLES: dict[HeadboxError, str] = {
    errors.NotFound(what="repository", key="epel"): "There is no repository 'epel'.",
    errors.WrongType(key="x", actual="Task", expected="Repository"): "'x' is a Task; a Repository is needed here.",
    errors.Invalid(field="name", reason="it is empty"): "name is not valid: it is empty.",
    errors.Required(field="url"): "url is required.",
    errors.NameTaken(what="remote", name="epel"): "A remote named 'epel' exists already.",
    errors.BasePathTaken(base_path="a", other="b"): "The base path 'a' is taken by the distribution 'b'.",
    errors.BasePathOverlaps(base_path="a/b", other="a"): "The base path 'a/b' overlaps 'a'.",
    errors.RevisionConflict(what="remote", current=3, expected=2): (
        "The remote is at revision 3; the update was made for revision 2."
    ),
    errors.NoRemote(repository="epel"): "The repository 'epel' has no remote to sync from.",
    errors.NoDistribution(repository="epel"): "Nothing distributes the repository 'epel'.",
    errors.RemoteNotSyncable(remote="epel", reason="it is deleted"): (
        "The remote 'epel' cannot be synced from: it is deleted."
    ),
    errors.InUse(what="remote", name="epel", users="'mirror'"): "The remote 'epel' is in use by 'mirror'.",
    errors.NotCancelable(state="failed"): "The task is failed already.",
    errors.NotPermitted(what="Reading", reason="no"): "Reading is not permitted: no.",
    errors.LimitExceeded(what="The depth", limit=20): "The depth exceeds the limit of 20.",
    errors.IdempotencyConflict(key="k"): "The idempotency key 'k' was used for another request.",
    errors.NotChangeable(kind="FileRepository"): "Content comes into FileRepository by sync alone.",
    errors.SlotTaken(unit="a.txt", other="b.txt"): "a.txt would take the place of b.txt.",
    errors.UnitNeeded(number=2, names="a", needed="File:1 File:2", needed_by="File:3"): (
        "Content units that are to go (2) are needed by others: a."
    ),
    errors.RepositoryIncomplete(repository="epel", open_issues=3): (
        "The repository 'epel' is not published while it misses content (open issues: 3)."
    ),
    errors.PlanOutdated(moved=PlanMoved.REMOTE, reason="the remote was changed"): (
        "The plan cannot be applied any more: the remote was changed."
    ),
    errors.TooManyPlans(limit=4): "4 plans are being computed already, which is the limit.",
    errors.UploadIncomplete(received=3, size=5): "The upload has 3 of its 5 bytes.",
    errors.ContentConflict(what="Wheel", relative_path="a.whl"): (
        "There is a Wheel with the same key already, which has other bytes at 'a.whl'."
    ),
    errors.RemoteUnreachable(url="u", reason="refused"): "u cannot be reached: refused.",
    errors.RemoteResponse(url="u", reason="404 Not Found", status=404): "u answered 404 Not Found.",
    errors.MetadataInvalid(url="u", reason="no digest", line=7): "u cannot be read at line 7: no digest.",
    errors.UnitChanged(what="a.txt"): "a.txt is declared with other bytes than its content unit is known with.",
    errors.UnitConflict(what="a.txt"): "a.txt is declared more than once, with different content.",
    errors.ArtifactInvalid(url="u", actual=1, expected=2): "u has 1 bytes; 2 were declared.",
    errors.DigestMismatch(url="u", actual="a", expected="b"): "u has the digest a; b was declared.",
    errors.TooLarge(what="u", limit=3): "u is larger than the limit of 3.",
    errors.StorageFull(what="a"): "There is no space left to store a.",
    errors.StorageUnavailable(reason="access is denied"): (
        "The storage of artifacts cannot be used: access is denied."
    ),
    errors.ArtifactDamaged(sha256="ab", fault="gone"): "The stored bytes of the artifact ab are gone.",
    errors.DatabaseUnavailable(): "The database cannot be used now; nothing was changed.",
    errors.ChangeUnconfirmed(): "The database went away while the change was made: nobody knows yet whether it was.",
    errors.WorkerLost(attempts=3): "The worker was lost 3 times while it ran this task.",
    errors.TimedOut(url="u", seconds=60): "u did not answer within 60 seconds.",
    errors.Canceled(): "The task was canceled.",
    errors.Internal(correlation_id="c0ffee"): "headbox failed; the log has more under correlation id c0ffee.",
}


def concrete(base: type[HeadboxError]) -> set[type[HeadboxError]]:
    below = base.__subclasses__()
    return set().union(*map(concrete, below)) if below else {base}


def test_every_class_has_an_example() -> None:
    assert concrete(HeadboxError) == {type(error) for error in EXAMPLES}


@pytest.mark.parametrize(("error", "message"), EXAMPLES.items(), ids=lambda value: type(value).__name__)
def test_message_is_one_sentence(error: HeadboxError, message: str) -> None:
    assert error.message == str(error) == message
    assert error.hint is None or error.hint.endswith(".")


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda value: type(value).__name__)
def test_document_can_be_stored(error: HeadboxError) -> None:
    document = error.as_document()

    assert json.loads(json.dumps(document)) == document
    assert document.keys() == {"code", "message", "path", "hint", "retryable", "values"}
    assert ErrorCode(document["code"]) is error.code


def test_tree_is_drawn_whole_at_the_top_of_the_module() -> None:
    drawing = ast.get_docstring(ast.parse(Path(errors.__file__).read_text()))
    assert drawing is not None

    for error in EXAMPLES:
        assert f" {type(error).__name__}" in drawing
        assert isinstance(error, RequestError | TaskError)


def test_path_and_hint_can_be_given() -> None:
    error = errors.Invalid(field="name", reason="no", path=("a", "b"), hint="Do.")

    assert (error.path, error.hint) == (("a", "b"), "Do.")
    assert error.at("c", "d").path == ("c", "d")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_is_told(number: int) -> None:
    with pytest.raises(StorageFull, match="no space left to store the file"), StorageFull.translated("the file"):
        raise OSError(number, "full")


def test_other_faults_of_the_system_stay_what_they_are() -> None:
    with pytest.raises(PermissionError), StorageFull.translated("the file"):
        raise PermissionError(errno.EACCES, "no")
