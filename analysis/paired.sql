-- Question: what did going on under another strategy change, from the same turns?
-- Grain:    one row per two runs that continue the same turns, and problem.
-- Units:    fast_1_difference is a difference of shares, -1 to 1; log_ratio the natural logarithm of a ratio
--           of speedups.
--
-- Trajectories are compared that share a turn: forks of one turn with one another, and with the trajectory
-- they were forked from. `run` is the later run, `against` the earlier; differences are run minus against.
-- Both are taken as they stood after `turns` turns, the most that both runs came to, shared turns included;
-- a trajectory that has not come so far, and has not finished either, is left out. Several samples of one
-- turn are averaged first, then the shared turns of a problem: pairs says how many those are. log_ratio is
-- over pairs in which both passed with a measured speedup (faster_pairs), NULL where there is none.
-- The columns ending in _undoubted are the same as if no candidate with a finding that puts its speedup in
-- doubt (`doubts`) had passed; doubted says for how many of the trajectories that makes the difference.
WITH sharing AS (
    SELECT run, stream, problem, parent || '@' || version AS origin FROM forks
    UNION
    SELECT parents.run, parents.stream, parents.problem, forks.parent || '@' || forks.version AS origin
    FROM forks
    JOIN trajectories AS parents ON parents.stream = forks.parent
),
reached AS (
    SELECT run, max(turn) AS turns FROM turns WHERE ended GROUP BY run
),
compared AS (
    SELECT DISTINCT
        later.run, earlier.run AS against,
        least(later_reached.turns, earlier_reached.turns) AS turns
    FROM sharing AS later
    JOIN sharing AS earlier ON earlier.origin = later.origin AND earlier.run < later.run
    JOIN reached AS later_reached ON later_reached.run = later.run
    JOIN reached AS earlier_reached ON earlier_reached.run = earlier.run
),
lengths AS (
    SELECT stream, max(turn) AS turns FROM turns WHERE ended GROUP BY stream
),
bests AS (
    SELECT
        compared.run, compared.against, compared.turns, sharing.run AS side, sharing.origin, sharing.problem,
        sharing.stream, max(turns.speedup) AS speedup,
        max(turns.speedup) FILTER (len(turns.doubts) = 0) AS undoubted_speedup
    FROM compared
    JOIN sharing ON sharing.run IN (compared.run, compared.against)
    JOIN trajectories ON trajectories.stream = sharing.stream
    JOIN lengths ON lengths.stream = sharing.stream
    LEFT JOIN turns ON turns.stream = sharing.stream AND turns.ended AND turns.turn <= compared.turns
    WHERE trajectories.state = 'finished' OR lengths.turns >= compared.turns
    GROUP BY ALL
),
sides AS (
    SELECT
        run, against, turns, side, origin, problem,
        favg(CASE WHEN coalesce(speedup > 1, FALSE) THEN 1 ELSE 0 END) AS fast_1,
        favg(ln(speedup)) AS log_speedup,
        favg(CASE WHEN coalesce(undoubted_speedup > 1, FALSE) THEN 1 ELSE 0 END) AS fast_1_undoubted,
        favg(ln(undoubted_speedup)) AS log_undoubted,
        count(*) FILTER (undoubted_speedup IS DISTINCT FROM speedup) AS doubted
    FROM bests
    GROUP BY ALL
),
pairs AS (
    SELECT
        ours.run, ours.against, ours.turns, ours.origin, ours.problem,
        ours.fast_1 - theirs.fast_1 AS fast_1_difference,
        ours.log_speedup - theirs.log_speedup AS log_ratio,
        ours.fast_1_undoubted - theirs.fast_1_undoubted AS fast_1_difference_undoubted,
        ours.log_undoubted - theirs.log_undoubted AS log_ratio_undoubted,
        ours.doubted + theirs.doubted AS doubted
    FROM sides AS ours
    JOIN sides AS theirs USING (run, against, origin)
    WHERE ours.side = ours.run AND theirs.side = ours.against
)
SELECT
    pairs.run, runs.name, pairs.against, earlier.name AS against_name, pairs.problem, pairs.turns,
    count(*) AS pairs,
    count(log_ratio) AS faster_pairs,
    favg(fast_1_difference) AS fast_1_difference,
    favg(log_ratio) AS log_ratio,
    favg(fast_1_difference_undoubted) AS fast_1_difference_undoubted,
    favg(log_ratio_undoubted) AS log_ratio_undoubted,
    CAST(sum(pairs.doubted) AS BIGINT) AS doubted
FROM pairs
JOIN runs ON runs.run = pairs.run
JOIN runs AS earlier ON earlier.run = pairs.against
GROUP BY ALL
ORDER BY pairs.run, pairs.against, pairs.problem
