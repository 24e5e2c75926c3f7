"""Staging: sources of every shape become rows of one shape, in Parquet files of the working folder.

A staged row has its file, symbol and timestamp, the prices and further numbers
as doubles, what could not be read of it, and, where something is missing, its
own text. Nothing is judged here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.duck import Workbench, literal, quoted, unreadable
from jtscan.market.files import PRICES
from jtscan.market.intake.columns import (
    LABELS,
    NAMES,
    Layout,
    day_of_name,
    layout_of,
    looks_like_code,
    plain,
    symbol_of_name,
)
from jtscan.market.intake.finding import SourceFile
from jtscan.market.intake.heads import Head
from jtscan.market.intake.values import TEXT, Moments, is_no_number, moment_of, number_of

FILE, RAW, NO_NUMBER, LOST, REASON = "#file", "#raw", "#no_number", "#lost", "#reason"
CORE = (*PRICES, "adj_close")
FURTHER = "+"
STAGED_AS = "(FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION V2)"
_BATCH = 64 << 20
_LONGEST_LINE = 1 << 20
_OURS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.OutOfMemoryException)
_OPEN_QUOTE = "unquoted value"
_MIDNIGHT = "00:00:00"
_BITS = 63  # of a BIGINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the user wants sources to be read."""

    moments: Moments
    mapping: Mapping[str, str] = field(default_factory=dict)
    symbol_pattern: str | None = None

    @property
    def timeframe(self) -> Timeframe:
        """That of the bars."""
        return self.moments.timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, what it starts with, and what its columns are; ``number`` stands for it in staged rows.

    ``symbol`` and ``day`` are those of all its rows, where its name tells
    them and no column does.
    """

    number: int
    file: SourceFile
    head: Head
    layout: Layout
    symbol: str | None = None
    day: str | None = None
    problem: str | None = None

    @property
    def signature(self) -> tuple[object, ...]:
        """What files share that one statement can read."""
        columns = tuple((*each,) for each in self.head.columns)
        shape = (self.file.kind, columns, self.head.delimiter, tuple(sorted((self.head.zones or {}).items())))
        return (*shape, tuple(self.layout.columns.items()), tuple(self.layout.extras.items()))


@dataclass(slots=True, kw_only=True)
class Staged:
    """What staging gave: Parquet files, rows per source, lines that are no rows, problems of whole files."""

    paths: list[Path] = field(default_factory=list)
    broken_lines: list[pl.DataFrame] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    labels: list[pl.DataFrame] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)


def make_source(number: int, file: SourceFile, head: Head, reading: Reading) -> Source:
    """Say what the columns of a file are, and whose rows they are."""
    if head.problem is not None:
        return Source(number=number, file=file, head=head, layout=Layout(), problem=head.problem)
    named = [name for name in head.names if plain(name) in NAMES["name"]]
    codes = frozenset(name for name in named if _is_of_codes(head.values(name), file.stem))
    day = None if reading.timeframe.intraday else day_of_name(file.stem)
    layout = _without_texts(layout_of(head.names, reading.mapping, codes, dated=day is not None), head)
    if layout.problem is None and "timestamp" not in layout.columns:
        file = replace(file, note=f"its day, {day}, is that of its name")
    else:
        day = None
    problem = layout.problem or _wrong_moments(head, layout, reading.moments)
    symbol = None if "symbol" in layout.columns or file.nameless else symbol_of_name(file.stem, reading.symbol_pattern)
    if problem is None and "symbol" in layout.columns:
        problem = _wrong_symbols(head, layout.columns["symbol"])
    elif problem is None and file.nameless:
        problem = f"it has no column of symbols; it has: {', '.join(head.names)}. Add one, of texts: symbol = '005930'"
    elif problem is None and symbol is None:
        problem = f"it has no column of symbols, and its name does not fit {reading.symbol_pattern!r}"
    return Source(number=number, file=file, head=head, layout=layout, symbol=symbol, day=day, problem=problem)


def _is_of_codes(values: Sequence[str], stem: str) -> bool:
    """Whether a column ``Name`` has the symbols: they look like it, and the file's name is no other symbol."""
    own = symbol_of_name(stem) or ""
    return bool(values) and all(map(looks_like_code, values)) and (not looks_like_code(own) or set(values) == {own})


