"""The quarantine of a store: rows that cannot be bars, with the reason, their file and their own text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from jtscan.domain.dates import Timeframe
from jtscan.market.files import PRICES
from jtscan.market.intake.staging import FILE, RAW, REASON
from jtscan.market.store.writing import Draft

_INSIDE = {"reason": REASON, "text": RAW}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetAside:
    """Rows for the quarantine: those that are new, and those that it has already."""

    new: pl.DataFrame
    same: pl.DataFrame


class Quarantine:
    """Takes rows that cannot be bars; ``new`` are those of this ingest, with reason and text.

    ``names`` are the names of the source files by their numbers.
    """

    def __init__(self, draft: Draft, timeframe: Timeframe, names: Mapping[int, str]) -> None:
        self._draft = draft
        self._timeframe = timeframe
        self._names = names
        texts = dict.fromkeys((*_INSIDE, "source"), pl.String())
        prices = dict.fromkeys(PRICES, pl.Float64())
        # The columns are there also when nothing is set aside: who selects from a report has them every day.
        self.new = pl.DataFrame(schema={"symbol": pl.String(), "timestamp": self._day, **texts, **prices})

    @property
    def _day(self) -> pl.DataType:
        return pl.Datetime("us") if self._timeframe.intraday else pl.Date()

    def add(self, rows: pl.DataFrame) -> SetAside:
        """Write rows with their file, unless they are there already."""
        rows = self._shaped(rows)
        old = pl.concat([rows.clear(), *self._known()], how="diagonal")
        known = [name for name in rows.columns if name not in {FILE, "source"}]
        new = rows.join(old, on=known, how="anti", nulls_equal=True, maintain_order="left")
        same = rows.join(old.unique(known), on=known, how="semi", nulls_equal=True)
        if new.height:
            written = new.drop(FILE).rename({inside: name for name, inside in _INSIDE.items()})
            self._draft.add("quarantine", self._timeframe, written)
            self.new = pl.concat([self.new, written], how="diagonal_relaxed")
        return SetAside(new=new, same=same)

    def _known(self) -> list[pl.DataFrame]:
        """Read what is there, also that which this ingest has written."""
        files = self._draft.of("quarantine", self._timeframe)
        return [pl.read_parquet(self._draft.path(file)).rename(_INSIDE) for file in files]

    def _shaped(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give rows the shape of the quarantine: all numbers that they have, the reason, the file, and their text."""
        types = {"symbol": pl.String(), "timestamp": self._day, **dict.fromkeys(PRICES, pl.Float64())}
        further = [name for name, kind in rows.schema.items() if kind == pl.Float64 and name not in types]
        types |= {**dict.fromkeys(further, pl.Float64()), **dict.fromkeys((REASON, "source", RAW), pl.String())}
        source = pl.col(FILE).replace_strict(self._names, return_dtype=pl.String).alias("source")
        absent = [
            pl.lit(None, kind).alias(name) for name, kind in types.items() if name not in (*rows.columns, "source")
        ]
        filled = rows.with_columns(*absent, source)
        return filled.select(FILE, *(pl.col(name).cast(kind) for name, kind in types.items()))
