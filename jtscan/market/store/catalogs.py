"""The catalog of a store's bars, kept beside them, so that opening a version needs no pass over its prices.

It is what ``make_catalog`` gives, made when a version is committed; files that
the version before had too are not read again. A store of before has none, and
one that is damaged, or of another jtscan, does not count: then it is made of the prices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.exceptions import PolarsError

from jtscan.domain.dates import Timeframe
from jtscan.errors import DataError
from jtscan.market.catalog import Catalog, make_catalog
from jtscan.market.duck import Duck
from jtscan.market.files import PriceFile
from jtscan.market.store.manifest import Manifest, StoredFile, damaged

if TYPE_CHECKING:
    from jtscan.market.store.writing import Draft

_KEY = "jtscan.catalog 1"
"""Where a file tells the rest; another number once a catalog counts other rows as bars: it is made anew then."""


def keep_catalogs(draft: Draft) -> None:
    """Write the catalogs of the version that is being made, where its bars are others than before."""
    for timeframe in Timeframe:
        paths, old = [draft.path(file) for file in draft.of("bars", timeframe)], draft.of("catalog", timeframe)
        known = _read(draft.root, old)
        if _is_of(known, paths):
            continue
        for file in old:
            draft.drop(file)
        if paths:
            _keep(draft, timeframe, paths, known)


def stored_catalog(duck: Duck, *, root: Path, manifest: Manifest, timeframe: Timeframe) -> Catalog:
    """Return the catalog of a version: the one that it keeps, otherwise one made of the prices.

    Raises
    ------
    DataError
        There is none, and the prices cannot be used.
    """
    paths = [root / file.path for file in manifest.of("bars", timeframe)]
    known = _read(root, manifest.of("catalog", timeframe))
    if known is not None and _is_of(known, paths):
        return known
    return make_catalog(duck, paths, timeframe, {}, known=known)


def _is_of(known: Catalog | None, paths: Sequence[Path]) -> bool:
    return known is not None and [file.path for file in known.files] == list(paths)


def _keep(draft: Draft, timeframe: Timeframe, paths: Sequence[Path], known: Catalog | None) -> None:
    try:
        catalog = make_catalog(Duck(paths), paths, timeframe, {}, known=known)
    except DataError:
        return  # bars that cannot be used are told of where they are scanned
    if catalog.problems or catalog.rowless or catalog.lost:
        return
    rows = catalog.entries.sort("file", "start", "symbol")
    draft.add("catalog", timeframe, rows, metadata={_KEY: json.dumps(_about(draft.root, catalog), ensure_ascii=False)})


def _about(root: Path, catalog: Catalog) -> dict[str, Any]:
    """What a catalog tells beside its entries."""
    files = [[Path(str(file.path)).relative_to(root).as_posix(), dict(file.columns)] for file in catalog.files]
    return {"files": files, "columns": dict(catalog.columns), "notes": catalog.notes}


def _read(root: Path, kept: Sequence[StoredFile]) -> Catalog | None:
    """Read a catalog; None if there is none that is whole."""
    if not kept or damaged(root, kept):
        return None
    try:
        told = pl.read_parquet_metadata(root / kept[0].path).get(_KEY)
        entries = pl.read_parquet(root / kept[0].path, hive_partitioning=False)
    except (PolarsError, OSError):
        return None  # swept meanwhile
    if told is None:
        return None
    about = json.loads(told)
    return Catalog(
        files=[PriceFile(path=root / name, columns=_columns(named)) for name, named in about["files"]],
        columns=about["columns"],
        entries=entries,
        notes=tuple(about["notes"]),
    )


def _columns(named: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    return {ours: (theirs, kind) for ours, (theirs, kind) in named.items()}
