-- Question: where did each run's time on devices go?
-- Grain:    one row per run, oldest first.
-- Units:    _s seconds, summed over the leases that have ended.
--
-- waited_s came before the leases and counts for no budget. setup_s to profile_s are parts of held_s as the
-- evaluator booked them; other_s is the rest of those leases, NULL where nothing was booked. recalled counts
-- the evaluations that needed no device, because the candidate was known to hang.
WITH known AS (SELECT run, count(*) AS recalled FROM recalls GROUP BY run),
times AS (
    SELECT
        run,
        count(*) AS leases,
        fsum(waited_s) AS waited_s, fsum(held_s) AS held_s,
        fsum(setup_s) AS setup_s, fsum(check_s) AS check_s, fsum(timing_s) AS timing_s,
        fsum(profile_s) AS profile_s, fsum(other_s) AS other_s
    FROM device_times
    GROUP BY run
)
SELECT runs.run, runs.name, times.* EXCLUDE (run), coalesce(known.recalled, 0) AS recalled
FROM times
JOIN runs USING (run)
LEFT JOIN known USING (run)
ORDER BY runs.started_at_us, runs.run;
