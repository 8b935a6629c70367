"""Checks on recorded runs. Kernels are real where a kernel's own behaviour is the point."""

from __future__ import annotations

import base64
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nbpromote import model, validate
from nbpromote.errors import Refused
from nbpromote.model import Cell, Ending, Model, Outcome, Run
from nbpromote.validate import Reference
from runs import record

MARK = "# NBVAL_CHECK_OUTPUT\n"


def printed(text, source="print(answer)"):
    stream = [new_output("stream", text=text)] if text else []
    return new_code_cell(source, execution_count=1, outputs=stream)


def glued(name, value, encoder="json"):
    payload = {"name": name, "data": value, "encoder": encoder, "version": 1}
    output = new_output("display_data", data={f"application/scrapbook.scrap.{encoder}+json": payload})
    return new_code_cell(f"glue({name!r}, ...)", execution_count=1, outputs=[output])


def book(*cells):
    return new_notebook(cells=list(cells))


def well(count):
    return tuple(Cell(number=n, id=f"c{n}", ending=Ending.OK) for n in range(1, count + 1))


@pytest.fixture
def run(tmp_path):
    return record(tmp_path, cells=well(1))


def answer(run, name, executed, reference=None):
    """One check of a run whose cells all ended well, unless the run says otherwise."""
    if run.failure is None:
        run = replace(run, cells=well(sum(cell.cell_type == "code" for cell in executed.cells)))
    return validate.evidence(run, executed=executed, against=Reference(notebook=reference)).check(name)


# -- ran-to-the-end ------------------------------------------------------------------------------------------


def ended(*endings, **last):
    cells = [Cell(number=n, id=f"c{n}", ending=ending) for n, ending in enumerate(endings, 1)]
    at = next(n for n, cell in enumerate(cells) if not cell.ending.good)
    cells[at] = replace(cells[at], **last)
    return tuple(cells)


OK, LEFT = Ending.OK, Ending.NOT_REACHED


@pytest.mark.parametrize(
    ("cells", "summary"),
    [
        (ended(OK, Ending.ERROR, LEFT, error="ValueError", message="no"), "ValueError in cell 2: no"),
        (ended(OK, Ending.STOPPED, LEFT), "stopped itself at cell 2 of 3"),
        (ended(OK, OK, Ending.TIMED_OUT, seconds=2.01), "timed out at cell 3 after 2 s"),
        (ended(OK, OK, Ending.DIED, message="signal 9"), "died at cell 3: signal 9"),
        (ended(OK, Ending.INTERRUPTED, LEFT), "interrupted at cell 2 of 3"),
        (ended(LEFT, LEFT, LEFT), "0 of 3 cells ran: not a pass"),
        ((), "0 of 0 cells ran: not a pass"),
        (well(2), "2 of 3 cells ran: not a pass"),
        (tuple(reversed(well(3))), "the cells did not run in order: not a pass"),
        (well(4), "4 cells ran, but the executed notebook holds 3: not a pass"),
    ],
)
def test_a_run_that_fell_short_is_told_in_its_own_words(run, cells, summary):
    executed = book(printed("1"), printed("2"), printed("3"))

    check = validate.evidence(replace(run, cells=cells), executed=executed).checks[0]

    assert (check.name, check.outcome, check.summary) == ("ran-to-the-end", Outcome.FAILED, summary)


def test_a_notebook_without_code_is_no_pass(run):
    evidence = validate.evidence(replace(run, cells=()), executed=book(new_markdown_cell("# Hello")))

    assert not evidence.passed
    assert evidence.checks[0].summary == "0 of 0 cells ran: not a pass"


def test_a_notebook_whose_cells_are_all_empty_is_no_pass(run):
    evidence = validate.evidence(run, executed=book(printed("", source="\n")))

    assert evidence.checks[0].summary == "0 of 0 cells ran: not a pass"


