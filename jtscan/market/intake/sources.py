"""The sources of an ingest: found, looked into, and their rows staged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from jtscan.errors import DataError, RequestError
from jtscan.market.duck import Workbench
from jtscan.market.files import PRICES
from jtscan.market.intake.columns import check_mapping
from jtscan.market.intake.finding import SourceFile, find_sources
from jtscan.market.intake.frames import save_frames, unfold_levels
from jtscan.market.intake.heads import Head, heads_of
from jtscan.market.intake.staging import Reading, Source, Staged, make_source, stage
from jtscan.market.store.writing import Draft
from jtscan.progress import PhaseCallback


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sources:
    """The sources of an ingest, their staged rows, and by number why some cannot be used, with how many rows."""

    all: Sequence[Source] = ()
    staged: Staged = field(default_factory=Staged)
    problems: Mapping[int, str] = field(default_factory=dict)
    unread: Mapping[int, int] = field(default_factory=dict)

    @property
    def names(self) -> dict[int, str]:
        """What the user calls each."""
        return {each.number: each.file.name for each in self.all}

    @property
    def title(self) -> str:
        """What the history of versions calls them."""
        more = f" and {len(self.all) - 1:,} more" if len(self.all) > 1 else ""
        return f"{self.all[0].file.name}{more}" if self.all else "symbols"

    def lacking(self, *, adjust: bool) -> dict[str, list[int]]:
        """Name for each price the sources that have no such column."""
        usable = [source for source in self.all if source.problem is None]
        there = [name for name in PRICES if any(name in source.layout.columns for source in usable)]
        if adjust and not all("adj_close" in source.layout.columns for source in usable):
            name = next(source.file.name for source in usable if "adj_close" not in source.layout.columns)
            raise RequestError(
                "adjust", f"{name} has no column of adjusted closes, such as 'Adj Close'; leave adjust out"
            )
        return {name: [each.number for each in usable if name not in each.layout.columns] for name in there}


def find(source: Any, draft: Draft, tell: PhaseCallback) -> list[SourceFile]:
    """Take paths as they are, and frames as files of their own."""
    tell("finding files", 0, 0)
    work = draft.work / "files"
    given = list(source) if isinstance(source, list | tuple) else [source]
    if not given:
        raise RequestError("source", "the list of sources is empty")
    paths = [each for each in given if isinstance(each, str | Path)]
    frames = [each for each in given if not isinstance(each, str | Path)]
    files = find_sources(paths, work, without=draft.root) if paths else []
    return files + save_frames(frames, work)


def look(files: Sequence[SourceFile], duck: Workbench, work: Path, reading: Reading) -> list[Source]:
    """Say what each file is; tables with tickers in their header become tables of rows first."""
    heads = heads_of(files, duck)
    plain = [
        unfold_levels(file, head.delimiter, work) if head.levels else file
        for file, head in zip(files, heads, strict=True)
    ]
    again = heads_of(plain, duck) if any(head.levels for head in heads) else heads
    _check_mapping(reading, again)
    return [make_source(number, *each, reading) for number, each in enumerate(zip(plain, again, strict=True))]


def _check_mapping(reading: Reading, heads: Sequence[Head]) -> None:
    known = [head.names for head in heads if head.names]
    if reading.mapping and known:
        check_mapping(reading.mapping, known)


def read(found: Sequence[Source], duck: Workbench, work: Path, reading: Reading, tell: PhaseCallback) -> Sources:
    """Stage the rows of the sources.

    Raises
    ------
    DataError
        None of them can be used; says what is wrong with the first.
    """
    staged = stage(found, duck, work, reading, lambda done: tell("reading files", done, len(found)))
    problems = dict(_problems(found, staged))
    if not staged.paths:
        raise DataError(_why_nothing(found, problems))
    unread = {each.number: _rows_in(each, duck) for each in found if each.number in problems}
    return Sources(all=found, staged=staged, problems=problems, unread=unread)


def _problems(sources: Sequence[Source], staged: Staged) -> Iterator[tuple[int, str]]:
    for source in sources:
        problem = source.problem or staged.problems.get(source.number)
        if problem is not None:
            yield source.number, problem


def _why_nothing(sources: Sequence[Source], problems: Mapping[int, str]) -> str:
    first = next(source for source in sources if source.number in problems)
    more = f" (and {len(sources) - 1:,} more that cannot be used)" if len(sources) > 1 else ""
    return f"{first.file.name}: {problems[first.number]}{more}"


def _rows_in(source: Source, duck: Workbench) -> int:
    """Count the rows of a file that could not be used, as far as it can be read."""
    if not source.head.columns:
        return 0
    if source.file.kind == "text":
        with source.file.path.open("rb") as lines:
            return max(sum(bool(line.strip()) for line in lines) - 1, 0)
    try:
        return int(duck.frame(_COUNT, {"paths": [str(source.file.path)]}).item())
    except duckdb.Error:
        return 0


_COUNT = "SELECT count(*) FROM read_parquet($paths)"
