"""Arithmetic as people and models write it, evaluated without running anything, and bounded in size and time."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from tui.failures import Failure

LONGEST_EXPRESSION = 500
MOST_BITS = 8192
"""Of a whole number: about 2,400 digits."""

Number = int | float

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*)|(?P<sign>\*\*|//|[-+*/%^(),×÷−·]))",
    re.ASCII,
)
_SPELLINGS = {"^": "**", "×": "*", "·": "*", "÷": "/", "−": "-"}
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_TWO: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def calculate(expression: str) -> Number:
    """The value of ``expression``: ``+ - * / // % ** ^``, brackets, ``pi e tau`` and the functions of ``FUNCTIONS``.

    Raises ``Failure`` for what is no arithmetic, has no real value, or is too large.
    """
    tree = _parsed(expression)
    try:
        return _bounded(_value(tree))
    except ZeroDivisionError:
        raise _no("it divides by zero") from None
    except OverflowError:
        raise _no("a number in it is too large") from None
    except RecursionError:
        raise _no("it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise _no(str(error)) from None


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST_EXPRESSION:
        raise _no(f"it has more than {LONGEST_EXPRESSION} characters")
    words: list[str] = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _no(f"{text[at:].strip()[:10]!r} is no part of arithmetic")
        word = found[0].strip()
        words.append(_SPELLINGS.get(word, word))
        at = found.end()
    try:
        # Only what was found above reaches the parser, which therefore has nothing to warn about.
        return ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no("it is not written as arithmetic is") from None


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(_power(_value(left), _value(right)))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _TWO:
            return _bounded(_TWO[type(sign)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(argument) for argument in arguments)))
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            raise _no(f"{name} is not known; there are: {', '.join([*_CONSTANTS, *FUNCTIONS])}")
        case _:
            pass
    raise _no("it is not written as arithmetic is")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        if exponent > 0 and abs(base) > 1 and base.bit_length() * exponent > MOST_BITS:
            raise OverflowError
        if exponent < -MOST_BITS:
            raise OverflowError
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("it has no real value")  # noqa: TRY004  the types are right, the value is not there
    return float(result) if isinstance(result, float) else int(result)


def _factorial(number: Number) -> int:
    if not isinstance(number, int) or not 0 <= number <= 700:
        raise ValueError("a factorial is known of 0 to 700")
    return math.factorial(number)


def _choices(total: Number, chosen: Number) -> int:
    if not (isinstance(total, int) and isinstance(chosen, int) and 0 <= chosen <= total <= 5000):
        raise ValueError("comb takes two whole numbers from 0 to 5,000, the larger first")
    return math.comb(total, chosen)


def _rounded(number: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > 300:
        raise ValueError("round takes up to 300 digits")
    return round(number, digits) if digits else round(number)


FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "round": _rounded,
    "floor": math.floor,
    "ceil": math.ceil,
    "min": min,
    "max": max,
    "sum": lambda *numbers: sum(numbers),
    "sqrt": math.sqrt,
    "cbrt": math.cbrt,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "degrees": math.degrees,
    "radians": math.radians,
    "hypot": math.hypot,
    "gcd": math.gcd,
    "lcm": math.lcm,
    "factorial": _factorial,
    "comb": _choices,
}


def _bounded(number: Number) -> Number:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise OverflowError
    elif number.bit_length() > MOST_BITS:
        raise OverflowError
    return number


def _no(cause: str) -> Failure:
    return Failure("this cannot be calculated", cause, "write it anew, such as 3 * (4 + sqrt(2))")