def test_papermills_word_that_a_cell_completed_is_no_evidence(run):
    executed = book(printed("1"), printed("2"))
    for cell in executed.cells:
        cell.metadata["papermill"] = {"status": "completed", "exception": None}

    evidence = validate.evidence(replace(run, cells=ended(OK, Ending.DIED)), executed=executed)

    assert not evidence.passed


def test_the_injected_cell_and_empty_cells_are_not_missed(run):
    injected = printed("", source="months = [1]")
    injected.metadata["tags"] = ["injected-parameters"]
    executed = book(injected, printed("1"), printed("", source=""))

    check = validate.evidence(run, executed=executed).checks[0]

    assert (check.outcome, check.count) == (Outcome.PASSED, 1)


def test_nothing_else_is_asked_of_a_run_that_did_not_reach_its_end(run):
    failing = replace(run, cells=ended(Ending.ERROR), outputs={"table": "/data/table.parquet"})

    evidence = validate.evidence(failing, executed=book(glued("mae", "nan")))

    assert [check.name for check in evidence.checks] == list(validate.CHECKS)
    assert {check.outcome for check in evidence.checks[1:]} == {Outcome.SKIPPED}
    skipped = {check.summary for check in evidence.checks[1:] if check.name not in ("no-secrets", "stayed-inside")}
    assert skipped == {"not asked: the run did not reach its end"}


def test_secrets_are_looked_for_in_every_run(run):
    shown = replace(run, cells=ended(Ending.ERROR), secrets={"a": "env:A"}, leaks=("cell 1 (x) raises a", "cell 2"))
    silent = replace(run, secrets={"a": "env:A", "b": "env:B"})

    failed = validate.evidence(shown, executed=book(printed("1"))).check("no-secrets")
    passed = validate.evidence(silent, executed=book(printed("1"))).check("no-secrets")

    assert (failed.outcome, failed.summary) == (Outcome.FAILED, "cell 1 (x) raises a, and 1 more")
    assert failed.details[:2] == shown.leaks
    assert (passed.outcome, passed.count) == (Outcome.PASSED, 2)


def test_terminal_codes_of_an_error_stay_out_of_the_messages(run):
    cells = ended(Ending.ERROR, error="ValueError", message="\x1b[31mred\x1b[0m\nmore")

    check = validate.evidence(replace(run, cells=cells), executed=book(printed(""))).checks[0]

    assert check.summary == "ValueError in cell 1: red"


# -- metrics-finite and scraps -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-Infinity", 1.7976931348623157e308, -1.8e308, 10**400])
def test_a_glued_nan_or_infinity_is_refused(run, value):
    evidence = validate.evidence(run, executed=book(glued("mae", value)))

    assert evidence.check("metrics-finite").outcome is Outcome.FAILED
    assert "mae" in evidence.check("metrics-finite").summary
    assert "mae" not in evidence.metrics


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", math.nan, 1.7976931348623157e308])
def test_a_logged_nan_or_infinity_is_refused(run, value):
    check = answer(replace(run, tracked={"mae": value}), "metrics-finite", book(printed("1")))

    assert check.outcome is Outcome.FAILED


def test_finite_numbers_are_metrics_whichever_way_they_were_handed_out(run):
    executed = book(glued("mae", 12), glued("name", "hello", "text"), glued("on", True), glued("all", [1, "nan"]))

    evidence = validate.evidence(replace(run, cells=well(4), tracked={"r2": 0.5, "mae": 12.0}), executed=executed)

    assert evidence.metrics == {"r2": 0.5, "mae": 12}
    assert evidence.check("metrics-finite").summary == "2 metrics are finite numbers"
    assert evidence.digest == model.load(model.Evidence, model.dump(evidence)).digest


def test_a_run_without_metrics_is_not_asked_for_any(run):
    check = answer(run, "metrics-finite", book(printed("1")))

    assert (check.outcome, check.summary) == (Outcome.SKIPPED, "no metrics handed out")


