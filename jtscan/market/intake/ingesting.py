"""One ingest, from what a user points at to a new version of a store.

find      files, folders, archives, frames → readable files           (finding, frames)
look      columns, samples, what each file is                         (heads, columns)
stage     rows of one shape, nothing judged yet                       (staging)
judge     bars, halts, quarantine, duplicates, repairs                (judging)
merge     with what the store has: new, same, corrected               (merging)
commit    new files and a manifest; small files merged, old ones swept (market.store)
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.stores import FILE_COUNTS, Counts, IngestReport
from jtscan.errors import DataError, RequestError
from jtscan.market.duck import Workbench, literal
from jtscan.market.files import PRICES
from jtscan.market.intake.columns import NAMES, check_mapping, looks_like_code
from jtscan.market.intake.finding import SourceFile, find_sources
from jtscan.market.intake.frames import save_frames, unfold_levels
from jtscan.market.intake.heads import Head, heads_of
from jtscan.market.intake.judging import (
    HALT,
    KEYS,
    OTHER_VALUES,
    UNREADABLE_MOMENT,
    Halts,
    Judged,
    Rules,
    judge,
)
from jtscan.market.intake.merging import Stored
from jtscan.market.intake.staging import (
    FILE,
    FURTHER,
    RAW,
    REASON,
    STAGED_AS,
    Reading,
    Source,
    Staged,
    make_source,
    stage,
)
from jtscan.market.intake.tables import write_members, write_symbols
from jtscan.market.intake.values import Moments
from jtscan.market.store.layout import by_shape, compact, split
from jtscan.market.store.manifest import Manifest
from jtscan.market.store.quality import markets_of, suspicious
from jtscan.market.store.suspicion import SCHEMA, Suspicions
from jtscan.market.store.sweeping import sweep
from jtscan.market.store.writing import WAIT_SECONDS, Draft, writing
from jtscan.progress import phase_bar

Progress = Callable[[str, int, int], object]
_KRX_DIGITS = 6
_SHOWN = 5
_SCATTERED = 2_000_000
_TALLIED = (*FILE_COUNTS, "corrected", "repaired")
_INSIDE = {"reason": REASON, "text": RAW}


def ingest(  # noqa: PLR0913 - what a user can say of the sources
    source: Any,
    into: str | Path,
    *,
    symbols: Any = None,
    members: Any = None,
    timeframe: str = "1d",
    columns: Mapping[str, str] | None = None,
    adjust: bool = False,
    halts: Halts = "zero",
    symbol_pattern: str | None = None,
    date_format: str | None = None,
    timezone: str | None = None,
    wait: float = WAIT_SECONDS,
    progress: Progress | bool | None = None,
) -> IngestReport:
    """Take bars into a store, and account for every row.

    Parameters
    ----------
    source
        A file, a folder, a glob or an archive of CSV or Parquet files, a
        Polars, pandas or Arrow frame, or a list of those; None for symbols
        and members alone.
    into
        The folder of the store; made if it is not there.
    symbols
        A table of symbols, file or frame (symbol, name, market, sector,
        listed, delisted and any other column, also as KRX and
        FinanceDataReader name them). What it does not know stays known.
    members
        Who belonged to which index when, file or frame: index, symbol, start,
        end; ``end`` is the first day without it, null is open. An index that
        is given replaces what was known of it.
    timeframe
        The length of a bar.
    columns
        Our column names to those of the sources, where they are not
        recognised: ``{"timestamp": "TRD_DD"}``.
    adjust
        Take adjusted closes for closes, scale open, high and low alike, and
        keep the close that was traded as ``raw_close``.
    halts
        ``"flat"``: a row whose prices are all the close before, without
        volume, is a halt too. Zeros are one in any case.
    symbol_pattern
        Where the symbol is in the names of files: ``"krx_*_{symbol}"``.
    date_format
        How dates are written, where day and month could be taken for each
        other: ``"%d/%m/%Y"``.
    timezone
        The zone of the exchange, for timestamps in UTC: ``"Asia/Seoul"``.
    wait
        How many seconds to wait for another writer.
    progress
        True shows a bar, False none; None shows one after a second, in a
        notebook or a terminal. A function is called with what is done, how
        much of it, and how much there is (0: not known).

    Returns
    -------
    IngestReport
        Every row and file that was read, and what became of it.

    Raises
    ------
    RequestError
        An argument cannot be used.
    DataError
        Nothing of the source can be used.
    StoreError
        The store is damaged, in use or cannot be written; it is as it was.
    """
    started = perf_counter()
    if source is None and symbols is None and members is None:
        raise RequestError("source", "NoneType is neither a path nor a Polars, pandas or Arrow frame")
    moments = Moments(timeframe=Timeframe.parse(timeframe), date_format=date_format, zone=_zone(timezone))
    _check_format(date_format)
    reading = Reading(moments=moments, mapping=_mapping(columns), symbol_pattern=_pattern(symbol_pattern))
    if halts not in ("zero", "flat"):
        raise RequestError("halts", f"{halts!r} is unknown; write 'zero' or 'flat'")
    root = Path(into).expanduser()
    with ExitStack() as stack:
        tell = progress if callable(progress) else stack.enter_context(phase_bar(progress)) or _unheard
        run = _Run(stack.enter_context(writing(root, wait=wait)), reading, tell)
        if source is not None:
            run.read(source)
        run.write_tables(symbols, members)
        if source is not None:
            run.write(adjust=adjust, halts=halts)
        return run.finish(started)


def _unheard(_phase: str, _done: int, _total: int) -> None:
    """The progress of those who did not ask for it."""


def _mapping(columns: Mapping[str, str] | None) -> Mapping[str, str]:
    given = dict(columns or {})
    for ours in given:
        if ours not in NAMES:
            raise RequestError(
                "columns", f"{ours!r} is not one of ours: {', '.join(NAMES)}. Ours comes first: ours=theirs"
            )
    return given


def _zone(name: str | None) -> str | None:
    try:
        return None if name is None else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError("timezone", f"{name!r} is no time zone; write one such as 'Asia/Seoul'") from None


def _check_format(text: str | None) -> None:
    if text is None:
        return
    try:
        if "%" not in text:
            raise duckdb.InvalidInputException(text)
        duckdb.connect().execute("SELECT strftime(TIMESTAMP '2024-01-31', $text)", {"text": text})
    except duckdb.Error:
        raise RequestError("date_format", f"{text!r} is no format of dates; write one such as '%d/%m/%Y'") from None


def _pattern(pattern: str | None) -> str | None:
    if pattern is not None and pattern.count("{symbol}") != 1:
        raise RequestError("symbol_pattern", f"{pattern!r} does not say where the symbol is; write 'prices_{{symbol}}'")
    return pattern


@dataclass(slots=True)
class _Tally:
    """What became of the rows, by number of the source file."""

    counts: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in _TALLIED})

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """Count rows by their file."""
        for file, count in rows.group_by(FILE).len().iter_rows():
            self.counts[name][file] += count

    def total(self) -> Counts:
        """Sum up."""
        return Counts(**{name: counter.total() for name, counter in self.counts.items()})


class _Run:
    """One ingest at work: what it has read and written so far."""

    def __init__(self, draft: Draft, reading: Reading, tell: Progress) -> None:
        self._draft = draft
        self._reading = reading
        self._timeframe = reading.moments.timeframe
        self._tell = tell
        self._sources: list[Source] = []
        self._staged = Staged()
        self._tally = _Tally()
        self._symbols: set[str] = set()
        self._ends: list[dt.date] = []
        self._told: tuple[str, ...] = ()
        self._adjusts = False
        self._suspicions: Suspicions | None = None
        self._new_quarantine = pl.DataFrame(schema=dict.fromkeys(("symbol", *_INSIDE), pl.String))

    # ── reading ───────────────────────────────────────────────────────────────

    def read(self, source: Any) -> None:
        """Find the sources, look at their columns, and stage their rows."""
        self._tell("finding files", 0, 0)
        files = _files_of(source, self._draft.work / "files", without=self._draft.root)
        self._duck = Workbench([file.path for file in files], self._draft.work)
        files, heads = self._looked_into(files)
        if self._reading.mapping and (known := [head.names for head in heads if head.names]):
            check_mapping(self._reading.mapping, known)
        self._sources = [
            make_source(number, *each, self._reading) for number, each in enumerate(zip(files, heads, strict=True))
        ]
        total = len(files)
        self._staged = stage(
            self._sources,
            self._duck,
            self._draft.work,
            self._reading,
            lambda done: self._tell("reading files", done, total),
        )
        if not self._staged.paths:
            raise DataError(self._why_nothing())

    def _looked_into(self, files: Sequence[SourceFile]) -> tuple[list[SourceFile], list[Head]]:
        """Look at the files' heads; tables with tickers in their header become tables of rows first."""
        heads = heads_of(files, self._duck)
        work = self._draft.work / "files"
        plain = [
            unfold_levels(file, head.delimiter, work) if head.levels else file
            for file, head in zip(files, heads, strict=True)
        ]
        again = heads_of(plain, self._duck) if any(head.levels for head in heads) else heads
        return plain, again

    def _why_nothing(self) -> str:
        name, problem = next((source.file.name, problem) for source, problem in self._problems())
        more = f" (and {len(self._sources) - 1:,} more that cannot be used)" if len(self._sources) > 1 else ""
        return f"{name}: {problem}{more}"

    def _problems(self) -> Iterator[tuple[Source, str]]:
        for source in self._sources:
            problem = source.problem or self._staged.problems.get(source.number)
            if problem is not None:
                yield source, problem

    # ── writing ───────────────────────────────────────────────────────────────

    def write(self, *, adjust: bool, halts: Halts) -> None:
        """Judge the staged rows, group by group of symbols, and write what is new."""
        self._adjusts = adjust
        rules = Rules(timeframe=self._timeframe, halts=halts, adjust=adjust, lacking=self._lacking(adjust=adjust))
        stored = Stored(self._draft, self._timeframe)
        for lines in self._staged.broken_lines:
            self._set_aside(lines)
        sizes = self._sizes()
        if not self._draft.base.of("bars", self._timeframe) and not self._draft.base.of("halts", self._timeframe):
            self._suspicions = Suspicions(self._timeframe, rows=sum(sizes.values()), markets=self._markets())
        done = 0
        for symbols in [[], *split(sizes)]:
            rows = self._rows_of(symbols)
            judged = judge(rows, rules, stored.closes_before(_firsts(rows)) if halts == "flat" else None)
            self._keep(judged, stored)
            done += len(symbols)
            self._tell("writing symbols", done, len(sizes))
        stored.rewrite()

    def _lacking(self, *, adjust: bool) -> dict[str, list[int]]:
        """Name for each price the sources that have no such column."""
        usable = [source for source in self._sources if source.problem is None]
        there = [name for name in PRICES if any(name in source.layout.columns for source in usable)]
        if adjust and not all("adj_close" in source.layout.columns for source in usable):
            name = next(source.file.name for source in usable if "adj_close" not in source.layout.columns)
            raise RequestError(
                "adjust", f"{name} has no column of adjusted closes, such as 'Adj Close'; leave adjust out"
            )
        return {name: [each.number for each in usable if name not in each.layout.columns] for name in there}

    def _sizes(self) -> dict[str, int]:
        """Count each symbol's rows; rows that lie scattered over a large source are brought together first."""
        found = self._duck.frame(_SIZES, {"paths": [str(path) for path in self._staged.paths]})
        sizes = found.group_by("symbol").agg(pl.col("rows").sum())
        scattered = found.filter(~pl.col("together"))["rows"].sum()
        if scattered > _SCATTERED:
            self._tell("sorting rows", 0, 0)
            together = self._draft.work / "together.parquet"
            paths = {"paths": [str(path) for path in self._staged.paths]}
            self._duck.run(f"COPY ({_STAGED} ORDER BY symbol, timestamp) TO {literal(together)} {STAGED_AS}", paths)
            for path in self._staged.paths:
                path.unlink()
            self._staged.paths = [together]
        return dict(sizes.filter(pl.col("symbol").is_not_null()).iter_rows())

    def _rows_of(self, symbols: Sequence[str]) -> pl.DataFrame:
        """Read the staged rows of a group of symbols; of none: the rows that have no symbol."""
        paths = [str(path) for path in self._staged.paths]
        if not symbols:
            found = self._duck.frame(f"{_STAGED} WHERE symbol IS NULL", {"paths": paths})
        else:
            ends = {"first": symbols[0], "last": symbols[-1]}
            found = self._duck.frame(f"{_STAGED} WHERE symbol BETWEEN $first AND $last", {"paths": paths, **ends})
        return found.rename(lambda name: name.removeprefix(FURTHER))

    def _keep(self, judged: Judged, stored: Stored) -> None:
        """Write the bars and halts of a group that are new, and count the rest."""
        self._tally.add("duplicates", judged.duplicates)
        self._set_aside(judged.quarantine)
        if self._suspicions is not None:
            prices = [name for name in PRICES if name in judged.rows.columns]
            self._suspicions.add(judged.rows.select(*KEYS, *prices, pl.col(HALT).alias("halt")), judged.quarantine)
        merged = stored.merge(judged.rows)
        self._tally.add("same", merged.same)
        self._tally.add("corrected", merged.corrected)
        self._symbols.update(judged.rows["symbol"].unique())
        self._ends += [end for end in _ends(judged.rows) if end is not None]
        for kind, halt in (("bars", False), ("halts", True)):
            rows = merged.rows.filter(pl.col(HALT) == halt)
            self._tally.add(kind, rows)
            for part in by_shape(rows.drop(FILE, HALT)) if rows.height else ():
                self._draft.add(kind, self._timeframe, part)  # type: ignore[arg-type]
        written = judged.repairs.join(merged.rows.select(KEYS), on=KEYS, how="semi", maintain_order="left")
        self._tally.add("repaired", written)
        if written.height:
            self._draft.add("repairs", self._timeframe, written.drop(FILE))

    def _set_aside(self, rows: pl.DataFrame) -> None:
        """Write rows that cannot be bars, with their file, unless they are there already."""
        if not rows.height:
            return
        rows = self._quarantined(rows)
        before = [self._draft.path(file) for file in self._draft.of("quarantine", self._timeframe)]
        old = pl.concat([rows.clear(), *(pl.read_parquet(path).rename(_INSIDE) for path in before)], how="diagonal")
        known = [name for name in rows.columns if name not in {FILE, "source"}]
        new = rows.join(old, on=known, how="anti", nulls_equal=True, maintain_order="left")
        self._tally.add("quarantined", new)
        self._tally.add("same", rows.join(old.unique(known), on=known, how="semi", nulls_equal=True))
        written = new.drop(FILE).rename({inside: name for name, inside in _INSIDE.items()})
        if new.height:
            self._draft.add("quarantine", self._timeframe, written)
            self._new_quarantine = pl.concat([self._new_quarantine, written], how="diagonal_relaxed")

    def _quarantined(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give rows the shape of the quarantine: all numbers that they have, the reason, the file, and their text."""
        day = pl.Datetime("us") if self._timeframe.intraday else pl.Date
        types = {"symbol": pl.String, "timestamp": day, **dict.fromkeys(PRICES, pl.Float64)}
        further = [name for name, kind in rows.schema.items() if kind == pl.Float64 and name not in types]
        types |= {**dict.fromkeys(further, pl.Float64), REASON: pl.String, "source": pl.String, RAW: pl.String}
        names = {each.number: each.file.name for each in self._sources}
        source = pl.col(FILE).replace_strict(names, return_dtype=pl.String).alias("source")
        absent = [
            pl.lit(None, kind).alias(name) for name, kind in types.items() if name not in (*rows.columns, "source")
        ]
        filled = rows.with_columns(*absent, source)
        return filled.select(FILE, *(pl.col(name).cast(kind) for name, kind in types.items()))

    def write_tables(self, symbols: Any, members: Any) -> None:
        """Write symbols and members anew, if they are given or sources tell of them."""
        newest = max((file.last or "" for file in self._draft.base.of("bars", self._timeframe)), default=None)
        self._told += write_symbols(self._draft, symbols, self._staged.labels, newest)
        self._told += write_members(self._draft, members)

    # ── the end ───────────────────────────────────────────────────────────────

    def finish(self, started: float) -> IngestReport:
        """Commit what is new, tidy up, and report."""
        counts = self._tally.total()
        version, found = None, pl.DataFrame(schema=SCHEMA)
        if self._is_useful():
            compact(self._draft, self._timeframe)
            manifest = self._draft.commit("ingest", timeframe=self._timeframe, sources=self._name(), counts=counts)
            sweep(self._draft.root, manifest)
            version = manifest.name
            self._tell("looking for what is wrong", 0, 0)
            found = self._suspicious(manifest)
        files = self._files()
        if self._sources:
            self._duck.close()
        ends = [str(end) for end in self._ends]
        return IngestReport(
            store=self._draft.root,
            timeframe=self._timeframe,
            version=version,
            counts=counts,
            files=files,
            quarantine=self._new_quarantine,
            symbols=len(self._symbols),
            first=min(ends, default=None),
            last=max(ends, default=None),
            notes=tuple(self._notes()),
            suspicious=found,
            seconds=perf_counter() - started,
        )

    def _is_useful(self) -> bool:
        """Whether there is more than rows that cannot be bars: of those alone no version is made."""
        there, before = (
            [file for file in files if file.kind not in {"quarantine", "repairs"}]
            for files in (self._draft.files, self._draft.base.files)
        )
        return there != before

    def _name(self) -> str:
        """What the history of versions calls the sources."""
        more = f" and {len(self._sources) - 1:,} more" if len(self._sources) > 1 else ""
        return f"{self._sources[0].file.name}{more}" if self._sources else "symbols"

    def _suspicious(self, manifest: Manifest) -> pl.DataFrame:
        """What looks wrong: in all bars of a new timeframe; later, from the first bar that came."""
        if self._suspicions is not None:
            return self._suspicions.found()
        if not self._ends:
            return pl.DataFrame(schema=SCHEMA)
        since = min(self._ends)
        return suspicious(self._draft.root, manifest, self._timeframe, markets=self._markets(), since=since)

    def _markets(self) -> Mapping[str, str]:
        files = self._draft.of("symbols")
        return markets_of(pl.read_parquet(self._draft.path(files[0])) if files else None)

    def _files(self) -> pl.DataFrame:
        problems = {source.number: problem for source, problem in self._problems()}
        rows = [
            (
                source.file.name,
                *(self._tally.counts[name][source.number] for name in FILE_COUNTS),
                self._unread(source) if source.number in problems else 0,
                source.number in problems,
                problems.get(source.number) or source.file.note,
            )
            for source in self._sources
        ]
        schema = {"file": pl.String, **dict.fromkeys((*FILE_COUNTS, "unread"), pl.Int64), "unusable": pl.Boolean,
                  "note": pl.String}  # fmt: skip
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        return frame.select("file", pl.sum_horizontal(FILE_COUNTS).alias("rows"), pl.exclude("file"))

    def _unread(self, source: Source) -> int:
        """Count the rows of a file that could not be used, as far as it can be read."""
        if not source.head.columns:
            return 0
        if source.file.kind == "text":
            with source.file.path.open("rb") as lines:
                return max(sum(bool(line.strip()) for line in lines) - 1, 0)
        try:
            return int(self._duck.frame(_COUNT, {"paths": [str(source.file.path)]}).item())
        except duckdb.Error:
            return 0

    def _hints(self) -> Iterator[str]:
        """What could be meant where many rows cannot be used, and whose rows a file's are."""
        named = next((each for each in self._sources if each.symbol and each.symbol != each.file.stem), None)
        if named is not None:
            yield f"symbols are taken from the names of files: {named.file.stem} is {named.symbol}"
        reasons = self._new_quarantine.group_by("reason").agg(pl.len(), pl.col("text").first())
        for reason, count, text in reasons.iter_rows():
            if reason == UNREADABLE_MOMENT:
                cure = "say how they are written: --date-format '%d/%m/%Y'"
                yield f"timestamps that cannot be read: {count:,}, such as {text!r}; {cure}"
            elif str(reason).endswith(OTHER_VALUES) and count > self._tally.total().read / 2:
                yield (
                    "most rows share their timestamp with others; are these shorter bars (--timeframe 1m), or several "
                    "symbols without a column of symbols?"
                )

    def _odd_symbols(self) -> Iterator[str]:
        """Symbols that are perhaps none: names of files, and codes that a spreadsheet took the zeros from."""
        names = sorted({each.symbol for each in self._sources if each.symbol and not looks_like_code(each.symbol)})
        if names and (taken := [name for name in names if name in self._symbols]):
            more = f" and {len(taken) - 1:,} more" if len(taken) > 1 else ""
            yield (
                f"files without a column of symbols are called by their names: {taken[0]!r}{more}; where the name has "
                "more than the symbol, say where it is: --symbol-pattern 'prices_{symbol}'"
            )
        short = {each for each in self._symbols if each.isdecimal() and len(each) < _KRX_DIGITS}
        known = self._known_symbols() if short else set()
        lost = sorted(each for each in short if each.zfill(_KRX_DIGITS) in known)
        if lost:
            whole = ", ".join(each.zfill(_KRX_DIGITS) for each in lost[:_SHOWN])
            yield (
                f"symbols that lost their zeros? {', '.join(lost[:_SHOWN])} came beside {whole} "
                f"({len(lost):,}); a spreadsheet takes them away: write them as text"
            )

    def _known_symbols(self) -> set[str]:
        """The symbols of this ingest and of the store."""
        paths = [str(self._draft.path(file)) for file in self._draft.base.of("bars", self._timeframe)]
        found = set(self._symbols)
        if paths:
            distinct = pl.scan_parquet(paths, missing_columns="insert", extra_columns="ignore").select("symbol")
            found |= set(distinct.unique().collect()["symbol"])
        return found

    def _notes(self) -> Iterator[str]:
        """What a user should know of how the sources were read."""
        yield from self._told
        yield from self._odd_symbols()
        if not self._adjusts and any(
            "raw_close" in file.columns for file in self._draft.base.of("bars", self._timeframe)
        ):
            yield "the store's closes are adjusted (it keeps raw_close), and these were taken without adjust"
        yield from self._hints()
        if self._staged.lost:
            values = ", ".join(f"{name} {count:,}" for name, count in self._staged.lost.items())
            yield f"values that are no numbers, left unknown: {values}"
        left_out = Counter(
            name for source in self._sources for name in source.layout.left_out if source.problem is None
        )
        if left_out:
            yield f"columns left out, which are no numbers: {', '.join(left_out)}"


def _firsts(rows: pl.DataFrame) -> pl.DataFrame:
    """The first timestamp of each symbol that has one."""
    return rows.drop_nulls(["symbol", "timestamp"]).group_by("symbol").agg(pl.col("timestamp").min())


def _ends(rows: pl.DataFrame) -> tuple[Any, Any]:
    """The first and the last timestamp."""
    return rows["timestamp"].min(), rows["timestamp"].max()


def _files_of(source: Any, work: Path, *, without: Path) -> list[SourceFile]:
    """Take paths as they are, and frames as files of their own."""
    given = list(source) if isinstance(source, list | tuple) else [source]
    if not given:
        raise RequestError("source", "the list of sources is empty")
    paths = [each for each in given if isinstance(each, str | Path)]
    frames = [each for each in given if not isinstance(each, str | Path)]
    files = find_sources(paths, work, without=without) if paths else []
    return files + save_frames(frames, work)


_COUNT = "SELECT count(*) FROM read_parquet($paths)"
_STAGED = "SELECT * FROM read_parquet($paths, union_by_name = true, hive_partitioning = false)"
_SIZES = """
    SELECT "#file_name", symbol, count(*) AS rows,
           max(file_row_number) - min(file_row_number) + 1 = count(*) AS together
    FROM read_parquet($paths, union_by_name = true, filename = '#file_name', file_row_number = true,
                      hive_partitioning = false)
    GROUP BY 1, 2
"""
