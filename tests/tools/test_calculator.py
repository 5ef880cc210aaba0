"""Arithmetic and nothing else, whatever is written."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.failures import Failure
from tui.tools.calculator import FUNCTIONS, MOST_BITS, calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 ^ 10", 1024), ("2**-1", 0.5), ("7 // 2", 3), ("7 % 4", 3), ("7/2", 3.5),
        ("3 × 4 ÷ 2 − 1", 5.0), ("-2 ** 2", -4), ("1_000 * 2", 2000), ("1.5e3", 1500.0), (".5 + 5.", 5.5), (" 4 ", 4),
        ("sqrt(2) ^ 2", 2.0000000000000004), ("max(1, 2, 3)", 3), ("factorial(20)", 2432902008176640000),
        ("round(2.567, 2)", 2.57), ("ln(e)", 1.0), ("comb(52, 5)", 2598960), ("sin(pi / 2)", 1.0), ("+-+1", -1),
        ("2 ** 64", 18446744073709551616), ("1 ** 999999999", 1), ("sum(1, 2)", 3),
    ],
)  # fmt: skip
def test_it_calculates(expression: str, value: float) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 / 0", "divides by zero"), ("5 % 0", "divides by zero"), ("0 ** -1", "divides by zero"),
        ("9 ** 9 ** 9", "too large"), ("10.0 ** 400", "too large"), ("1e999", "too large"), ("factorial(701)", "factorial"),
        ("factorial(factorial(20))", "factorial"), ("comb(100000, 50000)", "comb"), ("(-8) ** 0.5", "no real value"),
        ("sqrt(-1)", ""), ("2 ** 8000 * 2 ** 8000", "too large"), ("1 << 9", "no part"), ("sqrt()", ""), ("min()", ""),
        ("", "as arithmetic"), ("1 +", "as arithmetic"), ("1 if 2 else 3", "as arithmetic"), ("True", "as arithmetic"),
        ("not 1", "as arithmetic"), ("lambda: 1", "no part"), ("sqrt", "not known"), ("x + 1", "x is not known"),
        ("__import__('os')", "no part"), ("open(1)", "open is not known"), ("(1).real", "no part"), ("max(*pi)", ""),
        ("1if 2", "no part"), ("0x10", "no part"), ("007", ""), ("1.2.3", "no part"), ("(" * 300, ""), ("-" * 499 + "1", ""),
        ("1" * 501, "more than"), ("pi(2)", "not known"), ("1(2)", ""), ("1,2", ""), ("2 ** 0.5 ** -9999", "too large"),
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_or_too_much_is_said(expression: str, said: str) -> None:
    if expression == "-" * 499 + "1":
        # As deep as may be written: the value or a word about it, but no crash.
        try:
            assert calculate(expression) == -1
        except Failure:
            return
        return
    with pytest.raises(Failure) as raised:
        calculate(expression)
    assert said in str(raised.value)


@pytest.mark.parametrize("text", HOSTILE_STRINGS)
def test_hostile_words_are_no_arithmetic(text: str) -> None:
    with pytest.raises(Failure) as raised:
        calculate(text)
    assert "\x1b" not in str(raised.value)


@given(st.text(alphabet="0123456789.+-*/%^()eE_, piqrstxml", max_size=60))
def test_any_expression_ends_in_a_bounded_number_or_a_failure(expression: str) -> None:
    try:
        value = calculate(expression)
    except Failure:
        return
    assert isinstance(value, float) or value.bit_length() <= MOST_BITS
    assert len(str(value)) < 4000


SMALL = st.integers(-50, 50).map(str)


@given(
    st.recursive(SMALL, lambda part: st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part), max_leaves=12)
)
def test_it_says_what_python_says(expression: str) -> None:
    try:
        expected = eval(compile(ast.parse(expression, mode="eval"), "", "eval"), {"__builtins__": {}})
    except ZeroDivisionError:
        with pytest.raises(Failure, match="zero"):
            calculate(expression)
        return
    assert math.isclose(calculate(expression), expected, rel_tol=1e-12)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.integers(-(10**30), 10**30) | st.floats(), max_size=3))
def test_every_function_takes_any_numbers(name: str, numbers: list[float]) -> None:
    written = ", ".join(repr(number) for number in numbers)
    try:
        calculate(f"{name}({written})")
    except Failure as failure:
        assert failure.message
