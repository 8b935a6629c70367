"""Outputs held against accepted ones with tolerance: what counts as the same, what is close, and what is not."""

from __future__ import annotations

import time
from dataclasses import replace

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

import runs
from ground import HEADER
from nbpromote import execute, validate
from nbpromote.model import (
    Cell,
    Contract,
    Ending,
    Likeness,
    Outcome,
    Sanitizer,
    ScrapRule,
    Tolerance,
)
from nbpromote.validate import Reference
from runs import record

SAME, CLOSE, DIFFERENT, ADDED, REMOVED = Likeness
NOTEBOOK = "train_delay"


def cell(*outputs, tags=("nbpromote-check",), source="show()"):
    return new_code_cell(source, execution_count=1, outputs=list(outputs), metadata={"tags": list(tags)})


def printed(text, name="stdout"):
    return new_output("stream", text=text, name=name)


def shown(**data):
    mimes = {"html": "text/html", "png": "image/png", "json": "application/json", "plain": "text/plain"}
    return new_output("display_data", data={mimes[kind]: content for kind, content in data.items()})


def glued(name, value):
    payload = {"name": name, "data": value, "encoder": "json", "version": 1}
    data = {"application/scrapbook.scrap.json+json": payload}
    return new_output("display_data", data=data, metadata={"scrapbook": {"name": name, "data": True}})


def book(*cells):
    return new_notebook(cells=list(cells))


def between(before, after, *tags, contract=None):
    """The only output of one cell on both sides."""
    sides = (book(cell(side, tags=("nbpromote-check", *tags))) for side in (before, after))
    (change,) = validate.changes(*sides, contract)
    (found,) = change.outputs
    return found


def text(before, after, *tags):
    return between(printed(before), printed(after), *tags).likeness


# -- numbers in text -------------------------------------------------------------------------------------------

