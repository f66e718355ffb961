-- Question: how far do KernelBench's own evaluator and ours agree on the same candidates?
-- Grain:    one row per run with candidates that both judged, oldest run first.
-- Units:    ratios without a unit; candidates counted.
--
-- agreed: both call it correct, or neither does. time_ratio is our median over KernelBench's mean, the
-- median over candidates that both timed; within_3 counts those of them within 3 percent plus 10 us.
WITH judged AS (
    SELECT *, verdict = 'passed' AS passed, runtime_ms / kernelbench_ms AS time_ratio FROM kernelbench
)
SELECT
    run, runs.name,
    count(*) AS compared,
    count(*) FILTER (passed = kernelbench_correct) AS agreed,
    count(*) FILTER (passed AND NOT kernelbench_correct) AS only_ours,
    count(*) FILTER (NOT passed AND kernelbench_correct) AS only_kernelbench,
    count(time_ratio) AS timed,
    median(time_ratio) AS time_ratio,
    count(*) FILTER (abs(runtime_ms - kernelbench_ms) <= 0.03 * kernelbench_ms + 0.010) AS within_3,
    list(DISTINCT judged.kernelbench ORDER BY judged.kernelbench) AS versions
FROM judged
JOIN runs USING (run)
GROUP BY run, runs.name
ORDER BY run
