"""Korean words for what functions compute, by which people look for them."""

from __future__ import annotations

WORDS = {
    "이동평균": "sma ema rma wma hma vwma ma", "이동평균선": "sma ema", "이평": "sma ema wma hma vwma",
    "이평선": "sma ema", "평균": "sma ema rma wma hma vwma ma", "단순": "sma", "단순이동평균": "sma", "지수": "ema",
    "지수이동평균": "ema", "가중": "wma", "가중이동평균": "wma vwma", "상대강도": "rsi", "상대강도지수": "rsi",
    "강도": "rsi", "알에스아이": "rsi", "스토캐스틱": "stoch stochf stochrsi", "추세": "adx supertrend slope",
    "모멘텀": "mom roc", "등락률": "roc", "등락율": "roc", "수익률": "roc", "변화": "change roc", "변화율": "roc",
    "이격": "sma", "이격도": "sma", "볼린저": "bb bbands", "밴드": "bb bbands kc", "볼린저밴드": "bb bbands",
    "켈트너": "kc", "돈치안": "donchian", "채널": "kc donchian", "일목균형표": "ichimoku", "일목": "ichimoku",
    "전환선": "ichimoku", "기준선": "ichimoku", "구름": "ichimoku", "구름대": "ichimoku", "파라볼릭": "sar",
    "슈퍼트렌드": "supertrend", "투자심리": "count", "심리도": "count", "거래량": "vwma obv rvol mfi vwap pvo pvt",
    "거래대금": "vwap", "자금흐름": "mfi cmf", "변동성": "atr natr stdev tr", "진폭": "atr tr",
    "표준편차": "stdev zscore", "분산": "var", "상관": "corr", "상관계수": "corr", "회귀": "linreg slope",
    "기울기": "slope", "백분위": "percentrank percentile", "합": "sum", "합계": "sum", "누적": "cumsum",
    "최고": "highest alltime_high max", "최고가": "highest alltime_high", "최저": "lowest alltime_low min",
    "최저가": "lowest alltime_low", "신고가": "highest alltime_high", "신저가": "lowest alltime_low",
    "최대": "highest max", "최소": "lowest min", "크로스": "crosses cross_above cross_below",
    "골든크로스": "cross_above", "데드크로스": "cross_below", "교차": "crosses cross_above cross_below",
    "돌파": "cross_above highest", "상향돌파": "cross_above", "하향돌파": "cross_below", "이탈": "cross_below",
    "연속": "streak every", "횟수": "count", "순서": "sequence", "고점": "pivothigh highest",
    "저점": "pivotlow lowest", "절대값": "abs", "절댓값": "abs", "로그": "log ln log10", "제곱근": "sqrt",
    "반올림": "round", "올림": "ceil", "내림": "floor", "순위": "rank top bottom", "상위": "top", "하위": "bottom",
    "주봉": "weekly", "월봉": "monthly", "다른종목": "ref",
}  # fmt: skip
"""Each word, and the functions that it may mean."""
