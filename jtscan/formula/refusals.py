"""What to write instead of syntax that Python has and formulas have not."""

from __future__ import annotations

import ast

EXPRESSIONS = {
    ast.BitAnd: "use 'and' instead of '&'",
    ast.BitOr: "use 'or' instead of '|'",
    ast.BitXor: "use '**' for powers instead of '^'",
    ast.FloorDiv: "use floor(a / b) instead of '//'; comments start with '#'",
    ast.MatMult: "'@' has no meaning here",
    ast.LShift: "'<<' has no meaning here",
    ast.RShift: "'>>' has no meaning here",
    ast.Lambda: "functions cannot be written inside a formula; give the expression a name on a line of its own",
    ast.ListComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.SetComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.DictComp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.GeneratorExp: "comprehensions are not allowed; write the conditions out with 'and' and 'or'",
    ast.JoinedStr: "f-strings are not allowed; write plain text in quotes",
    ast.List: "lists are only allowed after 'in', in round brackets",
    ast.Tuple: "a comma makes a tuple; write one expression, and 1000 for 1,000",
    ast.Dict: "dicts are not allowed",
    ast.Set: "sets are not allowed",
    ast.Starred: "'*' before an argument is not allowed",
    ast.NamedExpr: "use '=' on a line of its own instead of ':='",
    ast.Await: "'await' is not allowed",
    ast.Yield: "'yield' is not allowed",
    ast.YieldFrom: "'yield' is not allowed",
}

STATEMENTS = {
    ast.If: "write the condition itself, buy = …, or a if condition else b",
    ast.For: "windows look back: count(condition, n), highest(x, n), sma(x, n)",
    ast.While: "windows look back: count(condition, n), highest(x, n), sma(x, n)",
    ast.FunctionDef: "functions cannot be written; give the expression a name on a line of its own",
    ast.Import: "every function is there without it",
    ast.ImportFrom: "every function is there without it",
    ast.Return: "leave out 'return': the last line is the signal",
}
