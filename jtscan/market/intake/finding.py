"""What a user points at, as files that can be read: folders, globs and archives opened, text turned into UTF-8."""

from __future__ import annotations

import glob
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import IO, Literal

from jtscan.domain.words import counted
from jtscan.errors import DataNotFoundError
from jtscan.market.duck import refuse_names, shown, sought
from jtscan.market.store.manifest import NAME
from jtscan.market.store.reading import is_store
from jtscan.market.store.writing import FULL
from jtscan.market.texts import encoding_of, is_gzipped

_BLOCK = 1 << 20
_TEXTS = frozenset({".csv", ".txt", ".tsv"})
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of bars: what the user calls it, where it can be read, or why it cannot.

    ``path`` is UTF-8 text or Parquet; an unpacked or recoded copy where the
    original is neither. ``note`` is what had to be done; the name of a
    ``nameless`` one, a frame, says nothing of its symbol.
    """

    name: str
    path: Path
    kind: Literal["text", "parquet"] = "text"
    nameless: bool = False
    note: str = ""
    problem: str | None = None

    @property
    def stem(self) -> str:
        """The name without folders and endings: what may hold the symbol."""
        name = PurePosixPath(self.name.replace("\\", "/").rpartition(":")[2]).name
        while (ending := PurePosixPath(name).suffix.lower()) in {".gz", ".parquet", *_TEXTS}:
            name = name[: -len(ending)]
        return name


def find_sources(places: Sequence[str | Path], work: Path, *, without: Path) -> list[SourceFile]:
    """List the files of bars at some places; what has to be unpacked or recoded goes to ``work``.

    A folder is read with its folders, but for stores, above all the one
    ``without``, which is written.

    Raises
    ------
    DataNotFoundError
        One of the places is not there, or no place has a file of bars.
    """
    work.mkdir(parents=True, exist_ok=True)
    found = [
        _readable(each, work, number)
        for number, each in enumerate(_unpacked(dict.fromkeys(_listed(places, without)), work))
    ]
    if not found:
        raise DataNotFoundError(
            f"there are no CSV or Parquet files at {', '.join(map(str, places))} "
            "(read are .csv, .txt, .tsv, .parquet, also with .gz, and .zip and .tar archives of those)"
        )
    return found


def _listed(places: Iterable[str | Path], without: Path) -> Iterator[Path]:
    for place in places:
        path = Path(place).expanduser()
        if path.is_dir():
            stores = [without, *(each.parent for each in path.rglob(NAME) if is_store(each.parent))]
            ours = (each for each in path.rglob("*") if _is_ours(each.name) and each.is_file())
            yield from sorted(each for each in ours if not any(_is_below(each, store) for store in stores))
        elif path.exists():
            yield path
        else:
            there = sorted(Path(each) for each in glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute or not
            if not there:
                raise DataNotFoundError(f"there is nothing at {sought(path)}")
            yield from (each for each in there if each.is_file())


def _is_below(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute())


def _is_ours(name: str) -> bool:
    """Whether a file of a folder may hold bars: hidden files and others are left where they are."""
    plain = name.lower().removesuffix(".gz")
    if name.startswith(".") or "__MACOSX" in name:
        return False
    return _is_archive(name) or PurePosixPath(plain).suffix in {".parquet", *_TEXTS}


def _is_archive(name: str) -> bool:
    return name.lower().endswith((*_TARS, ".zip"))


def _unpacked(paths: Iterable[Path], work: Path) -> Iterator[SourceFile]:
    for number, path in enumerate(paths):
        if _is_archive(path.name):
            yield from _members(path, work / f"archive-{number:06}")
        else:
            yield SourceFile(name=shown(path), path=path)


def _members(archive: Path, work: Path) -> Iterator[SourceFile]:
    """Unpack an archive, member by member; what was whole before a damage is used, and the damage told."""
    count = 0
    work.mkdir()
    try:
        for name, content in _opened(archive):
            if not _is_ours(PurePosixPath(name).name) or "__MACOSX" in name:
                continue
            path = work / f"{count:06}{_ending(name)}"
            with path.open("wb") as copy:
                copyfileobj(content, copy, _BLOCK)
            yield SourceFile(name=f"{archive.name}:{name}", path=path)
            count += 1
    except _DAMAGE as error:
        _refuse_full_disk(error)
        yield SourceFile(
            name=shown(archive), path=archive, problem=f"the archive is damaged after {counted(count, 'file')}: {error}"
        )


def _ending(name: str) -> str:
    return (
        "".join(PurePosixPath(name.lower()).suffixes[-2:])
        if name.lower().endswith(".gz")
        else PurePosixPath(name.lower()).suffix
    )


def _opened(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as files:
            for member in files.infolist():
                if not member.is_dir():
                    with files.open(member) as content:
                        yield member.filename, content
        return
    with tarfile.open(archive, "r|*") as stream:
        for entry in stream:
            content_of = stream.extractfile(entry)
            if entry.isfile() and content_of is not None:
                yield entry.name, content_of


def _readable(file: SourceFile, work: Path, number: int) -> SourceFile:
    """Make a file readable: decompressed, in UTF-8, under a name that DuckDB takes for a name."""
    if file.problem is not None:
        return file
    copy = work / f"{number:06}"
    try:
        with file.path.open("rb") as content:
            head = content.read(4)
        if is_gzipped(head):
            with gzip.open(file.path) as packed, copy.open("wb") as plain:
                copyfileobj(packed, plain, _BLOCK)
            file = replace(file, path=copy)
            with copy.open("rb") as content:
                head = content.read(4)
        if head == b"PAR1":
            return _plainly_named(replace(file, kind="parquet"), work, number)
        if file.path.suffix == ".parquet":
            empty = "the file is empty (0 bytes)" if not head else "not a Parquet file"
            return replace(file, problem=empty)
        return _plainly_named(_in_utf8(file, work / f"{number:06}.utf8"), work, number)
    except _DAMAGE as error:
        _refuse_full_disk(error)
        return replace(file, problem=f"the file is damaged or cannot be read: {error}")


def _refuse_full_disk(error: BaseException) -> None:
    """A disk that is full is no damage of the source."""
    if isinstance(error, OSError) and error.errno in FULL:
        raise error


def _plainly_named(file: SourceFile, work: Path, number: int) -> SourceFile:
    if not refuse_names([file.path]):
        return file
    link = work / f"{number:06}.link"
    link.symlink_to(file.path.absolute())
    return replace(file, path=link)


def _in_utf8(file: SourceFile, copy: Path) -> SourceFile:
    """Recode a text that is not UTF-8, or whose lines end now one way and now another.

    One in no encoding that is known stays, and loses the lines that cannot be
    read.
    """
    encoding = encoding_of(partial(_blocks, file.path))
    if encoding is None or (encoding == "utf-8" and _ends_alike(file.path)):
        return file
    try:
        with file.path.open(encoding=encoding) as text, copy.open("w", encoding="utf-8", newline="") as plain:
            copyfileobj(text, plain, _BLOCK)
    except UnicodeError as error:
        return replace(file, problem=f"it looks like {encoding.upper()}, but cannot be decoded: {error}")
    return replace(file, path=copy, note="" if encoding == "utf-8" else f"read as {encoding.upper()}")


def _ends_alike(path: Path) -> bool:
    """Whether all lines end in the same way; DuckDB refuses others."""
    lines = returns = 0
    for block in _blocks(path):
        lines += block.count(b"\n")
        returns += block.count(b"\r\n")
    return returns in {0, lines}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            yield block
