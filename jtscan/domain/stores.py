"""What an ingest did, and what a store holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.domain.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the rows that were read; ``read`` is the sum of the first five.

    ``bars`` and ``halts`` are rows of the store, new or changed; ``same`` were
    in it already; ``duplicates`` came twice with equal values;
    ``quarantined`` cannot be bars. ``corrected`` counts rows of the store
    that were replaced, ``repaired`` the bars whose high or low was widened.
    """

    bars: int = 0
    halts: int = 0
    same: int = 0
    duplicates: int = 0
    quarantined: int = 0
    corrected: int = 0
    repaired: int = 0

    @property
    def read(self) -> int:
        """How many rows were read."""
        return self.bars + self.halts + self.same + self.duplicates + self.quarantined

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: value + asdict(other)[name] for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a store: when and why it was made, and what the ingest that made it counted."""

    number: int
    created: str
    action: str
    timeframe: Timeframe | None = None
    sources: str = ""
    counts: Counts = field(default_factory=Counts)


FILE_COUNTS = ("bars", "halts", "same", "duplicates", "quarantined")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IngestReport:
    """What became of every row and file of an ingest.

    Attributes
    ----------
    store, timeframe
        Where the bars were put, and their length.
    version
        The version that was made, None where nothing was new.
    counts
        What became of the rows.
    files
        One row per file: name, rows, what became of them (they add up to the
        rows), and a note: why it could not be used, or what was done to read it.
    quarantine
        The rows that cannot be bars, with reason and text.
    symbols
        How many symbols were read.
    first, last
        The oldest and the newest bar read, None without any.
    tables
        What a table of symbols and one of members brought, in words.
    notes
        What else is to be known.
    suspicious
        What looks wrong and is kept as it is: symbol, kind, from when to when, what is seen.
    seconds
        How long it took.
    """

    store: Path
    timeframe: Timeframe
    version: str | None
    counts: Counts
    files: pl.DataFrame
    quarantine: pl.DataFrame
    symbols: int
    first: str | None
    last: str | None
    tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suspicious: pl.DataFrame = field(default_factory=pl.DataFrame)
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line: what was read, from where to where, and what is new."""
        made = f"version {self.version}" if self.version else "nothing new: no version was made"
        usable = self.files.filter(~pl.col("unusable")).height
        read = f"{counted(self.counts.read, 'row')} of {counted(usable, 'file')} read into {self.store}"
        return f"{read} in {self.seconds:.1f} s: {made}"

    def __str__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.ingest_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.ingest_html(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QualityReport:
    """What a store holds, what was set aside, and what looks wrong; every frame is whole.

    Timestamps are dates, and datetimes in a store that has intraday bars too.

    Attributes
    ----------
    store, version
        Which store, and which of its versions.
    totals
        What became of all rows ever read, by timeframe.
    symbols
        One row per timeframe and symbol: bars, halts, quarantined rows, first and last bar.
    suspicious
        Symbol, kind, from when to when, how many bars, and what is seen; those rows are kept as they are.
    halts, quarantine, repairs
        Days without trade, rows that cannot be bars, bars whose high or low was widened.
    balance
        One row per timeframe: what was read and what is there; ``missing`` is
        0, or the store has lost rows.
    """

    store: Path
    version: str
    totals: Mapping[Timeframe, Counts]
    symbols: pl.DataFrame
    suspicious: pl.DataFrame
    halts: pl.DataFrame
    quarantine: pl.DataFrame
    repairs: pl.DataFrame
    balance: pl.DataFrame

    def __str__(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.quality_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.quality_html(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifyReport:
    """Whether a store's files are what was written.

    Attributes
    ----------
    store, version
        Which store, and which of its versions.
    files, size
        How many files were compared, and their bytes.
    problems
        One row per file that is not what was written.
    """

    store: Path
    version: str
    files: int
    size: int
    problems: pl.DataFrame

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.problems.is_empty()

    def __str__(self) -> str:
        head = f"{self.store} {self.version}: {counted(self.files, 'file')}, {self.size:,} bytes"
        if self.whole:
            return f"{head}: whole, every SHA-256 sum fits"
        lines = [
            f"  {file}: {problem}{'' if newest else ' (of an older version)'}"
            for file, newest, problem in self.problems.iter_rows()
        ]
        return "\n".join([f"{head}: DAMAGED, {len(lines):,}", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - values show themselves by one call into the renderer

        return render.verify_html(self)
