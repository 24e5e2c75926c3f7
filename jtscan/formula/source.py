"""Formula text → checked syntax tree.

The text is read with the standard library's parser and never executed. Limits
are checked before and right after parsing, so that hostile text costs nothing.
"""

from __future__ import annotations

import ast
import keyword
import re
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import NoReturn

from jtscan.errors import FormulaError

MAX_CHARACTERS = 10_000
MAX_NODES = 1_000
MAX_DEPTH = 40
MAX_STATEMENTS = 200
MAX_BARS = 10_000
MAX_NUMBER = 1e15
TOO_LARGE = "the number is too large; it must be below 1e15"
STATEMENT_HINT = "a formula is assignments and conditions"

_TOO_DEEP = (
    f"the formula is nested too deep; at most {MAX_DEPTH} levels are allowed: give a part a name on a line of its own"
)
_SKIPPED = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNCOUNTED = (ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context)
_CHAINS = (ast.Add, ast.Mult)


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a formula, able to point at any place in it."""

    text: str
    lines: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(self.text.split("\n")))

    def fail(self, where: ast.AST, message: str, *, hint: str | None = None) -> NoReturn:
        """Raise a FormulaError that points at a node of the tree."""
        line = getattr(where, "lineno", 1)
        column = self._characters(line, getattr(where, "col_offset", 0))
        end = self._characters(line, where.end_col_offset) if getattr(where, "end_lineno", None) == line else None  # type: ignore[attr-defined]
        raise FormulaError(
            message, text=self.text, line=line, column=column + 1, width=(end or column + 1) - column, hint=hint
        ) from None

    def fail_at(self, offset: int, message: str, *, hint: str | None = None) -> NoReturn:
        """Raise a FormulaError that points at a character of the text."""
        before = self.text[:offset]
        raise FormulaError(
            message,
            text=_CONTROL.sub(" ", self.text),
            line=before.count("\n") + 1,
            column=offset - (before.rfind("\n") + 1) + 1,
            hint=hint,
        )

    def between(self, left: ast.expr, right: ast.expr, pattern: str) -> ast.AST:
        """Find what stands between two expressions, for the caret."""
        spot = ast.expr()
        for number in range(left.end_lineno or left.lineno, right.lineno + 1):
            line = _masked(self.lines[number - 1])
            start = self._characters(number, left.end_col_offset or 0) if number == left.end_lineno else 0
            if found := re.compile(pattern).search(line, start):
                spot.lineno = spot.end_lineno = number
                spot.col_offset = len(line[: found.start()].encode())
                spot.end_col_offset = len(line[: found.end()].encode())
                return spot
        return left

    def segment(self, node: ast.expr) -> str:
        """Return the text of a node that stands on one line, otherwise an unparsed form."""
        if node.lineno == node.end_lineno and node.end_col_offset is not None:
            line = self.lines[node.lineno - 1].encode()
            return line[node.col_offset : node.end_col_offset].decode()
        return ast.unparse(node)

    def _characters(self, line: int, column: int) -> int:
        """Turn the parser's byte column into a column of characters."""
        if not 1 <= line <= len(self.lines):
            return 0
        return len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))


