"""What sources call the columns that tables of prices and tables of symbols share, in small letters.

The likeliest comes first, in the order in which one is taken where a table
has several: KRX writes 한글 종목명 (삼성전자보통주) beside 한글 종목약명 (삼성전자).
"""

SYMBOL_COLUMNS = (
    "symbol", "code", "ticker", "티커", "종목코드", "단축코드", "short_code", "isu_srt_cd", "srtncd", "stock_code",
    "instrument",
)  # fmt: skip
NAME_COLUMNS = ("name", "종목명", "회사명", "한글 종목약명", "한글 종목명", "isu_abbrv", "itmsnm", "company")
MARKET_COLUMNS = ("market", "시장구분", "시장", "mkt_nm", "mrktctg", "exchange")