def test_one_name_with_two_values_is_refused_with_both(run):
    check = answer(replace(run, tracked={"mae": 2.0}), "metrics-finite", book(glued("mae", 1.5)))

    assert (check.outcome, "1.5" in check.summary, "2.0" in check.summary) == (Outcome.FAILED, True, True)


def test_a_name_glued_twice_is_refused_with_both_cells(run):
    check = answer(run, "metrics-finite", book(glued("mae", 1.5), printed("1"), glued("mae", 1.5)))

    assert (check.outcome, check.summary) == (
        Outcome.FAILED,
        "mae was glued more than once: in cells 1 and 3",
    )


def test_every_bad_metric_is_told_at_once(run):
    check = answer(replace(run, tracked={"r2": "nan"}), "metrics-finite", book(glued("mae", "inf")))

    assert set(check.details) == {"mae is infinite", "r2 is NaN"}


def test_evidence_keeps_its_values_when_metrics_are_written_after_the_run(run):
    executed = book(glued("mae", 1.5))
    evidence = validate.evidence(run, executed=executed)

    executed.cells[0].outputs[0].data["application/scrapbook.scrap.json+json"]["data"] = 0.1

    assert evidence.metrics == {"mae": 1.5}
    assert evidence.scraps[0].value == 1.5


def test_a_table_that_cannot_be_read_is_still_a_table(run):
    executed = book(glued("monthly", base64.b64encode(b"no parquet").decode(), "pandas"))

    assert validate.scraps(executed) == (model.Scrap(name="monthly", kind="table", value=None, cell=1),)


GLUE = """\
import matplotlib.figure, pandas, scrapbook
scrapbook.glue("mae", 12.5)
scrapbook.glue("nothing", float("nan"))
scrapbook.glue("name", "gradient boosting")
---
months = pandas.DataFrame({"mae": [1.5, None]}, index=pandas.Index([1, 2], name="month"))
scrapbook.glue("by_month", months, display=True)
---
scrapbook.glue("curve", matplotlib.figure.Figure(), display=True)
"""


@pytest.fixture(scope="module")
def by_scrapbook():
    """What scrapbook itself writes, in a real kernel."""
    from nbclient import NotebookClient

    node = book(*(new_code_cell(source) for source in GLUE.split("---\n")))
    return NotebookClient(node, timeout=60, kernel_name="python3").execute()


def test_scraps_are_what_scrapbook_wrote(by_scrapbook):
    scraps = {scrap.name: (scrap.kind, scrap.value, scrap.cell) for scrap in validate.scraps(by_scrapbook)}

    assert scraps == {
        "mae": ("value", 12.5, 1),
        "nothing": ("value", "nan", 1),
        "name": ("value", "gradient boosting", 1),
        "by_month": ("table", [{"mae": 1.5, "month": 1}, {"mae": None, "month": 2}], 2),
        "curve": ("figure", None, 3),
    }


def test_the_nan_that_scrapbook_turned_into_text_is_refused(run, by_scrapbook):
    check = answer(run, "metrics-finite", by_scrapbook)

    assert (check.outcome, check.summary) == (Outcome.FAILED, "nothing is NaN")


# -- outputs-written -----------------------------------------------------------------------------------------


@pytest.fixture
def writer(run):
    return replace(run, outputs={"table": "/data/table.parquet"})


def test_a_run_without_declared_outputs_is_not_asked_for_any(run):
    assert answer(run, "outputs-written", book(printed("1"))).outcome is Outcome.SKIPPED


def test_an_output_that_was_not_written_is_named(writer):
    check = answer(writer, "outputs-written", book(printed("1")))

    assert (check.outcome, check.count) == (Outcome.FAILED, 1)
    assert "table: nothing was written" in check.summary


