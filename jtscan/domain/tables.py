"""What can be written to a file: one set of methods for every value that has a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pandas as pd


class Exports:
    """Writes a value's table to Parquet, CSV and Excel, and hands it to pandas.

    A file that is there already is replaced, as a whole and at once; ``~`` is
    the home folder; the folder must exist.
    """

    __slots__ = ()

    @property
    def _table(self) -> pl.DataFrame:
        raise NotImplementedError

    @property
    def _sheets(self) -> Mapping[str, pl.DataFrame]:
        raise NotImplementedError

    @property
    def _about(self) -> Mapping[str, str]:
        """What the table is about, in words."""
        return {}

    def to_parquet(self, path: str | Path) -> Path:
        """Write the table to a Parquet file, with its types; return where.

        What it is about (formula, universe, range, version of the data) is in
        the file's metadata: ``pl.read_parquet_metadata(path)["jtscan"]``, JSON.

        Parameters
        ----------
        path
            The file; one that is there already is replaced.

        Raises
        ------
        RequestError
            There is no such folder, or the name is one of another kind of file.
        DataError
            The file cannot be written.
        """
        from jtscan import export  # noqa: PLC0415 - export knows frames, and is needed only here

        return export.write_parquet(self._table, path, about=self._about)

    def to_csv(self, path: str | Path, *, bom: bool = True) -> Path:
        """Write the table to a CSV file in UTF-8, null as nothing; return where.

        Excel takes the symbol 005930 in a CSV file for the number 5930, and a
        text that begins with = for a formula: ``to_excel`` keeps both as text.

        Parameters
        ----------
        path
            The file; one that is there already is replaced.
        bom
            Begin with the byte order mark, without which Excel shows Hangul
            as noise; Polars, pandas and jtscan read the file either way.

        Raises
        ------
        RequestError
            There is no such folder, or the name is one of another kind of file.
        DataError
            The file cannot be written.
        """
        from jtscan import export  # noqa: PLC0415 - export knows the values, not the other way round

        return export.write_csv(self._table, path, bom=bom)

    def to_excel(self, path: str | Path) -> Path:
        """Write a workbook; return where.

        Texts stay texts (005930, and also what begins with =), dates are
        dates, null is an empty cell. Needs the extra ``excel``.

        Parameters
        ----------
        path
            The file, its name ending with .xlsx; one that is there already is
            replaced.

        Raises
        ------
        RequestError
            There is no such folder, or there are more than 1,048,575 rows.
        DataError
            The file cannot be written, perhaps because Excel has it open.
        MissingExtraError
            The extra ``excel`` is not installed.
        """
        from jtscan import export  # noqa: PLC0415 - export knows the values, not the other way round

        return export.write_excel(self._sheets, path)

    def to_pandas(self) -> pd.DataFrame:
        """Make a pandas frame of the table: text for symbols, datetime64 for dates, NaN for null numbers.

        Raises
        ------
        MissingExtraError
            The extra ``pandas`` is not installed.
        """
        from jtscan import export  # noqa: PLC0415 - export knows the values, not the other way round

        return export.to_pandas(self._table)
