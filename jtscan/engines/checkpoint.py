"""A file that keeps finished symbols, so that a job goes on where it was.

identity     what tells a job from any other      (here)
Checkpoint   what is kept: looked up, added to      (here)
opened       the file, locked and compared with the job      (here)
Records      lengths and checksums in a file that only grows      (records.py)
packed       results as Arrow, and back to the bit      (packing.py)

A process may be killed at any moment: a record that is half written then is
left out. Symbols that failed are not taken from the file: another try may help.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from jtscan.domain.jobs import ProcessingJob, ProcessingResult, Status
from jtscan.domain.words import first_few
from jtscan.engines.packing import packed, unpacked
from jtscan.engines.places.probe import versions
from jtscan.engines.records import Records
from jtscan.engines.work import Work
from jtscan.errors import RequestError, first_line
from jtscan.formula import Plan, calls_python

logger = logging.getLogger("jtscan")

_IDENTITY, _COMPARED, _RESULTS = b"I", b"C", b"R"
_READ_AT_ONCE = 8
_SHOWN = 60
_NEW = "delete the file to begin anew, or name another one"


# ── which scan it is ──────────────────────────────────────────────────────────


def identity(work: Work) -> dict[str, Any]:
    """Tell what a job asks of which data, as values that JSON keeps; equal ones give equal results."""
    job, plan = work.job, work.plan
    return {
        "formula": str(job.formula),
        "lookback": getattr(job.formula, "lookback", None),
        "parameters": {**getattr(job.formula, "parameters", {}), **job.parameters},
        "expressions and functions of your own": _sum(_own(work)) if plan.unseen else None,
        "symbols": list(job.symbols),
        "compared symbols": None if job.universe is None or not plan.compares else list(job.universe),
        "range": str(job.date_range),
        "timeframe": str(job.timeframe),
        "warm-up": job.warmup,
        "first bars only": job.first,
        "strict universe": job.strict_universe,
        "names, markets and sectors": _sum([_labels(job, plan)]),
        "members of the index": _sum([_frame(job.members)]),
        "compared members": _sum([_frame(job.universe_members)]) if plan.compares else None,
        "data version": work.snapshot.version,
        **versions(),
    }


def _sum(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _labels(job: ProcessingJob, plan: Plan) -> bytes:
    """What the formula reads of the table of symbols."""
    read = {name for each in plan.passes for name in each.texts}
    columns = [] if job.labels is None else [name for name in job.labels.columns if name in read]
    return _frame(job.labels.select("symbol", *columns).sort("symbol")) if job.labels is not None and columns else b""


def _frame(frame: pl.DataFrame | None) -> bytes:
    if frame is None:
        return b""
    written = BytesIO()
    frame.write_ipc_stream(written)
    return written.getvalue()


def _own(work: Work) -> list[bytes]:
    """What is the user's own in a plan: expressions, and where they call Python the modules that it may be in."""
    expressions = _expressions(work.plan)
    return [*expressions, *(_modules() if any(map(calls_python, expressions)) else ())]


def _modules() -> list[bytes]:
    """The modules of this process that are not installed: a function of theirs is pickled by its name alone."""
    installed = tuple({str(Path(folder).resolve()) for folder in sysconfig.get_paths().values()})
    here = {Path(file).resolve() for each in list(sys.modules.values()) if (file := getattr(each, "__file__", None))}
    ours = Path(__file__).resolve().parents[1]
    return [
        file.read_bytes()
        for file in sorted(here)
        if file.suffix == ".py" and file.is_file() and ours not in file.parents and not str(file).startswith(installed)
    ]


def _expressions(value: object) -> list[bytes]:
    """Every Polars expression in a plan, as Polars writes it."""
    if isinstance(value, pl.Expr):
        return [_written(value)]
    if is_dataclass(value):
        return [each for its in fields(value) for each in _expressions(getattr(value, its.name))]
    if isinstance(value, tuple | list):
        return [each for one in value for each in _expressions(one)]
    return []