@pytest.mark.parametrize("folder", [False, True])
def test_an_empty_output_is_no_output(writer, folder):
    path = writer.candidates["table"]
    (path / "year=2013" if folder else path.parent).mkdir(parents=True)
    if not folder:
        path.touch()

    assert answer(writer, "outputs-written", book(printed("1"))).outcome is Outcome.FAILED


@pytest.mark.parametrize("inside", ["", "year=2013/part.parquet"])
def test_an_output_with_data_passes_as_a_file_or_a_folder(writer, inside):
    file = writer.candidates["table"] / inside
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PAR1")

    check = answer(writer, "outputs-written", book(printed("1")))

    assert (check.outcome, check.count) == (Outcome.PASSED, 1)


# -- model-predicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predictions", "outcome", "words"),
    [
        ([1.5, 2], Outcome.PASSED, "2 predictions"),
        ({"ok": True, "values": [[0.1, 0.9], [0.4, 0.6]]}, Outcome.PASSED, "4 predictions"),
        (["late", "on time"], Outcome.PASSED, "2 predictions"),
        (None, Outcome.INCONCLUSIVE, "nobody asked the model"),
        ({"missing": "the model has no input example"}, Outcome.SKIPPED, "loads"),
        ([], Outcome.INCONCLUSIVE, "predicted nothing"),
        ([1.5, "nan"], Outcome.FAILED, "1 of 2 predictions"),
        ([math.inf], Outcome.FAILED, "1 of 1 prediction"),
        ([1.5, None], Outcome.FAILED, "1 of 2 predictions"),
        ({"error": "feature names differ\nmore"}, Outcome.FAILED, "does not predict: feature names differ"),
    ],
)
def test_a_model_must_answer_its_own_input_example(run, predictions, outcome, words):
    made = Model(uri="models:/m-1", files={"MLmodel": "0" * 64}, predictions=predictions)

    check = answer(replace(run, models=(made,)), "model-predicts", book(printed("1")))

    assert check.outcome is outcome
    assert words in check.summary


def test_the_last_model_of_a_run_is_its_model(run):
    tries = tuple(Model(uri=f"models:/m-{n}", files={}, predictions=[n]) for n in range(3))

    evidence = validate.evidence(replace(run, models=tries), executed=book(printed("1")))

    assert evidence.model is tries[2]


def test_a_notebook_without_a_model_is_not_asked_for_one(run):
    assert answer(run, "model-predicts", book(printed("1"))).outcome is Outcome.SKIPPED


# -- outputs-match -------------------------------------------------------------------------------------------


def test_equal_outputs_of_marked_cells_pass_and_are_counted(run):
    tagged = printed("b\n")
    tagged.metadata["tags"] = ["nbval-check-output"]
    cells = [printed("a\n", MARK + "a()"), printed("unmarked\n", "now()"), tagged]

    check = answer(run, "outputs-match", book(*cells), book(cells[0], printed("differs\n", "now()"), tagged))

    assert (check.outcome, check.count) == (Outcome.PASSED, 2)


def test_a_difference_is_shown_with_our_cell_number_and_without_colours(run):
    executed = book(printed("x\n", "first()"), printed("same\n5\n", MARK + "show()"))
    reference = book(printed("x\n", "first()"), printed("same\n4\n", MARK + "show()"))

    check = answer(run, "outputs-match", executed, reference)

    assert check.outcome is Outcome.FAILED
    assert check.details == ("cell 2: mismatch 'stdout'", "  -4", "  +5")


def test_a_long_difference_is_cut(run):
    source = MARK + "show()"
    long = ["\n".join(f"{side} {n} \x1b[31mred\x1b[0m" for n in range(100)) for side in "ab"]

    check = answer(run, "outputs-match", book(printed(long[0], source)), book(printed(long[1], source)))

    assert len(check.details) < 20
    assert not any("\x1b" in line for line in check.details)


