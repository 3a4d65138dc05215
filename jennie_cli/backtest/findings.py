"""What the figures say in words, good or bad: one sentence each, in both languages."""

from jennie_cli.backtest.run import Outcome
from jennie_cli.backtest.texts import Pair

SIGNIFICANT_T = 2.0


def findings(outcome: Outcome) -> list[Pair]:
    """Against the index, then the scores, then what limits the whole result."""
    found = [_against_index(outcome), _scores(outcome), *_idle_years(outcome), _survivors(outcome)]
    return [pair for pair in found if pair is not None]


def _against_index(outcome: Outcome) -> Pair | None:
    figures = outcome.figures
    if figures.index_return_pct is None:
        return None
    gap = figures.return_pct - figures.index_return_pct
    span = f"{outcome.days[0].day} – {outcome.days[-1].day}"
    shown = f"{figures.return_pct:+.1f} % / KOSPI {figures.index_return_pct:+.1f} %"
    if gap < 0:
        return (
            f"이 전략은 {span}에 KOSPI보다 {-gap:.1f}%p 뒤졌습니다 ({shown}, 비용 포함).",
            f"Over {span} the strategy lost to KOSPI by {-gap:.1f} percentage points ({shown}, costs included).",
        )
    return (
        f"이 전략은 {span}에 KOSPI보다 {gap:.1f}%p 앞섰습니다 ({shown}, 비용 포함).",
        f"Over {span} the strategy was ahead of KOSPI by {gap:.1f} percentage points ({shown}, costs included).",
    )


def _scores(outcome: Outcome) -> Pair:
    scores = outcome.scores
    if scores.mean_ic is None:
        return ("점수를 평가할 수 있는 날이 없습니다.", "No day's scores could be judged.")
    shown = f"{scores.mean_ic:+.4f}" + ("" if scores.ic_t_value is None else f", t {scores.ic_t_value:+.1f}")
    if scores.mean_ic <= 0:
        return (
            f"점수의 순위 IC가 0 이하입니다 ({shown}): 점수가 높은 종목이 그 뒤 더 오르지 않았습니다.",
            f"The scores' rank IC is not above zero ({shown}): stocks with higher scores did not rise more afterwards.",
        )
    if scores.ic_t_value is None or scores.ic_t_value < SIGNIFICANT_T:
        return (
            f"점수의 순위 IC는 양수지만 우연과 구별되지 않습니다 ({shown}, 월평균 기준).",
            f"The scores' rank IC is positive, yet not told apart from chance ({shown}, on monthly means).",
        )
    return (
        f"점수의 순위 IC는 양수이며 월평균 기준으로 0과 구별됩니다 ({shown}).",
        f"The scores' rank IC is positive and told apart from zero on monthly means ({shown}).",
    )


def _idle_years(outcome: Outcome) -> list[Pair]:
    idle = [row for row in outcome.figures.years if row.buys == 0]
    if not idle:
        return []
    years = ", ".join(str(row.year) for row in idle)
    least = outcome.request.settings.scout.min_coverage_ratio
    known = [outcome.score_coverage[row.year][0] for row in idle if row.year in outcome.score_coverage]
    mean = f"{sum(known) / len(known):.2f}" if known else "?"
    return [
        (
            f"{years}년에는 한 번도 사지 않았습니다. 점수의 자료 충족률은 평균 {mean}, 매수 기준은 {least:g}입니다.",
            f"Nothing was bought in {years}: mean coverage of the scores {mean}, buying needs {least:g}.",
        )
    ]


def _survivors(outcome: Outcome) -> Pair | None:
    years = outcome.facts.years
    if not years:
        return (
            "상장 종목 명단이 없어, 자료에서 빠진 종목의 비율을 알 수 없습니다.",
            "The data hold no list of listed codes: the share that is missing is unknown.",
        )
    worst = max(years, key=lambda row: row.missing_ratio)
    if worst.missing_ratio <= 0:
        return None
    return (
        f"자료에는 당시 상장 종목의 일부가 없습니다 ({worst.year}년 {worst.missing_ratio:.1%}): 결과는 낙관적입니다.",
        f"Some codes listed at the time are not in the data ({worst.missing_ratio:.1%} in {worst.year}): "
        "the result is optimistic.",
    )