def _written(expression: pl.Expr) -> bytes:
    try:
        return expression.meta.serialize()
    except Exception as error:
        why = f"an expression, or a function of your own, cannot be recognised again: {first_line(error)}"
        raise RequestError("checkpoint", why) from error


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Name what is not the same in two scans."""
    names = dict.fromkeys([*here, *there])
    return [_difference(name, there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)]


def _difference(name: str, there: Any, here: Any) -> str:
    if isinstance(there, list) and isinstance(here, list):
        return f"{name}: {len(there):,} there, {len(here):,} here{_lost(there, here)}"
    if name in _SUMMED:
        return f"{name}: they were changed"
    start = _first_other(there, here) if isinstance(there, str) and isinstance(here, str) else 0
    return f"{name}: {_cut(there, start)} there, {_cut(here, start)} here"


_SUMMED = frozenset(
    {
        "expressions and functions of your own",
        "names, markets and sectors",
        "members of the index",
        "compared members",
    }
)


def _lost(there: Sequence[str], here: Sequence[str]) -> str:
    only = [("only there", set(there) - set(here)), ("only here", set(here) - set(there))]
    said = [f"{where}: {first_few(sorted(names))}" for where, names in only if names]
    return f" ({'; '.join(said)})" if said else " (in another order)"


def _first_other(one: str, other: str) -> int:
    """Count the letters with which both begin."""
    places = (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(places, min(len(one), len(other)))


def _cut(value: Any, start: int) -> str:
    """Show a value; of a long text the part where it is another."""
    if not isinstance(value, str) or len(value) <= _SHOWN:
        return repr(value)
    begin = max(start - _SHOWN // 3, 0)
    part = value[begin : begin + _SHOWN]
    return f"{'…' if begin else ''}{part!r}{'…' if begin + _SHOWN < len(value) else ''}"


# ── what is kept ──────────────────────────────────────────────────────────────


class Checkpoint:
    """What is kept of a job, in its records; failed symbols are not found again."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._identity: Mapping[str, Any] = {}
        self._compared: Mapping[str, Any] | None = None
        self._places: dict[str, int] = {}
        self._broken = False
        self._read = lru_cache(_READ_AT_ONCE)(lambda place: unpacked(records.content(place)))

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, symbol: str) -> ProcessingResult:
        """What became of a symbol."""
        return self._read(self._places[symbol])[symbol]

    @property
    def warnings(self) -> Sequence[str]:
        """What the comparison of symbols had to tell."""
        return [] if self._compared is None else self._compared["warnings"]

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Read what there is of the scan; write which one it is where the file is new.

        Raises
        ------
        RequestError
            The file is of another scan, damaged, or cannot be read.
        """
        found = self._found()
        self._identity = json.loads(json.dumps(identity))
        if found is None:
            self._append(_IDENTITY, _json(self._identity))
        elif found != self._identity:
            others = "; ".join(_differences(found, self._identity))
            raise RequestError("checkpoint", f"{self._records.path} is of another scan: {others}; {_NEW}")

    def keep(self, results: Sequence[ProcessingResult]) -> None:
        """Add results."""
        if results:
            place = self._append(_RESULTS, packed(results))
            self._place(place, results)

    def compare(self, failed: Sequence[str], missing: str | None, warnings: Sequence[str]) -> None:
        """Keep what was compared; if it was something else before, what was kept is worth nothing."""
        compared = {"failed": sorted(failed), "missing": missing, "warnings": list(warnings)}
        if self._compared == compared:
            return
        if self._compared is not None:
            logger.warning("checkpoint %s: other symbols can be compared now; the scan begins anew", self._records.path)
            self._forget()
        self._compared = compared
        self._append(_COMPARED, _json(compared))

    def _found(self) -> Mapping[str, Any] | None:
        identity: Mapping[str, Any] | None = None
        for place, kind, content in self._records.read():
            if kind == _IDENTITY:
                identity = json.loads(content)
            elif kind == _COMPARED:
                self._compared = json.loads(content)
            else:
                self._place(place, unpacked(content).values())
        if self._records.lost:
            said = "checkpoint %s: the last %d bytes were half written, and are left out"
            logger.warning(said, self._records.path, self._records.lost)
        return identity

    def _place(self, place: int, results: Iterable[ProcessingResult]) -> None:
        for result in results:
            if result.status is Status.FAILED:
                self._places.pop(result.symbol, None)
            elif not self._broken:
                self._places[result.symbol] = place

    def _append(self, kind: bytes, content: bytes) -> int:
        """Add a record; behind one that could not be written whole nothing more is added."""
        if self._broken:
            return 0
        try:
            return self._records.append(kind, content)
        except OSError as error:
            self._broken = True
            said = "checkpoint %s cannot be written any more: %s; the scan goes on without it"
            logger.warning(said, self._records.path, error.strerror)
            return 0

    def _forget(self) -> None:
        self._records.clear()
        self._places.clear()
        self._read.cache_clear()
        self._append(_IDENTITY, _json(self._identity))


@contextmanager
def opened(work: Work) -> Iterator[Checkpoint | None]:
    """Open the checkpoint of a job, for this scan alone; None if it has none.

    Raises
    ------
    RequestError
        The file is of another scan, in use, damaged, none of ours, or cannot be written.
    """
    path = work.job.checkpoint
    if path is None:
        yield None
        return
    with _locked(path), closing(Records(path)) as records:
        checkpoint = Checkpoint(records)
        checkpoint.begin(identity(work))
        kept = sum(symbol in checkpoint for symbol in work.job.symbols)
        logger.info("checkpoint %s: %d of %d symbols are done already", path, kept, len(work.job.symbols))
        yield checkpoint


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other scans away from the file."""
    if not path.parent.is_dir():
        raise RequestError("checkpoint", f"{path}: there is no folder {path.parent}; make it first")
    # A batch may be ended in another thread than it was begun in.
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise RequestError("checkpoint", f"{path} is in use by another scan; name another file") from None
    except OSError as error:
        raise RequestError("checkpoint", f"{path} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # where an open file cannot be deleted it stays, and does no harm
            Path(lock.lock_file).unlink()
        lock.release()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