@pytest.mark.parametrize(
    ("now", "details"),
    [
        ("0\n" * 9999 + "more\n", ("  +more",)),
        ("0\n" * 9998, ("  -0",)),
        ("0\n" * 9998 + "1\n", ("  -0", "  +1")),
    ],
)
def test_a_difference_far_down_is_found(run, now, details):
    source = MARK + "show()"

    check = answer(run, "outputs-match", book(printed(now, source)), book(printed("0\n" * 9999, source)))

    assert check.details == ("cell 1: mismatch 'stdout'", *details)


def test_a_difference_in_json_or_in_its_amount_fails_as_any_other(run):
    one, two = glued("mae", {"a": 1}), glued("mae", {"a": 2})
    twice = glued("mae", {"a": 1})
    twice.outputs.append(twice.outputs[0])
    for cell in (one, two, twice):
        cell.source = MARK + "glue()"

    checks = [answer(run, "outputs-match", book(cell), book(one)) for cell in (one, two, twice)]

    assert [check.outcome for check in checks] == [Outcome.PASSED, Outcome.FAILED, Outcome.FAILED]


def test_a_notebook_without_marks_is_not_compared(run):
    check = answer(run, "outputs-match", book(printed("a")), book(printed("b")))

    assert (check.outcome, check.summary) == (Outcome.SKIPPED, "no cell is marked for comparison")


def test_a_mark_that_nbval_does_not_compare_is_none(run):
    executed = book(printed("a", "# NBVAL_IGNORE_OUTPUT\na()"), printed("b", "b()"))

    assert answer(run, "outputs-match", executed).outcome is Outcome.SKIPPED


def test_marks_that_are_skipped_every_one_prove_nothing(run):
    """nbval 0.11 passes the notebook: each of its items is skipped."""
    executed = book(printed("a", "# NBVAL_SKIP\n" + MARK + "a()"), printed("b", "# NBVAL_SKIP\nb()"))

    check = answer(run, "outputs-match", executed, executed)

    assert check.outcome is Outcome.INCONCLUSIVE
    assert check.summary == (
        "every cell that is marked for comparison is marked to be skipped as well: nothing is compared"
    )


def test_cells_that_nbval_is_to_skip_run_here_and_ask_for_nothing(run):
    executed = book(printed("a", "# NBVAL_SKIP\na()"), printed("b", "# NBVAL_SKIP\nb()"))

    assert answer(run, "outputs-match", executed, executed).outcome is Outcome.SKIPPED


def test_marks_without_any_accepted_output_prove_nothing(run):
    check = answer(run, "outputs-match", book(printed("a", MARK), printed("b", MARK + "b()")))

    assert check.outcome is Outcome.INCONCLUSIVE
    assert check.summary == (
        "2 cells are marked for comparison and nothing was accepted yet: nbpromote baseline train_delay"
    )


@pytest.mark.parametrize("shown", ["a\n", ""])
def test_a_marked_cell_whose_outputs_were_stripped_is_no_pass(run, shown):
    """nbval 0.11 passes a notebook with no stored outputs."""
    stripped = new_code_cell(MARK + "a()")
    kept = printed("b\n", MARK + "b()")

    check = answer(run, "outputs-match", book(printed(shown, MARK + "a()"), kept), book(stripped, kept))

    assert (check.outcome, check.count) == (Outcome.INCONCLUSIVE, 1)
    assert check.details == ("cell 1: no accepted output to compare with; nbpromote baseline train_delay",)


def test_a_difference_outweighs_a_missing_output(run):
    executed = book(printed("a\n", MARK + "a()"), printed("b\n", MARK + "b()"))

    check = answer(run, "outputs-match", executed, book(printed("c\n", MARK + "b()")))

    assert check.outcome is Outcome.FAILED
    assert [line[:6] for line in check.details if line.startswith("cell")] == ["cell 2", "cell 1"]


