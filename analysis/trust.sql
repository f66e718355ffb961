-- Question: how were a run's candidates shut in, and how far can its results be trusted?
-- Grain:    one row per run, tier of isolation and trust, the most evaluations first.
-- Units:    evaluations and trajectories counted.
--
-- evaluations are those of ended turns, those that a fork shares in its parent's run only; passed counts those
-- of them that passed, trajectories those in which there was one.
SELECT
    run, runs.name, turns.isolation, turns.trust,
    count(*) AS evaluations,
    count(*) FILTER (turns.verdict = 'passed') AS passed,
    count(DISTINCT turns.stream) AS trajectories
FROM turns
JOIN runs USING (run)
WHERE turns.ended AND NOT turns.shared AND turns.verdict IS NOT NULL
GROUP BY run, runs.name, turns.isolation, turns.trust
ORDER BY run, evaluations DESC, turns.isolation, turns.trust
