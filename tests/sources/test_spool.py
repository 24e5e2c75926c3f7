from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from jtscan.errors import DataError
from jtscan.sources.spool import Reach, Spool, Spooled, State

D1, D2, D3 = (dt.date(2024, 1, day) for day in (2, 3, 4))


def spooled(symbol="005930"):
    frame = pl.DataFrame({"symbol": [symbol], "timestamp": [D2], "close": [77000.0]})
    return Spooled(symbol=symbol, reach=Reach(since=D1, newest=D2), until=D3, frame=frame)


@pytest.mark.parametrize("symbol", ["005930", "0004V0", "BRK.B", "BRK/B", "..", "KRX:005930", "^GSPC"])
def test_what_is_put_waits_until_it_is_forgotten_whatever_its_name(tmp_path, symbol):
    spool = Spool(tmp_path, "fdr", "1d")
    spool.put(spooled(symbol))
    (found,) = Spool(tmp_path, "fdr", "1d").waiting()
    assert (found.symbol, found.reach, found.until) == (symbol, Reach(since=D1, newest=D2), D3)
    assert found.frame.equals(spooled(symbol).frame)
    assert [path.parent for path in tmp_path.rglob("*.parquet")] == [tmp_path / "fetch" / "fdr-1d"]
    spool.forget([symbol])
    assert spool.waiting() == []


def test_a_file_cut_short_goes_and_the_others_stay(tmp_path, caplog):
    spool = Spool(tmp_path, "fdr", "1d")
    spool.put(spooled("005930"))
    spool.put(spooled("000660"))
    path = spool.folder / "005930.parquet"
    path.write_bytes(path.read_bytes()[:50])
    assert [each.symbol for each in spool.waiting()] == ["000660"]
    assert not path.exists()
    assert "is fetched again" in caplog.text


def test_half_written_files_do_not_wait(tmp_path):
    spool = Spool(tmp_path, "fdr", "1d")
    spool.put(spooled())
    (spool.folder / "000660.4711").write_bytes(b"PAR1")
    assert [each.symbol for each in spool.waiting()] == ["005930"]


def test_the_state_comes_back(tmp_path):
    spool = Spool(tmp_path, "fdr", "1d")
    assert spool.state() == State()
    state = State(reaches={"005930": Reach(since=D1, newest=D2)}, until=D3, asked={"005930", "999999"})
    spool.save(state)
    assert spool.state() == state
    assert [path.name for path in spool.folder.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"reaches": {}}', '{"reaches": {"A": ["x"]}, "until": null, "asked": []}']
)
def test_a_damaged_state_is_named_with_the_cure(tmp_path, text):
    spool = Spool(tmp_path, "fdr", "1d")
    spool.folder.mkdir(parents=True)
    (spool.folder / "state.json").write_text(text)
    with pytest.raises(DataError, match=r"state\.json: cannot be read .*remove it"):
        spool.state()


def test_the_reach_of_two_runs_is_that_of_both():
    assert Reach(since=D2, newest=D2).extended(Reach(since=D1, newest=D1)) == Reach(since=D1, newest=D2)
    assert Reach(since=D2, newest=D2).extended(None) == Reach(since=D2, newest=D2)