def test_cells_find_their_accepted_outputs_when_code_moved_or_changed(run):
    kept, edited = printed("kept\n", MARK + "kept()"), printed("edited\n", MARK + "edited(1)")
    injected = printed("", "x = 1")
    injected.metadata["tags"] = ["injected-parameters"]
    reference = book(injected, printed("", "gone()"), kept, edited)
    after = nbformat.from_dict({**edited, "source": MARK + "edited(2)"})

    check = answer(run, "outputs-match", book(printed("", "new()"), printed("kept\n", kept.source), after), reference)

    assert (check.outcome, check.count) == (Outcome.PASSED, 2)


def test_an_expected_exception_is_compared_as_nbval_does(run):
    def raising(value):
        error = new_output("error", ename="ValueError", evalue=value, traceback=["..."])
        cell = new_code_cell(MARK + "fail()", execution_count=1, outputs=[error])
        cell.metadata["tags"] = ["raises-exception"]
        return book(cell)

    checks = [answer(run, "outputs-match", raising(value), raising("no")) for value in ("no", "other")]

    assert [check.outcome for check in checks] == [Outcome.PASSED, Outcome.FAILED]


def test_an_nbval_that_cannot_finish_is_neither_yes_nor_no(run, monkeypatch):
    monkeypatch.setattr("nbval.plugin.IPyNbCell.compare_outputs", lambda *args: 1 / 0)

    check = answer(run, "outputs-match", book(printed("a", MARK)), book(printed("a", MARK)))

    assert check.outcome is Outcome.ERRORED
    assert "ZeroDivisionError" in check.summary


def test_an_nbval_that_compares_less_than_it_was_given_is_no_pass(run, monkeypatch):
    monkeypatch.setattr("nbval.plugin.IPyNbCell.runtest", lambda cell: None)

    check = answer(run, "outputs-match", book(printed("a", MARK)), book(printed("a", MARK)))

    assert (check.outcome, check.summary) == (
        Outcome.ERRORED,
        "nbval could not finish: nbval compared 0 of 1 cell",
    )


def test_an_interrupt_during_a_comparison_is_not_swallowed(run, monkeypatch):
    def interrupt(cell):
        raise KeyboardInterrupt

    monkeypatch.setattr("nbval.plugin.IPyNbCell.runtest", interrupt)

    with pytest.raises(KeyboardInterrupt):
        answer(run, "outputs-match", book(printed("a", MARK)), book(printed("a", MARK)))


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A working folder whose pytest configuration breaks whatever reads it."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\nnonsense = 1\n")
    (tmp_path / "conftest.py").write_text("open('leaked', 'w')\nraise SystemExit('leaked')\n")
    (tmp_path / "sitewide.py").write_text("open('leaked', 'w')\nraise SystemExit('leaked')\n")
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only --no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "sitewide")
    return tmp_path


def test_the_users_own_pytest_settings_do_not_leak_in(run, hostile):
    executed = book(printed("a\n", MARK))

    outcomes = [
        answer(run, "outputs-match", executed, book(printed(text, MARK))).outcome for text in ("a\n", "b\n", "a\n")
    ]

    assert outcomes == [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]
    assert not (hostile / "leaked").exists()


def test_a_comparison_prints_nothing_and_leaves_the_process_as_it_was(run, hostile, capfd):
    def process():
        last = getattr(sys, "last_value", None)
        return (
            dict(os.environ),
            Path.cwd(),
            list(sys.path),
            sys.stdout,
            sys.stderr,
            last,
            set(hostile.rglob("*")),
        )

    before = process()

    answer(run, "outputs-match", book(printed("a\n", MARK)), book(printed("b\n", MARK)))

    assert process() == before
    assert capfd.readouterr() == ("", "")
    assert "sitewide" not in sys.modules


ALONE = """\
import json
import sys
from pathlib import Path

from nbpromote import model, validate
import nbformat

run = model.load(model.Run, json.loads(Path(sys.argv[1]).read_text()))
node = nbformat.read(sys.argv[2], as_version=4)
assert "pytest" not in sys.modules
sys.exit(not validate.evidence(run, executed=node, against=validate.Reference(notebook=node)).passed)
"""


