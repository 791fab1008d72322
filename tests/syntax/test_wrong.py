"""Wrong programs and the exact messages that their authors get."""

from __future__ import annotations

import pytest

from hepppl.diagnostics import HepSyntaxError, Source
from hepppl.diagnostics.codes import CODES
from hepppl.syntax import parse
from tests.syntax.golden import Case, cases, diagnostics, name

WRONG = cases("wrong")


@pytest.mark.parametrize("case", WRONG, ids=name)
def test_messages(case: Case) -> None:
    case.check(diagnostics)


@pytest.mark.parametrize("case", WRONG, ids=name)
def test_every_message_has_a_registered_code_and_a_place_in_the_text(case: Case) -> None:
    with pytest.raises(HepSyntaxError) as caught:
        parse(Source("case.hep", case.text))
    for diagnostic in caught.value.diagnostics:
        assert diagnostic.code in CODES
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(case.text)


def test_messages_speak_of_no_terminals() -> None:
    """The names of the grammar's terminals are upper case; nothing an author reads should look like one."""
    shown = "\n".join(case.expected for case in WRONG)
    for word in ("LBRACE", "RPAR", "TILDE", "DOTDOT", "_NL", "$END", "BROKEN", "NUMBER"):
        assert word not in shown


def test_there_are_enough_wrong_programs() -> None:
    assert len(WRONG) >= 60
    shown = "\n".join(case.expected for case in WRONG)
    unseen = {code for code in CODES if code.startswith("E1") and f"[{code}]" not in shown}
    assert not unseen


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("E1")])
def test_the_examples_of_the_registry_fail_with_their_codes(code: str) -> None:
    with pytest.raises(HepSyntaxError) as caught:
        parse(Source("case.hep", CODES[code].example + "\n"))
    assert [d.code for d in caught.value.diagnostics] == [code]
