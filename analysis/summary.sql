-- Question: what became of each run, and what did it cost?
-- Grain:    one row per run, oldest first.
-- Units:    usd US dollars (NULL where no price is known), device_s seconds of held devices, seconds_s
--           from the run's first event to its last, pauses included.
--
-- planned = problems x samples, or the forks of a forked run, = finished + suspended + running + pending
-- (not started yet). Outcomes are counted over ended turns, those that a fork shares in its parent's run
-- only. Tokens and dollars include what faulted attempts may have cost.
WITH planned AS (
    SELECT run, count(*) AS problems FROM run_problems GROUP BY run
),
states AS (
    SELECT
        run,
        count(*) AS started,
        count(*) FILTER (state = 'finished') AS finished,
        count(*) FILTER (state = 'suspended') AS suspended,
        count(*) FILTER (state = 'running') AS running
    FROM trajectories
    GROUP BY run
),
outcomes AS (
    SELECT
        run,
        count(*) AS turns,
        count(*) FILTER (outcome = 'passed') AS passed,
        count(*) FILTER (outcome = 'incorrect') AS incorrect,
        count(*) FILTER (outcome = 'crashed') AS crashed,
        count(*) FILTER (outcome = 'timed_out') AS timed_out,
        count(*) FILTER (outcome = 'rejected') AS rejected,
        count(*) FILTER (outcome = 'build_failed') AS build_failed,
        count(*) FILTER (outcome = 'build_timed_out') AS build_timed_out,
        count(*) FILTER (outcome = 'no_code') AS no_code,
        count(*) FILTER (len(list_filter(findings, lambda finding: finding.kind = 'cpu_shared')) > 0) AS cpu_shared
    FROM turns
    WHERE ended AND NOT shared
    GROUP BY run
),
payments AS (
    SELECT run, input_tokens, output_tokens, usd FROM generations
    UNION ALL
    SELECT run, input_tokens, output_tokens, usd FROM faults
),
usage AS (
    SELECT
        run,
        CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
        CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
        fsum(usd) AS usd
    FROM payments
    GROUP BY run
),
models AS (
    SELECT run, list(DISTINCT asked ORDER BY asked) AS models FROM generations GROUP BY run
),
devices AS (
    SELECT run, list(DISTINCT device_name ORDER BY device_name) AS devices
    FROM turns
    WHERE device_name IS NOT NULL
    GROUP BY run
),
held AS (
    SELECT run, fsum(held_s) AS device_s FROM leases GROUP BY run
),
broken AS (
    SELECT run, count(*) AS faults FROM faults GROUP BY run
)
SELECT
    run, runs.name, runs.run_group, runs.suite, runs.state,
    coalesce(models.models, []) AS models, runs.provenance, coalesce(devices.devices, []) AS devices,
    coalesce(planned.problems, 0) AS problems, runs.samples,
    coalesce(runs.forks, planned.problems * runs.samples, 0) AS planned,
    coalesce(states.finished, 0) AS finished,
    coalesce(states.suspended, 0) AS suspended,
    coalesce(states.running, 0) AS running,
    coalesce(runs.forks, planned.problems * runs.samples, 0) - coalesce(states.started, 0) AS pending,
    coalesce(outcomes.turns, 0) AS turns,
    coalesce(outcomes.passed, 0) AS passed,
    coalesce(outcomes.incorrect, 0) AS incorrect,
    coalesce(outcomes.crashed, 0) AS crashed,
    coalesce(outcomes.timed_out, 0) AS timed_out,
    coalesce(outcomes.rejected, 0) AS rejected,
    coalesce(outcomes.build_failed, 0) AS build_failed,
    coalesce(outcomes.build_timed_out, 0) AS build_timed_out,
    coalesce(outcomes.no_code, 0) AS no_code,
    coalesce(outcomes.cpu_shared, 0) AS cpu_shared,
    coalesce(broken.faults, 0) AS faults,
    coalesce(usage.input_tokens, 0) AS input_tokens,
    coalesce(usage.output_tokens, 0) AS output_tokens,
    usage.usd,
    coalesce(held.device_s, 0.0) AS device_s,
    (runs.last_at_us - runs.started_at_us) / 1e6 AS seconds_s
FROM runs
LEFT JOIN planned USING (run)
LEFT JOIN states USING (run)
LEFT JOIN outcomes USING (run)
LEFT JOIN usage USING (run)
LEFT JOIN models USING (run)
LEFT JOIN devices USING (run)
LEFT JOIN held USING (run)
LEFT JOIN broken USING (run)
ORDER BY run
