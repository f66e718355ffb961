-- Question: how much of a run is solved, and how fast, after n turns?
-- Grain:    one row per run, turn n and threshold p.
-- Units:    fast_p is a share, 0 to 1; speedup is the eager baseline's median over the candidate's.
--
-- fast_p after n turns: the share of problems whose best passed candidate of turns 1..n has a speedup
-- above p, strictly. A problem with several samples counts with the share of its samples for which this
-- holds, so that samples are averaged, not pooled. At p = 0 passing is enough, baseline measured or not.
-- A trajectory counts at n once it has ended turn n or has finished earlier (its best then stays); a
-- fault is nobody's failure, so a trajectory that hasn't come that far is left out, not counted as
-- failed: compare `trajectories` (counted) with `planned`.
-- fast_p_undoubted is the same as if no candidate with a finding that puts its speedup in doubt (`doubts`) had
-- passed; doubted says for how many of the counted trajectories that makes the difference.
WITH thresholds AS (
    FROM (VALUES (0.0::DOUBLE), (0.5), (0.8), (1.0), (1.5), (2.0)) AS listed(p)
),
planned AS (
    SELECT run, coalesce(any_value(forks), count(*) * any_value(samples)) AS planned
    FROM run_problems
    JOIN runs USING (run)
    GROUP BY run
),
ended AS (
    SELECT run, stream, turn, verdict, speedup, verdict = 'passed' AND len(doubts) = 0 AS undoubted
    FROM turns
    WHERE ended
),
lengths AS (
    SELECT stream, max(turn) AS turns FROM ended GROUP BY stream
),
spans AS (
    SELECT run, unnest(range(1, max(turn) + 1)) AS turn FROM ended GROUP BY run
),
counted AS (
    SELECT trajectories.run, trajectories.problem, trajectories.stream, spans.turn
    FROM trajectories
    JOIN spans USING (run)
    LEFT JOIN lengths USING (stream)
    WHERE trajectories.state = 'finished' OR lengths.turns >= spans.turn
),
bests AS (
    SELECT
        counted.run, counted.problem, counted.stream, counted.turn,
        coalesce(bool_or(ended.verdict = 'passed'), FALSE) AS passed,
        max(ended.speedup) AS speedup,
        coalesce(bool_or(ended.undoubted), FALSE) AS undoubted,
        max(ended.speedup) FILTER (ended.undoubted) AS undoubted_speedup
    FROM counted
    LEFT JOIN ended ON ended.stream = counted.stream AND ended.turn <= counted.turn
    GROUP BY ALL
),
above AS (
    SELECT
        run, turn, p, problem,
        CAST((p = 0 AND passed) OR coalesce(speedup > p, FALSE) AS INTEGER) AS fast,
        CAST((p = 0 AND undoubted) OR coalesce(undoubted_speedup > p, FALSE) AS INTEGER) AS undoubted
    FROM bests
    CROSS JOIN thresholds
),
by_problem AS (
    SELECT
        run, turn, p, problem,
        count(*) AS trajectories, sum(fast - undoubted) AS doubted,
        favg(fast) AS share, favg(undoubted) AS undoubted_share
    FROM above
    GROUP BY ALL
)
SELECT
    run, runs.name, turn, p,
    favg(share) AS fast_p,
    favg(undoubted_share) AS fast_p_undoubted,
    count(*) AS problems,
    CAST(sum(trajectories) AS BIGINT) AS trajectories,
    CAST(sum(doubted) AS BIGINT) AS doubted,
    planned.planned
FROM by_problem
JOIN runs USING (run)
JOIN planned USING (run)
GROUP BY ALL
ORDER BY run, turn, p