def _without_texts(layout: Layout, head: Head) -> Layout:
    """Leave out further columns that are no numbers."""
    texts = [ours for ours, theirs in layout.extras.items() if not _is_of_numbers(theirs, head)]
    kept = {ours: theirs for ours, theirs in layout.extras.items() if ours not in texts}
    left_out = tuple(layout.extras[ours] for ours in texts)
    return replace(layout, extras=kept, left_out=(*layout.left_out, *left_out))


def _is_of_numbers(name: str, head: Head) -> bool:
    kind = dict(head.columns)[name]
    if kind != TEXT:
        return number_of(name, kind) != number_of(name, "unknown")
    values = head.values(name)
    numbers = sum(_is_number(value) for value in values)
    return numbers >= 0.9 * len(values)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return text in {"-", "N/A"}
    return True


def _wrong_moments(head: Head, layout: Layout, moments: Moments) -> str | None:
    if "timestamp" not in layout.columns:
        return None
    name = layout.columns["timestamp"]
    kind = dict(head.columns)[name]
    values = head.values(name)
    zone = (head.zones or {}).get(name)
    in_utc = zone == "UTC" or any(value.endswith(("Z", "+00:00", "+0000", "UTC")) for value in values)
    midnight = zone is None and all(_MIDNIGHT in value for value in values)
    if in_utc and moments.zone is None and not (midnight and not moments.timeframe.intraday):
        return "its timestamps are in UTC; say where the exchange is: --timezone Asia/Seoul"
    if moments.timeframe.intraday and "time" not in layout.columns:
        plain = [value for value in values if len(value) <= len("2024-01-31")]
        if kind == "DATE" or (values and len(plain) == len(values)):
            return f"its timestamps are dates without a time of day; {moments.timeframe} bars need both"
    return None


def _wrong_symbols(head: Head, name: str) -> str | None:
    kind = dict(head.columns)[name]
    if kind != TEXT:
        return f"its column of symbols, {name!r}, is {kind}; symbols are text, with their leading zeros ('005930')"
    return None


def stage(
    sources: Sequence[Source], duck: Workbench, work: Path, reading: Reading, tell: Callable[[int], object]
) -> Staged:
    """Read every usable source into staged files; ``tell`` hears how many sources are done."""
    staged = Staged()
    _register(duck, sources)
    done = 0
    for batch in _batches([source for source in sources if source.problem is None]):
        _stage(batch, duck, work, reading, staged)
        done += len(batch)
        tell(done)
    return staged


def _register(duck: Workbench, sources: Sequence[Source]) -> None:
    """Tell DuckDB the number and the symbol of each file."""
    duck.run('CREATE TABLE sources ("#path" VARCHAR, "#number" INTEGER, "#source_symbol" VARCHAR, "#day" VARCHAR)')
    for start in range(0, len(sources), 1000):
        part = sources[start : start + 1000]
        columns = {
            "paths": [str(each.file.path) for each in part],
            "numbers": [each.number for each in part],
            "symbols": [each.symbol for each in part],
            "days": [each.day for each in part],
        }
        rows = "unnest($paths), unnest($numbers), unnest($symbols), unnest($days)"
        duck.run(f"INSERT INTO sources SELECT {rows}", columns)


