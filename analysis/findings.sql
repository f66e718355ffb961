-- Question: what was noticed about a run's candidates, and how often?
-- Grain:    one row per run and kind of finding, the most frequent first.
-- Units:    evaluations and trajectories counted.
--
-- evaluations are those with the finding, of ended turns, those that a fork shares in its parent's run only;
-- passed counts those of them that passed all the same, trajectories those in which there was one. in_doubt
-- tells whether the finding puts a speedup in doubt.
WITH found AS (
    SELECT run, stream, verdict, unnest(findings).kind AS finding
    FROM turns
    WHERE ended AND NOT shared
)
SELECT
    run, runs.name, finding,
    finding IN (SELECT kind FROM doubts) AS in_doubt,
    count(*) AS evaluations,
    count(*) FILTER (verdict = 'passed') AS passed,
    count(DISTINCT stream) AS trajectories
FROM found
JOIN runs USING (run)
GROUP BY run, runs.name, finding
ORDER BY run, evaluations DESC, finding
