-- Question: how fast did each problem get, and when?
-- Grain:    one row per run and problem, in the run's order.
-- Units:    runtime_ms, baseline_ms: medians in milliseconds; speedup = baseline_ms / runtime_ms; low and high are
--           the ends of its 95% interval.
--
-- best_* describe the fastest passed candidate over all samples and ended turns, NULL where none passed
-- (best_speedup also where its baseline was not measured). outcomes has one list per sample, in order,
-- with an outcome per ended turn. geomean_speedup is the run's: the geometric mean of best_speedup over
-- the problems that have one, repeated in each of its rows; solved says how many those are, and doubted how
-- many of them carry a finding that puts the speedup in doubt (best_doubts, among best_findings).
-- undoubted_speedup is the best without such candidates, geomean_undoubted and solved_undoubted are over those.
WITH ended AS (
    FROM turns WHERE ended
),
passed AS (
    FROM ended WHERE verdict = 'passed'
),
best AS (
    SELECT
        run, problem, sample, turn, speedup, speedup_low, speedup_high, runtime_ms, baseline_ms, device_name,
        isolation, trust, list_transform(findings, lambda finding: finding.kind) AS findings, doubts
    FROM passed
    QUALIFY row_number() OVER (
        PARTITION BY run, problem ORDER BY speedup DESC NULLS LAST, runtime_ms, sample, turn
    ) = 1
),
undoubted AS (
    SELECT run, problem, max(speedup) AS speedup FROM passed WHERE len(doubts) = 0 GROUP BY run, problem
),
first_pass AS (
    SELECT run, problem, min(turn) AS turn FROM passed GROUP BY run, problem
),
histories AS (
    SELECT run, problem, sample, list(coalesce(outcome, 'undecided') ORDER BY turn) AS outcomes
    FROM ended
    GROUP BY run, problem, sample
),
outcomes AS (
    SELECT run, problem, list(outcomes ORDER BY sample) AS outcomes FROM histories GROUP BY run, problem
)
SELECT
    run, runs.name, run_problems.problem, run_problems.name AS problem_name, run_problems.level,
    best.speedup AS best_speedup, best.speedup_low AS best_low, best.speedup_high AS best_high,
    best.runtime_ms AS best_runtime_ms, best.baseline_ms,
    best.sample AS best_sample, best.turn AS best_turn, first_pass.turn AS first_pass_turn,
    outcomes.outcomes, best.device_name, best.isolation AS best_isolation, best.trust AS best_trust,
    best.findings AS best_findings, best.doubts AS best_doubts, undoubted.speedup AS undoubted_speedup,
    exp(favg(ln(best.speedup)) OVER (PARTITION BY run)) AS geomean_speedup,
    count(best.speedup) OVER (PARTITION BY run) AS solved,
    count(best.speedup) FILTER (len(best.doubts) > 0) OVER (PARTITION BY run) AS doubted,
    exp(favg(ln(undoubted.speedup)) OVER (PARTITION BY run)) AS geomean_undoubted,
    count(undoubted.speedup) OVER (PARTITION BY run) AS solved_undoubted
FROM run_problems
JOIN runs USING (run)
LEFT JOIN best USING (run, problem)
LEFT JOIN undoubted USING (run, problem)
LEFT JOIN first_pass USING (run, problem)
LEFT JOIN outcomes USING (run, problem)
ORDER BY run, run_problems.position
