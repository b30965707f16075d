"""The normal form tells programs apart that differ in what they do, in words that no version of Python changes."""

from __future__ import annotations

import ast

import pytest

from suite.harness.normal_form import normal_form


def written(text: str) -> str:
    return normal_form(ast.parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = None", "Module(body=[Assign(targets=[Name(id='x',ctx=Store())],value=Constant(value=NoneType:None))])"),
        ("def f(): 'Text.'", "Module(body=[FunctionDef(name='f',args=arguments(),body=[Pass()])])"),
        (
            "f(*a, k=1.0)",
            "Module(body=[Expr(value=Call(func=Name(id='f',ctx=Load()),args=[Starred(value=Name(id='a',ctx=Load()),"
            "ctx=Load())],keywords=[keyword(arg='k',value=Constant(value=float:1.0))]))])",
        ),
        (
            "f'{x!r:>{w}}'",
            "Module(body=[Expr(value=JoinedStr(values=[FormattedValue(value=Name(id='x',ctx=Load()),conversion=114,"
            "format_spec=JoinedStr(values=[Constant(value=str:'>'),FormattedValue(value=Name(id='w',ctx=Load()),"
            "conversion=-1)]))]))])",
        ),
    ],
)
def test_a_tree_is_written_in_the_same_words_by_every_version(text: str, expected: str) -> None:
    # The expected words are written down here, so that each version of Python which runs this test is held to them.
    assert written(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1", "x = 1.0"), ("x = True", "x = 1"), ("x = {**a}", "x = {b: a}"), ("x = ''", "x = b''")],
)
def test_programs_that_differ_read_differently(one: str, other: str) -> None:
    assert written(one) != written(other)


def test_quotes_layout_and_unicode_prefixes_do_not_count() -> None:
    assert written('x = u"a"   # why\n') == written("x = ('a')")
