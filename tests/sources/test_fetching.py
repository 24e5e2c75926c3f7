"""The run as a whole, over a market in memory and a store of one Parquet file."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import polars as pl
import pytest

from jtscan.errors import RequestError, SourceError
from jtscan.sources import depot
from jtscan.sources.base import Fetched, check_market
from jtscan.sources.fetching import REFUSED_AFTER, fetch
from jtscan.sources.spool import Spool

DAYS = [day.date() for day in pd.bdate_range("2024-01-02", periods=30)]
SINCE = DAYS[0]


class Market:
    """A source in memory: closes by symbol and day; ``asked`` is what it was asked."""

    name = "fdr"
    markets = ("KOSPI",)
    calls_per_second = 1000.0
    volume = 10.0

    def __init__(self, *symbols, days=20):
        self.closes = {symbol: {day: 100.0 + n for n, day in enumerate(DAYS[:days])} for symbol in symbols}
        self.adjusted = {}
        self.gone = {}
        self.relisted = {}
        self.failing = set()
        self.interrupt_at = None
        self.asked = []

    def identify(self, symbol, market):
        return symbol, market

    def symbols(self, market):
        check_market(self, market)
        rows = [(symbol, f"name of {symbol}", market) for symbol in self.closes if symbol not in self.gone]
        return pl.DataFrame(rows, schema=["symbol", "name", "market"], orient="row")

    def delisted(self, market, since):
        gone = self.gone | self.relisted
        rows = [(symbol, "gone", market, day) for symbol, day in gone.items() if day >= since]
        schema = {"symbol": pl.String, "name": pl.String, "market": pl.String, "delisted": pl.Date}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def bars(self, wanted):
        self.asked.append((wanted.symbol, wanted.since))
        if wanted.symbol == self.interrupt_at:
            raise KeyboardInterrupt
        if wanted.symbol in self.failing:
            raise SourceError("403 Forbidden")
        closes = self.closes.get(wanted.symbol, {})
        rows = [
            # 0 is a halt, as the exchange writes it
            (day, *([close] * 3 if close > 0 else [0.0] * 3), abs(close), self.volume if close > 0 else 0.0)
            for day, close in closes.items()
            if wanted.since <= day <= wanted.until
        ]
        frame = pl.DataFrame(rows, schema=["timestamp", "open", "high", "low", "close", "volume"], orient="row")
        factor = self.adjusted.get(wanted.symbol)
        made = frame if factor is None else frame.with_columns((pl.col("close") * factor).alias("adj_close"))
        return Fetched(frame=made, reason="" if rows else "no rows in these days")

    def trade(self, count=1, symbols=None):
        """Let days pass."""
        for closes in (self.closes[symbol] for symbol in symbols or self.closes):
            for _ in range(count):
                closes[DAYS[len(closes)]] = 100.0 + len(closes)


@pytest.fixture
def run(tmp_path, store, patience):
    def call(source, **options):
        asked = {"since": SINCE, "until": DAYS[-1], "market": "KOSPI", **options}
        if options.get("symbols"):
            asked["market"] = None
        return fetch(source, tmp_path, ingest=store.ingest, patience=patience, **asked)

    return call


def statuses(report):
    return dict(report.outcomes.select("symbol", "status").iter_rows())


def spool(tmp_path):
    return sorted(path.name for path in (tmp_path / "fetch" / "fdr-1d").iterdir())


# ── the first run and those after it ──────────────────────────────────────────


def test_a_first_run_fetches_everything_since_the_day_and_hands_over_the_table(run, store, tmp_path):
    source = Market("005930", "5930", "0004V0")
    report = run(source)
    assert source.asked == [("005930", SINCE), ("5930", SINCE), ("0004V0", SINCE)]
    assert report.outcomes.rows() == [
        (symbol, "fetched", 20, 20, False, None) for symbol in ("005930", "5930", "0004V0")
    ]
    (batch,), (table,) = store.batches, store.tables
    assert batch.schema["symbol"] == pl.String
    assert batch.columns == ["symbol", "timestamp", "open", "high", "low", "close", "volume"]
    assert table.select("symbol", "name", "market").row(0) == ("005930", "name of 005930", "KOSPI")
    assert spool(tmp_path) == ["state.json"]


@pytest.mark.parametrize("count", [20, 24])  # up to 29 January, and 2 February
def test_the_next_run_asks_from_five_sessions_before_the_last_bar(run, store, tmp_path, count):
    source = Market("A", "B", days=count)
    run(source)
    source.trade(2)
    source.asked.clear()
    report = run(source)
    assert source.asked == [("A", DAYS[count - 6]), ("B", DAYS[count - 6])]
    assert report.outcomes.row(0) == ("A", "fetched", 8, 2, False, None)
    assert report.new_rows == 4
    assert store.closes(tmp_path, "A") == {day: 100.0 + n for n, day in enumerate(DAYS[: count + 2])}


def test_a_run_without_news_hands_nothing_over(run, store):
    source = Market("A", "B")
    run(source)
    report = run(source)
    assert statuses(report) == {"A": "unchanged", "B": "unchanged"}
    assert len(store.batches) == 1


def test_a_late_correction_of_the_newest_bar_comes_in(run, store, tmp_path):
    source = Market("A")
    run(source)
    source.closes["A"][DAYS[19]] = 200.0  # it had been fetched before the close
    report = run(source)
    assert report.outcomes.row(0) == ("A", "fetched", 6, 0, False, None)
    assert store.closes(tmp_path, "A")[DAYS[19]] == 200.0


def test_a_correction_of_the_volume_alone_comes_in(run, store):
    source = Market("A")
    run(source)
    source.volume = 11.0
    assert run(source).outcomes.row(0) == ("A", "fetched", 6, 0, False, None)


def test_a_new_symbol_of_a_known_market_comes_with_its_history(run):
    source = Market("A")
    run(source)
    source.closes["NEW"] = dict(source.closes["A"])
    source.asked.clear()
    assert statuses(run(source)) == {"A": "unchanged", "NEW": "fetched"}
    assert source.asked == [("A", DAYS[14]), ("NEW", SINCE)]


def test_an_earlier_day_brings_what_is_before(run, store, tmp_path):
    source = Market("A")
    run(source, since=DAYS[10])
    source.asked.clear()
    report = run(source, since=SINCE)
    assert source.asked == [("A", SINCE)]
    assert report.outcomes.row(0) == ("A", "fetched", 20, 10, False, None)
    assert min(store.closes(tmp_path, "A")) == SINCE
    source.asked.clear()
    run(source, since=DAYS[10])  # a later one again goes on from the end
    assert source.asked == [("A", DAYS[14])]


def test_bars_from_elsewhere_are_fetched_over_whole(run, store, tmp_path):
    source = Market("A")
    bars = source.bars(type("W", (), {"symbol": "A", "since": SINCE, "until": DAYS[9]})).frame
    store.ingest(bars.with_columns(symbol=pl.lit("A")), tmp_path, timeframe="1d")
    source.asked.clear()
    run(source, since=DAYS[5])
    assert source.asked == [("A", SINCE)]


def test_a_halt_is_kept_and_known_the_next_day(run, store):
    source = Market("A")
    source.closes["A"] |= dict.fromkeys(DAYS[20:23], -119.0)
    assert run(source).outcomes.row(0) == ("A", "fetched", 23, 23, False, None)
    assert store.batches[0].filter(pl.col("open") == 0).height == 3
    assert statuses(run(source)) == {"A": "unchanged"}
    source.closes["A"][DAYS[23]] = -119.0
    assert run(source).outcomes.row(0) == ("A", "fetched", 10, 1, False, None)


def test_a_last_day_before_what_the_store_has_asks_nothing(run):
    source = Market("A")
    run(source)
    source.asked.clear()
    report = run(source, until=DAYS[5])
    assert source.asked == []
    assert report.outcomes.row(0) == ("A", "unchanged", 0, 0, False, f"the store goes on to {DAYS[19]}")


# ── adjusted anew ─────────────────────────────────────────────────────────────


def test_a_split_brings_the_whole_history_again(run, store, tmp_path):
    source = Market("A", "B")
    run(source)
    source.closes["A"] = {day: close / 2 for day, close in source.closes["A"].items()}
    source.trade(1)
    source.asked.clear()
    report = run(source)
    assert source.asked == [("A", DAYS[14]), ("A", SINCE), ("B", DAYS[14])]
    assert report.outcomes.row(0) == ("A", "fetched", 21, 1, True, None)
    assert store.closes(tmp_path, "A")[SINCE] == 50.0
    assert "1 adjusted anew" in str(report)


def test_without_a_common_day_nothing_vouches_that_both_fit_so_all_of_it_comes_again(run):
    source = Market("A")
    run(source)
    source.trade(2)
    for day in DAYS[14:20]:
        del source.closes["A"][day]
    assert run(source).outcomes.row(0) == ("A", "fetched", 16, 2, True, None)


def test_an_adjusted_close_that_was_not_fetched_before_is_compared_with_the_close(run):
    source = Market("A", "B")
    source.adjusted["B"] = 1.0  # so that the store has the column, empty for A
    run(source)
    source.adjusted["A"] = 1.0
    assert statuses(run(source)) == {"A": "unchanged", "B": "unchanged"}


def test_noise_of_32_bits_is_no_adjustment(run):
    source = Market("A")
    run(source)
    source.closes["A"] = {day: close * (1 + 1e-7) for day, close in source.closes["A"].items()}
    assert statuses(run(source)) == {"A": "unchanged"}


@pytest.mark.parametrize("keeps", ["both", "adjusted as close"])
def test_a_dividend_is_seen_in_the_adjusted_close_however_the_store_keeps_it(run, store, keeps):
    source = Market("A")
    source.adjusted["A"] = 1.0
    if keeps == "adjusted as close":
        plain = store.ingest
        store.ingest = lambda frame, into, **more: plain(
            frame.with_columns(close="adj_close", raw_close="close").drop("adj_close"), into, **more
        )
    run(source)
    assert statuses(run(source)) == {"A": "unchanged"}
    source.adjusted["A"] = 0.998
    source.trade(1)
    report = run(source)
    assert report.outcomes.row(0) == ("A", "fetched", 21, 1, True, None)


def test_symbols_without_an_adjusted_close_are_compared_by_their_close(run):
    source = Market("A", "B")
    source.adjusted["A"] = 0.9  # so that the store has the column, empty for B
    run(source)
    assert statuses(run(source)) == {"A": "unchanged", "B": "unchanged"}


# ── interruptions ─────────────────────────────────────────────────────────────


def test_ctrl_c_keeps_what_is_fetched_and_the_next_run_goes_on(run, store, tmp_path):
    source = Market("A", "B", "C", "D")
    source.interrupt_at = "C"
    report = run(source)
    assert report.interrupted
    assert statuses(report) == {"A": "fetched", "B": "fetched", "C": "not_asked", "D": "not_asked"}
    assert store.batches[0]["symbol"].unique().sort().to_list() == ["A", "B"]
    source.interrupt_at = None
    source.asked.clear()
    report = run(source)
    assert statuses(report) == {"A": "done_before", "B": "done_before", "C": "fetched", "D": "fetched"}
    assert [symbol for symbol, _ in source.asked] == ["C", "D"]
    source.asked.clear()
    run(source)  # that run ended: the next one asks for all of them
    assert [symbol for symbol, _ in source.asked] == ["A", "B", "C", "D"]


def test_what_a_killed_run_left_goes_to_the_store_first_and_is_not_asked_again(run, store, tmp_path, monkeypatch):
    source = Market("A", "B", "C")
    with monkeypatch.context() as patched:
        patched.setattr(depot.Depot, "finish", lambda self, *, complete: None)  # killed before the first batch was full
        source.interrupt_at = "C"
        run(source)
    assert spool(tmp_path) == ["A.parquet", "B.parquet", "state.json"]
    assert store.batches == []
    source.interrupt_at = None
    source.asked.clear()
    report = run(source)
    assert report.recovered == 2
    assert [symbol for symbol, _ in source.asked] == ["C"]
    assert statuses(report) == {"A": "done_before", "B": "done_before", "C": "fetched"}
    assert len(store.closes(tmp_path, "A")) == 20
    assert spool(tmp_path) == ["state.json"]


def test_what_was_left_on_another_day_is_asked_again_from_there(run, store, monkeypatch):
    source = Market("A")
    with monkeypatch.context() as patched:
        patched.setattr(depot.Depot, "finish", lambda self, *, complete: None)
        run(source, until=DAYS[28])
    source.trade(1)
    source.asked.clear()
    report = run(source)
    assert source.asked == [("A", DAYS[14])]
    assert (report.recovered, report.new_rows) == (1, 1)


def test_an_interrupted_run_is_not_continued_for_an_earlier_day_or_up_to_another(run):
    source = Market("A", "B")
    source.interrupt_at = "B"
    run(source)
    assert statuses(run(source)) == {"A": "done_before", "B": "not_asked"}
    assert statuses(run(source, since=DAYS[0] - dt.timedelta(days=30)))["A"] == "fetched"
    assert statuses(run(source, until=DAYS[28]))["A"] == "unchanged"


def test_a_store_that_fails_leaves_everything_waiting(run, store, tmp_path):
    source = Market("A", "B")
    plain, store.ingest = store.ingest, lambda *_, **__: (_ for _ in ()).throw(OSError("no space left on device"))
    with pytest.raises(OSError, match="no space left"):
        run(source)
    store.ingest = plain
    source.asked.clear()
    report = run(source)
    assert (source.asked, report.recovered) == ([], 2)
    assert len(store.closes(tmp_path, "B")) == 20


def test_full_batches_go_to_the_store_while_the_run_goes_on(run, store, monkeypatch):
    monkeypatch.setattr(depot, "BATCH", 2)
    report = run(Market("A", "B", "C", "D", "E"))
    assert [batch["symbol"].n_unique() for batch in store.batches] == [2, 2, 1]
    assert report.ingested == ("version 1", "version 2", "version 3")


# ── failures ──────────────────────────────────────────────────────────────────


def test_one_failing_symbol_does_not_stop_the_run(run):
    source = Market("A", "BAD", "C")
    source.failing = {"BAD"}
    report = run(source)
    assert statuses(report) == {"A": "fetched", "BAD": "failed", "C": "fetched"}
    assert report.stopped is None
    assert "BAD: 403 Forbidden" in str(report)


def test_a_source_that_refuses_ends_the_run_and_the_next_one_goes_on(run, tmp_path):
    names = [f"S{n:02}" for n in range(REFUSED_AFTER + 5)]
    source = Market(*names)
    source.failing = set(names[2:])
    report = run(source)
    assert report.counts == {"fetched": 2, "unchanged": 0, "no_data": 0, "failed": 10, "done_before": 0, "not_asked": 3}
    assert report.stopped.startswith(
        "fdr refuses: 10 symbols in a row failed, at last with 403 Forbidden; what is fetched"
    )
    source.failing = set()
    assert run(source).counts["done_before"] == 2
    assert set(statuses(run(source)).values()) == {"unchanged"}


def test_failures_that_are_not_in_a_row_do_not_end_it(run):
    names = [f"S{n:02}" for n in range(30)]
    source = Market(*names)
    source.failing = set(names[::2])
    report = run(source)
    assert report.stopped is None
    assert report.counts["failed"] == 15


def test_a_symbol_without_data_is_counted_with_its_reason(run, store):
    report = run(Market("A"), symbols=["A", "GONE"])
    assert report.outcomes.row(1) == ("GONE", "no_data", 0, 0, False, "no rows in these days")
    assert store.tables == [None]  # the names of the store are not overwritten by codes


def test_a_list_that_cannot_be_fetched_ends_the_run_with_its_name(run):
    source = Market("A")
    source.symbols = lambda market: (_ for _ in ()).throw(SourceError("503"))
    with pytest.raises(SourceError, match="fdr: the list of KOSPI cannot be fetched: 503"):
        run(source)


def test_a_bug_is_not_hidden_as_a_failing_symbol(run):
    source = Market("A")
    source.bars = lambda wanted: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(source)


# ── the universe ──────────────────────────────────────────────────────────────


def test_delisted_symbols_come_last_and_once(run, store):
    source = Market("GONE", "A")
    source.gone = {"GONE": DAYS[25]}
    source.relisted = {"A": DAYS[1]}
    assert statuses(run(source)) == {"A": "fetched"}
    report = run(source, delisted=True)
    assert report.outcomes["symbol"].to_list() == ["A", "GONE"]
    assert store.tables[-1].select("symbol", "delisted").rows() == [("A", None), ("GONE", DAYS[25])]
    source.asked.clear()
    report = run(source, delisted=True)
    assert [symbol for symbol, _ in source.asked] == ["A"]
    assert report.outcomes.row(1)[-1] == f"delisted on {DAYS[25]}, and fetched before"


def test_a_list_of_today_is_told_to_know_survivors_only_when_history_comes(run):
    source = Market("A")
    assert "survivors" in str(run(source))
    assert "survivors" not in str(run(source))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"market": None}, "market: name a market .KOSPI"),
        ({"market": "NYSE"}, "market: fdr does not list 'NYSE'; it lists: KOSPI"),
        ({"symbols": []}, "symbols: there are none"),
        ({"symbols": [5930]}, "symbols: 5930 is not text"),
        ({"since": "2015-13-01"}, "since: '2015-13-01' is not a date"),
        ({"since": "2024-02-01", "until": "2024-01-01"}, "since: 2024-02-01 is after the last day, 2024-01-01"),
        ({"symbols": ["A"], "delisted": True}, "delisted: goes with a market"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_names_the_field(tmp_path, store, patience, options, message):
    source = Market("A")
    with pytest.raises(RequestError, match=message):
        fetch(
            source, tmp_path, ingest=store.ingest, patience=patience, **{"since": SINCE, "market": "KOSPI", **options}
        )
    assert source.asked == []


def test_an_unknown_source_names_the_known_ones(tmp_path):
    with pytest.raises(RequestError, match="source: 'google' is not known; there are: fdr, pykrx, yfinance"):
        fetch("google", tmp_path, since=SINCE, market="KOSPI")


def test_the_counts_add_up_and_progress_is_told_for_each(run):
    source, heard = Market("A", "B", "C"), []
    source.failing = {"B"}
    report = run(source, progress=lambda *pair: heard.append(pair))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert sum(report.counts.values()) == report.asked == 3


def test_without_a_last_day_it_is_today_where_the_day_is_oldest(tmp_path, store, patience):
    source = Market("A")
    fetch(source, tmp_path, since=SINCE, market="KOSPI", ingest=store.ingest, patience=patience)
    until = Spool(tmp_path, "fdr", "1d").state().until
    assert until in {dt.datetime.now(dt.UTC).date(), dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)}


def test_the_report_reads_well(run):
    source = Market("A", "B", "C")
    source.failing = {"B"}
    assert str(run(source, symbols=["A", "B", "C", "D"])) == (
        "fdr since 2024-01-02: 4 symbols, 40 rows new\n"
        "        2  fetched: 40 rows\n"
        "        1  without data\n"
        "        1  failed\n"
        "Failed\n"
        "  B: 403 Forbidden"
    )