def _batches(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Group sources that one statement can read, some 64 MB at a time."""
    groups: defaultdict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.signature].append(source)
    for group in groups.values():
        batch: list[Source] = []
        size = 0
        for source in group:
            batch.append(source)
            size += source.file.path.stat().st_size
            if size > _BATCH:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _stage(batch: Sequence[Source], duck: Workbench, work: Path, reading: Reading, staged: Staged) -> None:
    """Stage some sources at once; one that cannot be read to its end is found by reading them one by one."""
    out = work / f"staged-{len(staged.paths):05}.parquet"
    first = batch[0]
    paths = {"paths": [str(each.file.path) for each in batch]}
    try:
        duck.run(f"COPY ({_rows(first, reading.moments)}) TO {literal(out)} {STAGED_AS}", paths)
        lines = [_broken_lines(duck)] if first.file.kind == "text" else []
        if first.head.quote and any(_OPEN_QUOTE in reason for part in lines for reason in part[REASON]):
            out.unlink()
            for each in batch:
                single = each if len(batch) > 1 else replace(each, head=replace(each.head, quote=""))
                _stage([single], duck, work, reading, staged)
            return
        labels = _labels(first, duck, reading.moments, paths)
    except duckdb.Error as error:
        out.unlink(missing_ok=True)
        _forget_broken_lines(duck)
        if isinstance(error, _OURS) or "No space left" in str(error):
            raise
        if len(batch) == 1:
            staged.problems[first.number] = unreadable(first.file.path, error)
            return
        for each in batch:
            _stage([each], duck, work, reading, staged)
        return
    staged.paths.append(out)
    staged.broken_lines += lines
    staged.labels += labels
    staged.lost.update(_lost(duck, out, first))


class _Columns:
    """The columns of a source under names of our own (#r0, #r1, …), so that none of ours hides one of its."""

    def __init__(self, source: Source) -> None:
        self.ours = source.layout.columns
        self.extras = source.layout.extras
        self._raw = {name: (f"#r{place}", kind) for place, (name, kind) in enumerate(source.head.columns)}

    def of(self, theirs: str) -> tuple[str, str]:
        """Our own name and the type of one of the source's columns."""
        return self._raw[theirs]

    def numbers(self) -> dict[str, tuple[str, str]]:
        """The prices by our name."""
        return {name: self.of(self.ours[name]) for name in CORE if name in self.ours}

    def further(self) -> dict[str, tuple[str, str]]:
        """The further numbers by the name that they have while they are staged."""
        return {FURTHER + ours: self.of(theirs) for ours, theirs in self.extras.items()}

    def said(self) -> str:
        """What a row says, in one text."""
        names = (f"{literal(name + '=')} || CAST({quoted(raw)} AS VARCHAR)" for name, (raw, _) in self._raw.items())
        return f"concat_ws(', ', {', '.join(names)})"

    def reader(self, source: Source) -> str:
        """The rows of the source's files, each with its file's number and symbol."""
        if source.file.kind == "text":
            raws = ", ".join(f"{literal(raw)}: 'VARCHAR'" for raw, _ in self._raw.values())
            read = (
                f"SELECT * FROM read_csv($paths, columns = {{{raws}}}, header = true, "  # noqa: S608 - our own names
                f"delim = '{source.head.delimiter}', "
                f"quote = '{source.head.quote}', escape = '{source.head.quote}', auto_detect = false, "
                f"filename = '#path', store_rejects = true, rejects_limit = 0, "
                f"max_line_size = {_LONGEST_LINE})"
            )
        else:
            raws = ", ".join(f"{quoted(name)} AS {quoted(raw)}" for name, (raw, _) in self._raw.items())
            read = (
                f"""SELECT {raws}, "#path" FROM read_parquet($paths, filename = '#path', hive_partitioning = false)"""  # noqa: S608 - quoted
            )
        return f"""SELECT * FROM ({read}) JOIN sources USING ("#path")"""  # noqa: S608 - names are our own or quoted


def _rows(source: Source, moments: Moments) -> str:
    """Write the select that makes staged rows of a source's."""
    columns = _Columns(source)
    numbers, further = columns.numbers(), columns.further()
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in ("#symbol", "#moment", *numbers))
    wrong = [f"CASE WHEN {is_no_number(*raw, quoted(name))} THEN '{name}' END" for name, raw in numbers.items()]
    lost = [
        f"CASE WHEN {is_no_number(*raw, quoted(ours))} THEN {1 << place} ELSE 0 END"
        for place, (ours, raw) in enumerate(further.items())
        if raw[1] == TEXT and place < _BITS
    ]
    values = "".join(f", {quoted(name)}" for name in (*numbers, *further))
    computed = "".join(f", {number_of(*raw)} AS {quoted(name)}" for name, raw in {**numbers, **further}.items())
    inner = f"""
        SELECT *, {_symbol(columns)} AS "#symbol", {_moment(source, columns, moments)} AS "#moment" {computed}
        FROM ({columns.reader(source)})
    """  # noqa: S608 - names are our own or quoted, values are parameters
    return f"""
        SELECT "#number" AS {quoted(FILE)}, "#symbol" AS symbol, "#moment" AS timestamp {values},
               CASE WHEN {missing} THEN {columns.said()} END AS {quoted(RAW)},
               CASE WHEN {missing} THEN concat_ws(' and ', {", ".join(wrong)}) END AS {quoted(NO_NUMBER)},
               CAST({" + ".join(lost) or "0"} AS BIGINT) AS {quoted(LOST)}
        FROM ({inner})
    """  # noqa: S608 - names are our own or quoted, values are parameters


def _lost(duck: Workbench, staged: Path, source: Source) -> dict[str, int]:
    """Count the values of further columns that are no numbers; in rows they are unknown."""
    places = {name: place for place, name in enumerate(source.layout.extras) if place < _BITS}
    if not places:
        return {}
    sums = ", ".join(f"sum(({quoted(LOST)} >> {place}) & 1)" for place in places.values())
    found = duck.frame(f"SELECT {sums} FROM read_parquet($paths)", {"paths": [str(staged)]})  # noqa: S608 - our own
    return {name: int(count) for name, count in zip(places, found.row(0), strict=True) if count}


def _symbol(columns: _Columns) -> str:
    if "symbol" not in columns.ours:
        return '"#source_symbol"'
    raw, _ = columns.of(columns.ours["symbol"])
    return f"nullif(trim({quoted(raw)}), '')"


def _moment(source: Source, columns: _Columns, moments: Moments) -> str:
    if "timestamp" not in columns.ours:
        return 'CAST("#day" AS DATE)'
    name = columns.ours["timestamp"]
    time = columns.of(columns.ours["time"]) if moments.timeframe.intraday and "time" in columns.ours else None
    return moment_of(*columns.of(name), replace(moments, stored=(source.head.zones or {}).get(name)), time)


def _broken_lines(duck: Workbench) -> pl.DataFrame:
    """Take the lines that are no rows: too few or too many cells, an open quote, letters that are not UTF-8."""
    query = f"""
        SELECT "#number" AS {quoted(FILE)}, first(csv_line ORDER BY error_type) AS {quoted(RAW)},
               CAST(first(error_type ORDER BY error_type) AS VARCHAR) AS error
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id) JOIN sources ON file_path = "#path"
        GROUP BY "#number", line
    """  # noqa: S608 - names are our own
    found = duck.frame(query)
    _forget_broken_lines(duck)
    return found.select(
        FILE,
        pl.col(RAW).str.strip_chars(),
        pl.format("the line cannot be read: {}", pl.col("error").str.to_lowercase()).alias(REASON),
    )


def _forget_broken_lines(duck: Workbench) -> None:
    for table in ("reject_errors", "reject_scans"):
        duck.run(f"DROP TABLE IF EXISTS {table}")


def _labels(source: Source, duck: Workbench, moments: Moments, paths: Mapping[str, object]) -> list[pl.DataFrame]:
    """Take the newest name and market of each symbol, where a source has them beside its prices, as marcap does."""
    columns = _Columns(source)
    labels = {name: columns.of(columns.ours[name])[0] for name in LABELS if name in columns.ours}
    if not labels or "symbol" not in columns.ours:
        return []
    newest = ", ".join(f'arg_max({quoted(raw)}, "#moment") AS {name}' for name, raw in labels.items())
    query = f"""
        SELECT "#symbol" AS symbol, max("#moment") AS seen, {newest}
        FROM (SELECT *, {_symbol(columns)} AS "#symbol", {_moment(source, columns, moments)} AS "#moment"
              FROM ({columns.reader(source)}))
        WHERE "#symbol" IS NOT NULL AND "#moment" IS NOT NULL GROUP BY 1
    """  # noqa: S608 - names are our own, values are parameters
    return [duck.frame(query, paths)]