def test_a_process_of_its_own_is_as_quiet(run, hostile):
    Path("run.json").write_bytes(model.canonical(model.dump(run)))
    nbformat.write(book(printed("a\n", MARK)), "notebook.ipynb")

    command = [sys.executable, "-c", ALONE, "run.json", "notebook.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- accepted ------------------------------------------------------------------------------------------------


def test_accepted_outputs_make_new_evidence_that_says_who(run):
    executed = book(printed("a\n", MARK))
    before = validate.evidence(
        run, executed=executed, against=Reference(notebook=book(printed("b\n", MARK)), name="old")
    )

    after = validate.accepted(before, "Ada", executed=executed)

    assert (before.passed, after.passed) == (False, True)
    assert (after.run, after.accepted_by, after.reference) == (run, "Ada", "run 20260131-abc")
    assert after.check("outputs-match").summary == "outputs of 1 cell match, accepted by Ada"
    assert after.digest != before.digest


def test_accepting_a_notebook_without_marks_makes_up_no_comparison(run):
    executed = book(printed("a\n"))

    after = validate.accepted(validate.evidence(run, executed=executed), "Ada", executed=executed)

    assert after.passed
    assert after.check("outputs-match").outcome is Outcome.SKIPPED


def test_outputs_of_a_run_that_fails_otherwise_cannot_be_accepted(run):
    executed = book(glued("mae", "nan"))
    evidence = validate.evidence(run, executed=executed)

    with pytest.raises(Refused, match="metrics-finite: mae is NaN"):
        validate.accepted(evidence, "Ada", executed=executed)


# -- the dict of checks --------------------------------------------------------------------------------------


def test_every_check_describes_itself():
    assert all(check.__doc__ for check in validate.CHECKS.values())


def test_a_check_that_breaks_is_errored_and_hides_no_other(run, monkeypatch):
    monkeypatch.setattr(Run, "candidates", property(lambda run: 1 / 0))

    evidence = validate.evidence(run, executed=book(glued("mae", 1)))

    assert evidence.check("outputs-written").outcome is Outcome.ERRORED
    assert evidence.check("metrics-finite").outcome is Outcome.PASSED
    assert not evidence.passed


# -- parameters-as-given -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "left", "language", "outcome", "summary"),
    [
        ({}, {}, "python", "skipped", "the notebook has no parameters"),
        ({"a": 1}, {}, "R", "skipped", "only Python kernels are asked"),
        ({"a": 1}, {}, "python", "inconclusive", "the kernel did not say what its parameters are at the end"),
        ({"a": 1, "b": [-0.0]}, {"a": "1", "b": "[-0.0]"}, "python", "passed", "2 parameters as given"),
        ({"a": 1}, {"a": "true"}, "python", "failed", "1 parameter not as given: a was given 1 and is true at the end"),
        ({"a": 0.0}, {"a": "-0.0"}, "python", "failed",
         "1 parameter not as given: a was given 0.0 and is -0.0 at the end"),
        ({"a": "x"}, {"a": ""}, "python", "failed", '1 parameter not as given: a was given "x" and is gone'),
    ],
)  # fmt: skip
def test_parameters_are_as_given_at_the_end(run, parameters, left, language, outcome, summary):
    executed = book(printed("x\n"))
    executed.metadata["language_info"] = {"name": language}

    check = answer(replace(run, parameters=parameters, left=left), "parameters-as-given", executed)

    assert (check.outcome, check.summary) == (outcome, summary)


def test_a_declared_output_is_given_as_a_path_in_the_run(run):
    run = replace(run, parameters={"result": "/data/x.csv"}, outputs={"result": "/data/x.csv"})
    told = json.dumps(str(run.candidates["result"]))

    check = answer(replace(run, left={"result": told}), "parameters-as-given", book(printed("x\n")))

    assert check.outcome is Outcome.PASSED