ALIKE = {
    "the last digits": ("mae 0.9000000001", "mae 0.9000000002"),
    "a whole number as a float": ("rows 12", "rows 12.0"),
    "thousands": ("1,234.5 min", "1234.5 min"),
    "an exponent": ("p = 1e-3", "p = 0.001"),
    "a sign": ("+1.5", "1.5"),
    "percent": ("12.5%", "12.5000001%"),
    "NaN": ("r2 nan", "r2 NaN"),
    "a typographic minus": ("\u22122.5", "-2.5"),
    "a unit": ("1.50GB", "1.5GB"),
    "dots that lead to it": ("mae......0.98", "mae......0.98000001"),
    "blanks before a number of another width": ("a   9.99999999\nb   1.5", "a  10.00000000\nb   1.5"),
    "a rule as wide as its column": ("x\n-----\n9.99999999", "x\n------\n10.00000000"),
    "blanks at the end": ("a \nb", "a\nb\n"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_numbers_are_numbers_however_they_are_spelled(name):
    assert text(*ALIKE[name]) in (SAME, CLOSE)


UNLIKE = {
    "a digit that counts": ("mae 12.5", "mae 12.6"),
    "a word": ("mae 12.5", "mse 12.5"),
    "a number instead of NaN": ("r2 nan", "r2 0.5"),
    "infinity": ("inf", "-inf"),
    "numbers that no float holds": ("2" + "0" * 400, "3" + "0" * 400),
    "exponents that no float holds": ("1e999", "2e999"),
    "a row more": ("1,234,567 rows", "1,234,568 rows"),
    "a long id": ("id=12345678901234567890", "id=12345678901234567891"),
    "a name with digits": ("col_1 0.5", "col_2 0.5"),
    "a version": ("v1.2.3", "v1.2.4"),
    "a version of two parts": ("v1.20000001", "v1.20000002"),
    "an address": ("10.0.0.1", "10.0.0.2"),
    "a date": ("2013-01-31", "2013-01-30"),
    "leading zeros": ("zip 01234567", "zip 01234568"),
    "an id after a hyphen": ("order-12345678", "order-12345679"),
    "percent or not": ("12.5%", "12.5"),
    "items of a list": ("[1,234,567]", "[1,235,567]"),
    "a line less": ("a\nb\nc", "a\nc"),
    "lines in another order": ("a\nb", "b\na"),
    "indentation": ("a:\n  b:\n    c: 1", "a:\n  b:\n  c: 1"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_what_a_reader_would_call_another_answer_is_another(name):
    assert text(*UNLIKE[name]) is DIFFERENT


@pytest.mark.parametrize("tags", [("rtol=1e-2",), ("atol=0.2",), ("atol=0", "rtol=0.01")])
def test_a_cell_says_how_close_is_close(tags):
    assert text("mae 12.5, rows 1000", "mae 12.6, rows 1000") is DIFFERENT
    assert text("mae 12.5, rows 1000", "mae 12.6, rows 1000", *tags) is CLOSE


def test_a_tolerance_that_somebody_asked_for_counts_for_whole_numbers():
    assert text("1000 rows", "1003 rows", "rtol=0.01") is CLOSE
    assert text("1000 rows", "1003 rows", "rtol=0.001") is DIFFERENT


def test_lines_may_come_in_any_order_on_request():
    before, after = "b 2.5\na 1.5\na 1.7", "a 1.7000000001\nb 2.5\na 1.5"

    assert text(before, after) is DIFFERENT
    assert text(before, after, "nbpromote-unordered") is CLOSE
    assert text(before, after.replace("b 2.5", "b 2.6"), "nbpromote-unordered") is DIFFERENT
    assert text("a\na\nb", "a\nb\nb", "nbpromote-unordered") is DIFFERENT


def test_a_difference_says_how_many_numbers_how_far_and_where():
    found = between(printed("a 1.5\nb 2.5\nc 0.0"), printed("a 1.5\nb 2.6\nc 0.0"))

    assert found.summary == "1 of 3 numbers differs, by 4 %"
    assert found.places == ("line 2: 2.6 instead of 2.5 (4 %)",)
    assert found.lines == ("-b 2.5", "+b 2.6")


# -- tables, JSON, errors, several outputs ---------------------------------------------------------------------

TABLE = """<div><style scoped>.x {{ width: 1{0}px }}</style><table border="1" class="dataframe" id="T_{0}"><thead>
<tr style="text-align: right;"><th></th><th>mae</th><th>rmse</th></tr></thead><tbody>{1}</tbody></table>
<p>{2} rows × 2 columns</p></div>"""


def table(*rows, id=1):
    body = "".join(f"<tr><th>{label}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>" for label, *cells in rows)
    return shown(html=TABLE.format(id, body, len(rows)), plain="what it is in text")


def test_a_table_is_compared_by_what_stands_in_it():
    before = table(("the mean", "22.70", 35.1), ("this model", 13.2, 17.3))

    assert between(before, table(("the mean", "22.7", 35.1), ("this model", 13.2, 17.3), id=2)).likeness is CLOSE
    found = between(before, table(("the mean", "22.70", 35.1), ("this model", 13.9, 17.3)))
    assert (found.kind, found.likeness) == ("table", DIFFERENT)
    assert found.places == ("row 'this model', mae: 13.9 instead of 13.2 (5.3 %)",)
    assert found.lines == ("-this model | 13.2 | 17.3", "+this model | 13.9 | 17.3")


def test_rows_of_a_table_may_come_in_any_order_on_request():
    before = table((0, "JFK", 1.5), (1, "LGA", 2.5), (2, "EWR", 3.5))
    after = table((0, "EWR", 3.5), (1, "JFK", 1.5000000001), (2, "LGA", 2.5))

    assert between(before, after).likeness is DIFFERENT
    assert between(before, after, "nbpromote-unordered").likeness is CLOSE
    assert between(before, table((0, "EWR", 3.5), (1, "JFK", 1.5)), "nbpromote-unordered").likeness is DIFFERENT


def test_a_column_that_was_renamed_or_a_row_that_is_gone_is_a_difference():
    before = table(("a", 1, 2), ("b", 3, 4))
    renamed = shown(html=before.data["text/html"].replace("rmse", "rms"), plain="")

    assert between(before, renamed).likeness is DIFFERENT
    assert "instead of" in between(before, table(("a", 1, 2))).summary


JSONS = [
    ({"a": 1.0, "b": [1, 2]}, {"b": [1, 2], "a": 1.0000000001}, CLOSE),
    ({"a": [{"b": 1.5}]}, {"a": [{"b": 1.6}]}, DIFFERENT),
    ({"a": 1}, {"a": "1"}, DIFFERENT),
    ({"a": 1}, {"a": True}, DIFFERENT),
    ({"a": None}, {}, DIFFERENT),
    ({"a": []}, {"a": {}}, DIFFERENT),
    ([1.0, 2.0], [2.0, 1.0], DIFFERENT),
    ({"a": "nan"}, {"a": "nan"}, SAME),
    ({"x": float("nan")}, {"x": 1.0}, DIFFERENT),
]


@pytest.mark.parametrize(("before", "after", "likeness"), JSONS)
def test_json_is_compared_leaf_by_leaf(before, after, likeness):
    assert between(shown(json=before), shown(json=after)).likeness is likeness
    assert between(glued("x", before), glued("x", after)).likeness is likeness


def test_json_says_where_it_differs():
    found = between(shown(json={"scores": [{"mae": 1.5}]}), shown(json={"scores": [{"mae": 1.8}]}))

    assert found.places == ("scores, [0].mae: 1.8 instead of 1.5 (20 %)",)


def test_an_error_is_compared_by_its_name_and_its_message():
    def raised(name, message):
        return new_output("error", ename=name, evalue=message, traceback=["/tmp/a.py", "\x1b[31m0x7f\x1b[0m"])

    assert between(raised("ValueError", "at 0x7f01ab"), raised("ValueError", "at 0x7f02cd")).likeness is SAME
    assert between(raised("ValueError", "no"), raised("KeyError", "no")).likeness is DIFFERENT


def test_outputs_that_came_or_went_are_told_as_such():
    before = book(cell(printed("a\n"), table(("a", 1, 2)), printed("b\n")))
    after = book(cell(printed("a\nb\n"), printed("careful\n", "stderr")))

    (change,) = validate.changes(before, after)

    assert [(each.kind, each.likeness) for each in change.outputs] == [
        ("text", SAME),
        ("table", REMOVED),
        ("text", ADDED),
    ]
    assert change.outputs[2].summary == "stderr: was not there before"
    assert change.likeness is DIFFERENT


def test_a_widget_has_nothing_to_compare():
    views = [
        new_output(
            "display_data",
            data={"application/vnd.jupyter.widget-view+json": {"model_id": str(n)}, "text/plain": f"{n}%"},
        )
        for n in range(2)
    ]

    (change,) = validate.changes(book(cell(views[0])), book(cell(views[1])))

    assert change.outputs == ()


# -- what is sanitized -----------------------------------------------------------------------------------------

NOISE = {
    "an address": ("<Forest at 0x7f3a2c00>", "<Forest at 0x7f3a2d10>"),
    "folders": ("wrote /tmp/run-1/out/result.csv", "wrote /home/ada/x/result.csv"),
    "folders on Windows": (r"wrote C:\Users\ada\result.csv", r"wrote D:\work\result.csv"),
    "the file of a cell": ("/tmp/ipykernel_12/345.py:3: UserWarning", "/tmp/ipykernel_98/7654.py:3: UserWarning"),
    "a log": ("2026-01-31 12:00:00,123 INFO x", "2026-02-01 09:08:07,004 INFO x"),
    "MLflow's log": ("2026/01/31 12:00:00 INFO mlflow: x", "2026/02/01 09:08:07 INFO mlflow: x"),
    "a clock": ("now 2026-01-31T12:00:00.123456+00:00", "now 2026-02-01T09:08:07.000001+00:00"),
    "date": ("Sat Jan 31 12:00:00 UTC 2026", "Sun Feb  1 09:08:07 UTC 2026"),
    "%time": ("CPU times: user 1 s, sys: 2 ms, total: 1 s\nWall time: 1.2 s", "CPU times: user 900 ms\nWall time: 2 s"),
    "%timeit": (
        "1.2 ms ± 3 µs per loop (mean ± std. dev. of 7 runs, 1,000 loops each)",
        "840 µs ± 1 µs per loop (mean ± std. dev. of 7 runs, 10,000 loops each)",
    ),
    "tqdm": (
        "  0%|   | 0/10 [00:00<?, ?it/s]\r100%|████| 10/10 [00:01<00:00, 9.87it/s]\n",
        "  0%| | 0/10 [00:00<?, ?it/s]\r 50%|█ | 5/10 [00:01<00:01, 4it/s]\r100%|██ | 10/10 [00:02<00:00,  4.1it/s]\n",
    ),
    "tqdm without an end": ("45it [00:01, 33.3it/s]", "45it [00:02, 1.1s/it]"),
    "Keras": (
        "32/32 ━━━━━━━━ 1s 3ms/step - loss: 0.5000",
        "32/32 ━━━━━━━━━━ 2s 14ms/step - loss: 0.5000",
    ),
    "a log in brackets": ("[12:00:00] step 1", "[09:08:07] step 1"),
    "a temporary folder": ("in /tmp/tmpab12cd_3", "in /tmp/tmpxy98zw_7"),
    "colours": ("\x1b[31m12\x1b[0m", "12"),
    "line ends": ("a\r\nb", "a\nb"),
}


@pytest.mark.parametrize("name", NOISE)
def test_what_every_run_says_in_other_words_is_the_same(name):
    assert text(*NOISE[name]) is SAME


SIGNAL = {
    "the file at the end of a path": ("wrote /tmp/a/result.csv", "wrote /tmp/a/other.csv"),
    "a postfix of tqdm": (
        "100%|█| 10/10 [00:01<00:00, 9.8it/s, loss=0.31]",
        "100%|█| 10/10 [00:01<00:00, 9.8it/s, loss=0.52]",
    ),
    "how far a bar came": ("100%|█| 10/10 [00:01<00:00, 9.8it/s]", "50%|█| 5/10 [00:01<00:00, 9.8it/s]"),
    "a loss of Keras": ("━━━━ 1s 3ms/step - loss: 0.5", "━━━━ 1s 3ms/step - loss: 0.7"),
    "a hexadecimal result": ("mask 0xff00", "mask 0xff01"),
    "a ratio": ("precision 0.5/0.6", "precision 0.5/0.7"),
    "a date in a table": ("2013-01-05 07:00:00   12.5", "2013-01-06 07:00:00   12.5"),
    "an hour in a table of text": ("2013-01-05 07:00:00 | 12.5", "2013-01-05 08:00:00 | 12.5"),
    "an hour beside a name": ("07:00:00 LATE 12.5", "08:00:00 LATE 12.5"),
    "a speed": ("[10:30, 5m/s]", "[10:30, 6m/s]"),
    "what stands after the time of a log": ("2026-01-31 12:00:00 INFO mae=1.5", "2026-01-31 12:00:00 INFO mae=1.6"),
    "a duration that is measured": ("latency: 12.5 ms", "latency: 19.5 ms"),
    "a part of a URL": ("see https://host/a/b/c1", "see https://host/a/x/c1"),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNAL)
def test_what_a_run_found_out_is_not_sanitized_away(name):
    assert text(*SIGNAL[name]) is DIFFERENT


def test_a_time_in_a_table_is_data():
    before, after = (table((f"2013-01-0{day} 05:00:00.123", 1, 2)) for day in (1, 2))

    assert between(before, after).likeness is DIFFERENT


OWN = Contract(sanitizers=(Sanitizer(regex=r"took \d+ s", replace="took TIME"), Sanitizer(regex=r'"seed": \d+')))


def test_the_contract_has_its_own_patterns():
    assert between(printed("took 3 s"), printed("took 8 s"), contract=OWN).likeness is SAME
    assert between(printed("took 3 m"), printed("took 8 m"), contract=OWN).likeness is DIFFERENT
    assert between(shown(html="<b>took 3 s</b>"), shown(html="<b>took 9 s</b>"), contract=OWN).likeness is SAME
    assert between(shown(json={"seed": 1, "a": 2}), shown(json={"seed": 7, "a": 2}), contract=OWN).likeness is SAME


# -- properties ------------------------------------------------------------------------------------------------

numbers = st.floats(min_value=1e-3, max_value=1e6).map(lambda number: float(f"{number:.6g}"))
words = st.sampled_from(["mae", "rmse =", "the mean", "at 0x7f3a2c00", "/tmp/a/b/c.csv", "col_1", "v1.2.3", "100%|██|"])
lines = st.lists(st.tuples(words, numbers), min_size=1, max_size=6)


def as_text(rows):
    return printed("\n".join(f"{word}  {number!r}" for word, number in rows))


def as_table(rows):
    return table(*((word, number, 1) for word, number in rows))


def as_json(rows):
    return shown(json=[{"name": word, "value": number} for word, number in rows])


FORMS = st.sampled_from([as_text, as_table, as_json])
EXAMPLES = settings(max_examples=40, deadline=None)


@EXAMPLES
@given(lines, FORMS, st.booleans())
def test_an_output_is_the_same_as_itself(rows, form, unordered):
    tags = ("nbpromote-unordered",) if unordered else ()

    assert between(form(rows), form(rows), *tags).likeness is SAME


@EXAMPLES
@given(lines, FORMS, st.booleans(), st.lists(st.floats(-0.9e-6, 0.9e-6), min_size=6, max_size=6))
def test_noise_within_tolerance_is_never_a_difference(rows, form, unordered, noise):
    noisy = [(word, number * (1 + each)) for (word, number), each in zip(rows, noise, strict=False)]
    tags = ("nbpromote-unordered",) if unordered else ()

    assert between(form(rows), form(noisy), *tags).likeness in (SAME, CLOSE)


@EXAMPLES
@given(lines, FORMS, st.data(), st.booleans())
def test_one_number_past_the_tolerance_is_always_a_difference(rows, form, data, unordered):
    at = data.draw(st.integers(0, len(rows) - 1))
    factor = data.draw(st.sampled_from([1 - 3e-6, 1 + 3e-6, 1.01, 2, -1, 1000]))
    word, number = rows[at]
    moved = [*rows[:at], (word, number * factor), *rows[at + 1 :]]
    tags = ("nbpromote-unordered",) if unordered and len({number for _, number in rows}) == 1 else ()

    assert between(form(rows), form(moved), *tags).likeness is DIFFERENT


@EXAMPLES
@given(st.sampled_from(sorted(NOISE)), numbers, st.sampled_from(["{0} {1}", "{1} {0}", "{0}\n{1}", "{1}\n{0}"]))
def test_sanitizing_never_hides_a_changed_metric(name, number, form):
    noise = NOISE[name][0].strip()
    if name in ("%time", "%timeit", "tqdm"):
        form = "{0}\n{1}"  # such a line is a duration from its beginning to its end, or is written over

    before, after = (form.format(noise, f"mae {value!r}") for value in (number, number * 1.001))

    assert text(before, after) is DIFFERENT


# -- size ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tags", [(), ("nbpromote-unordered",)])
def test_ten_thousand_lines_are_compared_and_told_in_bounds(tags):
    before = "\n".join(f"row {n} {n * 1.5}" for n in range(10_000))
    after = "\n".join(f"row {n} {n * 1.5 + 1}" for n in range(10_000, 0, -1))
    began = time.process_time()

    found = between(printed(before), printed(after), *tags)

    assert found.likeness is DIFFERENT
    assert len(found.lines) < 100
    assert len(found.places) <= 5
    assert time.process_time() - began < 5


# -- the check -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    return record(tmp_path, notebook=NOTEBOOK)


def evidence(run, executed, reference=None, *, contract=None, versus_live=False):
    numbers = [n for n, each in enumerate(executed.cells, 1) if each.cell_type == "code"]
    cells = tuple(Cell(number=n, id=f"c{n}", ending=Ending.OK) for n in numbers)
    run = replace(run, cells=cells, contract=contract or Contract())
    against = Reference(notebook=reference, versus_live=versus_live)
    return validate.evidence(run, executed=executed, against=against)


def match(run, executed, reference=None, **more):
    return evidence(run, executed, reference, **more).check("outputs-match")


def test_tagged_cells_are_compared_with_tolerance_beside_those_that_nbval_compares(run):
    def made(mae, line):
        return book(
            cell(printed("exact"), tags=(), source="# NBVAL_CHECK_OUTPUT\nexact()"),
            cell(printed(f"mae {mae}"), source="score()"),
            cell(printed(line), tags=(), source="log()"),
        )

    check = match(run, made(12.5000000001, "b"), made(12.5, "a"))
    assert (check.outcome, check.summary, check.count) == (Outcome.PASSED, "outputs of 2 cells match", 2)
    assert check.details == ("cell 2: text: 1 of 1 number not the same, within tolerance: 8e-10 % at most",)

    check = match(run, made(13.5, "b"), made(12.5, "a"))
    assert (check.outcome, check.summary) == (Outcome.FAILED, "outputs of 1 cell differ from the accepted ones")
    assert check.details[:2] == ("cell 2: text: 1 of 1 number differs, by 8 %", "  line 1: 13.5 instead of 12.5 (8 %)")


def test_a_tagged_cell_wants_an_accepted_output(run):
    executed = book(cell(printed("1.5")))

    assert match(run, executed).outcome is Outcome.INCONCLUSIVE
    assert match(run, executed, book(new_code_cell("show()"))).outcome is Outcome.INCONCLUSIVE
    assert match(run, executed, versus_live=True).outcome is Outcome.SKIPPED
    assert match(run, executed, book(), versus_live=True).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (("nbpromote-check", "rtol=tight"), "'rtol=tight' is no rtol"),
        (("nbpromote-check", "rtol=-1"), "from 0 up"),
        (("nbpromote-check", "atol=nan"), "is no atol"),
        (("nbpromote-check", "figures=2"), "from 0 to 1"),
        (("nbpromote-check", "rotl=1e-3"), "did you mean 'rtol'"),
        (("nbpromote-check", "rtol=1e-3", "rtol=1e-2"), "rtol is set more than once"),
        (("nbpromote-chek",), "did you mean 'nbpromote-check'"),
        (("rtol=1e-3",), "does nothing without 'nbpromote-check'"),
        (("nbpromote-unordered",), "does nothing without 'nbpromote-check'"),
    ],
)
def test_a_tag_that_says_nothing_is_told_and_no_pass(run, tags, words):
    executed = book(cell(printed("1.5"), tags=tags))

    check = match(run, executed, executed)

    assert check.outcome is Outcome.INCONCLUSIVE
    assert words in check.summary


def test_tags_of_others_are_theirs(run):
    executed = book(cell(printed("1.5"), tags=("parameters", "width=3", "slow", "nbval-check-output")))

    assert match(run, executed, executed).outcome is Outcome.PASSED


def test_contract_sanitizers_are_nbvals_too(run):
    def made(seconds):
        return book(cell(printed(f"took {seconds} s\n"), tags=("nbval-check-output",)))

    assert match(run, made(3), made(8), contract=OWN).outcome is Outcome.PASSED
    assert match(run, made(3), made(8)).outcome is Outcome.FAILED


CLOSELY = Contract(
    tolerance=Tolerance(rtol=0.1),
    scraps={"mae": ScrapRule(tolerance=Tolerance(rtol=0.01)), "free": ScrapRule()},
)


@pytest.mark.parametrize(
    ("before", "after", "tags", "outcome"),
    [
        (10.0, 10.05, (), Outcome.PASSED),
        (10.0, 10.5, (), Outcome.FAILED),  # a rule of its own comes before the notebook's
        (10.0, 10.5, ("nbpromote-check", "rtol=0.2"), Outcome.PASSED),  # and the cell's before both
        (10.0, "nan", (), Outcome.FAILED),
    ],
)
def test_a_scrap_with_a_tolerance_is_held_against_the_references(run, before, after, tags, outcome):
    def made(mae, free):
        return book(cell(glued("mae", mae), glued("free", free), tags=tags))

    check = match(run, made(after, 1), made(before, 1.01), contract=CLOSELY)

    assert check.outcome is outcome
    assert check.count >= 1


def test_a_scrap_that_is_gone_or_was_never_accepted_is_no_pass(run):
    with_it, without = book(cell(glued("mae", 1.5), tags=())), book(cell(printed("x"), tags=()))

    gone = match(run, without, with_it, contract=CLOSELY)
    new = match(run, with_it, without, contract=CLOSELY)

    assert (gone.outcome, gone.summary) == (Outcome.FAILED, "outputs of 1 scrap differ from the accepted ones")
    assert (new.outcome, new.summary) == (
        Outcome.INCONCLUSIVE,
        "1 scrap without an accepted output: nbpromote baseline train_delay",
    )
    assert match(run, with_it, without, contract=CLOSELY, versus_live=True).outcome is Outcome.SKIPPED


def test_evidence_counts_its_comparisons(run):
    executed = book(
        cell(printed("x"), tags=("nbval-check-output",)), cell(printed("y")), cell(glued("mae", 1), tags=())
    )

    assert evidence(run, executed, executed, contract=CLOSELY).comparisons == 3
    assert evidence(run, executed).comparisons == 0


# -- which cell is which ---------------------------------------------------------------------------------------


def test_changes_follow_cells_that_moved_came_and_went():
    a, b, c = (cell(printed(name), source=f"{name}()") for name in "abc")
    new = cell(printed("new"), source="# what is new\nnew()")

    found = validate.changes(book(a, b, c), book(new, a, c))

    assert [(change.before, change.after, change.name, change.likeness) for change in found] == [
        (None, 1, "new()", ADDED),
        (1, 2, "a()", SAME),
        (2, None, "b()", REMOVED),
        (3, 3, "c()", SAME),
    ]


def test_an_edited_cell_shows_its_source_as_a_diff():
    before = cell(printed("1"), source="x = 1\nprint(x)")
    after = cell(printed("1"), source="x = 2\nprint(x)")
    after["id"] = before["id"]

    (change,) = validate.changes(book(before), book(after))

    assert (change.source, change.likeness) == (("-x = 1", "+x = 2"), DIFFERENT)


# -- stricter than nbval, and what is kept with a run: real kernels --------------------------------------------------


@pytest.mark.parametrize("magic", ["%no_such_magic 1", "%%no_such_magic\nx = 1"])
def test_a_magic_that_does_not_exist_is_no_pass(tmp_path, magic):
    """nbval 0.11 passes it: IPython only prints its complaint. The cells below are then not run either."""
    made = runs.book(magic, runs.code("print(1)", "nbpromote-check"))
    run = execute.run(runs.job_in(tmp_path, made))
    executed = nbformat.read(run.notebook_file, as_version=4)

    found = validate.evidence(run, executed=executed, against=Reference(notebook=executed))

    assert not found.passed
    assert "UsageError in cell 1" in found.checks[0].summary
    assert found.check("outputs-match").outcome is Outcome.SKIPPED
    assert found.comparisons == 0


DRAW = """
# %% tags=["parameters"]
side: int = 8  # of a square

# %% tags=["nbpromote-check"]
import struct
import zlib
from IPython.display import Image

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

rows = b"".join(b"\\0" + bytes(0 if x < side and y < side else 255 for x in range(64)) for y in range(64))
header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
Image(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
"""


def test_a_run_keeps_what_it_was_compared_with_and_a_picture_of_what_differs(ground):
    ground.write("notebooks/draw.py", HEADER + DRAW)
    ground.nbpromote("sync", "draw")
    assert ground.nbpromote("run", "draw").returncode == 1  # nothing was accepted yet
    assert ground.nbpromote("baseline", "draw", "--yes").returncode == 0

    done = ground.json("run", "draw", "-p", "side", "24")

    folder = next(ground.root.glob(f".nbpromote/runs/{done['run']}"))
    check = next(check for check in done["checks"] if check["name"] == "outputs-match")
    assert check["outcome"] == "failed"
    assert check["details"][0].endswith("differences/cell-2-1.png")
    assert (folder / "differences" / "cell-2-1.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "reference.ipynb").exists()