def parse(text: str) -> tuple[Source, list[ast.stmt]]:
    """Read a formula's text into statements, within the limits.

    Raises
    ------
    FormulaError
        For text that is too long, holds letters that names cannot have, is no
        expression syntax, or is too large or too deep.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(f"the formula has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed")
    source = Source(text)
    _check_letters(source)
    tree = _parse(source)
    if not tree.body:
        raise FormulaError("the formula is empty", hint="write a condition, such as close > sma(close, 20)")
    _check_size(source, tree)
    _check_lines(source, tree.body)
    return source, tree.body


def _check_letters(source: Source) -> None:
    """Refuse letters that look like others: only ASCII and Hangul are names."""
    if found := _CONTROL.search(source.text):
        source.fail_at(found.start(), f"the character {found.group()!r} is not allowed", hint="delete it")
    for offset, letter in enumerate(_masked(source.text)):
        if not letter.isascii() and not "가" <= letter <= "힣":
            _refuse_letter(source, offset, letter)


def _masked(text: str) -> str:
    """Blank out comments and texts."""
    return _SKIPPED.sub(lambda found: " " * len(found.group()), text)


def _refuse_letter(source: Source, offset: int, letter: str) -> NoReturn:
    plain = _LOOKALIKES.get(letter) or unicodedata.normalize("NFKC", letter)
    what = f"{letter!r} ({unicodedata.name(letter, 'unnamed')})"
    if plain != letter and plain.isascii() and plain.isprintable():
        source.fail_at(offset, f"{what} is not allowed", hint=f"write {plain!r}")
    if unicodedata.category(letter) in {"Cf", "Zl", "Zp"}:
        source.fail_at(offset, f"{what} is not allowed", hint="delete it")
    if "\u1100" <= letter <= "\u11ff":
        anew = "this Hangul is in pieces (NFD); type it anew, or use unicodedata.normalize('NFC', …)"
        source.fail_at(offset, f"{what} is not allowed", hint=anew)
    source.fail_at(offset, f"{what} is not allowed", hint="names are ASCII letters or Hangul syllables")


_LOOKALIKES = {"×": "*", "÷": "/", "≥": ">=", "≤": "<=", "≠": "!=", "−": "-", "–": "-", "“": '"', "”": '"', "‘": "'",
               "’": "'", "∧": "and", "∨": "or", "¬": "not"}  # fmt: skip


_FILTERS = threading.Lock()  # the filters of warnings belong to the process


def _parse(source: Source) -> ast.Module:
    try:
        with _FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a text only warns
            return ast.parse(source.text.strip("\n") and source.text)
    except SyntaxError as error:
        _explain_syntax(source, error)
    except (ValueError, OverflowError) as error:
        raise FormulaError(f"the formula cannot be read: {error}", text=source.text) from None
    except (MemoryError, RecursionError):
        raise FormulaError(_TOO_DEEP) from None


_SYNTAX_WORDS = (
    (re.compile(r"&&"), "use 'and' instead of '&&'"),
    (re.compile(r"\|\|"), "use 'or' instead of '||'"),
    (re.compile(r"(?<![=!<>])!(?!=)"), "use 'not' instead of '!'"),
    (re.compile(r":="), "use '=' instead of ':='"),
    (re.compile(r"<>"), "use '!=' instead of '<>'"),
    (re.compile(r"=>"), "use '>=' instead of '=>'"),
    (re.compile(r"=<"), "use '<=' instead of '=<'"),
    (re.compile(r"^\s*@\w+"), 'a formula of the library is jt.library["name"], or @name on the command line'),
    (re.compile(r"(?<=\d)\s*%\s*(?=$|\)|and\b|or\b)"), "'%' is the remainder; per cent is the plain number, 5 for 5 %"),
    (re.compile(r"\?"), "write 'a if condition else b' instead of 'condition ? a : b'"),
    (re.compile(r"//"), "use floor(a / b) instead of '//'; comments start with '#'"),
    (re.compile(r"/\*"), "comments start with '#'"),
    (re.compile(r"\b(?:AND|And)\b"), "write 'and' in lower case"),
    (re.compile(r"\b(?:OR|Or)\b"), "write 'or' in lower case"),
    (re.compile(r"\b(?:NOT|Not)\b"), "write 'not' in lower case"),
    (re.compile(r"\bcross(?:es|ed)?\s+(?:above|over)\b"), "write cross_above(a, b)"),
    (re.compile(r"\bcross(?:es|ed)?\s+(?:below|under)\b"), "write cross_below(a, b)"),
    (re.compile(r"\b(?:var|let|const|float|int|bool)(?=\s+\w+\s*=)"), "an assignment is just name = expression"),
    (
        re.compile(rf"^(?:{'|'.join(keyword.kwlist)})(?=\s*=(?!=))"),
        "a reserved word cannot be assigned; take another name",
    ),
    (
        re.compile(r"^(?:if|for|while|def|class|import|from|return|with|try)\b"),
        f"statements are not allowed; {STATEMENT_HINT}: a if condition else b",
    ),
    (re.compile(r";"), "leave out ';': one statement per line"),
)


def _explain_syntax(source: Source, error: SyntaxError) -> NoReturn:
    """Point at what other dialects write; otherwise at what the parser says."""
    line = error.lineno or 1
    text = source.lines[line - 1] if 1 <= line <= len(source.lines) else ""
    for pattern, message in _SYNTAX_WORDS:
        if found := pattern.search(_masked(text)):
            _fail_in_line(source, line, found.span(), message)
    _refuse_korean_number(source, line, _masked(text))
    column = min(max(error.offset or 1, 1), len(text) + 1) - 1
    said = error.msg or "invalid syntax"
    for parser, looks, message, hint in _SYNTAX_MESSAGES:
        if re.match(parser, said) and re.search(looks, _masked(text)):
            _fail_in_line(source, line, (column, column + 1), message, hint)
    _fail_in_line(source, line, (column, column + 1), f"this is not a formula: {said.split(' (', 1)[0]}")


_POWERS = {"십": 1, "백": 2, "천": 3, "만": 4, "억": 8, "조": 12}
_KOREAN_PART = re.compile(r"(\d[\d,]{0,20}(?:\.\d{1,20})?)\s*([십백천]?[만억조]|천)")
_KOREAN_NUMBER = re.compile(rf"(?<![\w.])(?:{_KOREAN_PART.pattern}\s*)*{_KOREAN_PART.pattern}")


def _refuse_korean_number(source: Source, line: int, text: str) -> None:
    """Write out a number such as 1억 2000만."""
    found = _KOREAN_NUMBER.search(text)
    if found is None:
        return
    parts = _KOREAN_PART.findall(found.group())
    total = sum(
        Decimal(digits.replace(",", "")).scaleb(sum(_POWERS[letter] for letter in unit)) for digits, unit in parts
    )
    written = format(total, "f")
    whole = written.rstrip("0").rstrip(".") if "." in written else written
    _fail_in_line(source, line, found.span(), f"{found.group()!r} is not a number here", f"write {whole}")


def _fail_in_line(source: Source, line: int, span: tuple[int, int], message: str, hint: str | None = None) -> NoReturn:
    start, end = span
    raise FormulaError(message, text=source.text, line=line, column=start + 1, width=end - start, hint=hint) from None


_LINES = "an expression over several lines needs brackets around it"
_OPERATOR = r"\b(?:and|or|not|if|else|in)|[-+*/%<>=,&|^(\[]"

# What the parser says, what the line looks like; what is said instead, and the cure.
_SYNTAX_MESSAGES = (
    (r"Exceeds the limit", r"", TOO_LARGE, None),
    (r"invalid decimal literal", r"\d+(?:m|min|h|d|w|mo)\b", "a period is a text in quotes",
     'such as tf("60m", close)'),
    (r"leading zeros", r"\b\d{4}-\d\d-\d\d\b", "a date is one number", "such as date > 20240101"),
    (r"\(unicode error\)", r"", "a backslash in this text begins a code", "write two of them for a backslash"),
    (r"unexpected indent", r"", "unexpected spaces at the left", f"begin at the left edge; {_LINES}"),
    (r"invalid syntax$|unexpected EOF", rf"(?:{_OPERATOR})\s*\\?\s*$",
     "the line ends in the middle of an expression", f"finish it; {_LINES}"),
    (r"invalid syntax$", r"^\s*(?:and\b|or\b|[-+*/%<>=)\]])", "the line begins in the middle of an expression", _LINES),
    (r".*assign", r"=", "a comparison or an assignment in the wrong place",
     "equality is '==', an assignment has one name left of '='"),
    (r"invalid syntax$", r"", "this is not a formula", "something is missing before this, or it is one thing too many"),
)  # fmt: skip


def _check_size(source: Source, tree: ast.Module) -> None:
    if len(tree.body) > MAX_STATEMENTS:
        source.fail(tree.body[MAX_STATEMENTS], f"at most {MAX_STATEMENTS} statements are allowed")
    nodes = 0
    for node, depth in _walk(tree):
        nodes += not isinstance(node, _UNCOUNTED)
        if nodes > MAX_NODES:
            source.fail(node, f"the formula is too large; at most {MAX_NODES:,} names, numbers and calls are allowed")
        if depth > MAX_DEPTH:
            source.fail(node, _TOO_DEEP)


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, int]]:
    """Visit every node with its depth, chains of one operator counting once; no recursion."""
    pending: list[tuple[ast.AST, int]] = [(statement, 0) for statement in reversed(tree.body)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend(
            (child, depth + (isinstance(child, ast.expr) and not _continues(node, child)))
            for child in reversed(list(ast.iter_child_nodes(node)))
        )


def _continues(node: ast.AST, child: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(child, ast.BinOp)
        and type(node.op) is type(child.op)
        and isinstance(node.op, _CHAINS)
        and child is node.left
    )


def _check_lines(source: Source, statements: list[ast.stmt]) -> None:
    for before, after in pairwise(statements):
        if before.end_lineno == after.lineno:
            source.fail(after, "two statements on one line", hint="start a new line instead of ';'")
