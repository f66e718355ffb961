-- Question: what does the log say, as typed columns?
-- Grain:    given above each view. A trajectory is named by (run, problem, sample).
-- Units:    _ms milliseconds, _s seconds, _us microseconds (instants: since the epoch, UTC), usd US dollars.
--
-- The only file that knows where things lie in the events' JSON. It needs two tables:
--   events(seq, stream, version, kind, v, recorded_at_us, body)  and  texts(digest, text).
-- Absent is NULL, never -1 or ''. A request may be attempted again after a fault; the views show the
-- attempt that was completed, `faults` the others. Where several events say the same thing (an
-- extended run, a trajectory that finished twice, a turn evaluated twice), the newest one counts.
-- The loader gives every event as the newest version of its kind and refuses a log with anything newer.

-- The bodies of one kind of event as columns; `fields` is their shape as DuckDB's from_json takes it.
CREATE MACRO read_events(which, fields) AS TABLE
SELECT stream, version, recorded_at_us, split_part(stream, '/', 1) AS run, unnest(from_json(body, fields))
FROM events
WHERE kind = which;

-- Where a request (trajectory:turn.slot:action) belongs.
CREATE MACRO request_turn(request) AS
    CAST(regexp_extract(request, ':(\d+)\.\d+:[a-z_]+$', 1) AS INTEGER);
CREATE MACRO request_slot(request) AS
    CAST(regexp_extract(request, ':\d+\.(\d+):[a-z_]+$', 1) AS INTEGER);
CREATE MACRO request_action(request) AS
    regexp_extract(request, ':\d+\.\d+:([a-z_]+)$', 1);

-- A user's name as one folder's name: injective, and never a path of its own.
CREATE MACRO folder_name(name) AS CASE
    WHEN name = '.' THEN '%2E'
    WHEN name = '..' THEN '%2E%2E'
    ELSE replace(replace(replace(name, '%', '%25'), '/', '%2F'), chr(0), '%00')
END;

-- One row per run: what it pinned when it started or was last extended, and whether it is under way.
-- state: finished, suspended (some trajectory waits for the run's next start), else running. provenance
-- says how completions came about where they were replayed; NULL for a model's live answers. forked_from is
-- the run whose trajectories this one's continue, forks how many of them; both NULL for any other run.
CREATE VIEW runs AS
WITH started AS (
    FROM read_events('run_started', '{
        "name": "VARCHAR", "group": "VARCHAR", "spec": "VARCHAR", "identity": "VARCHAR", "suite": "VARCHAR",
        "samples": "INTEGER", "turns": "INTEGER", "evaluator": "VARCHAR", "provenance": "VARCHAR",
        "caesar": "VARCHAR"
    }')
),
extended AS (
    FROM read_events('run_extended', '{"spec": "VARCHAR", "samples": "INTEGER", "turns": "INTEGER"}')
),
pinnings AS (
    SELECT run, version, spec, samples, turns FROM started
    UNION ALL
    SELECT run, version, spec, samples, turns FROM extended
),
pinned AS (
    FROM pinnings QUALIFY row_number() OVER (PARTITION BY run ORDER BY version DESC) = 1
),
forked AS (
    SELECT run, parent, len(origins) AS forks
    FROM read_events('run_forked', '{"parent": "VARCHAR", "origins": [{"problem": "VARCHAR"}]}')
),
ended AS (
    SELECT run, version, suspended
    FROM read_events('run_finished', '{"suspended": "INTEGER"}')
    QUALIFY row_number() OVER (PARTITION BY run ORDER BY version DESC) = 1
),
heads AS (
    -- what is added to a finished run afterwards does not set it going again
    SELECT stream AS run, max(version) AS version
    FROM events
    WHERE kind <> 'candidate_rescored'
    GROUP BY stream
),
spans AS (
    SELECT split_part(stream, '/', 1) AS run, max(recorded_at_us) AS last_at_us FROM events GROUP BY ALL
),
specs AS (
    SELECT digest, text AS spec_text, unnest(from_json(text, '{
        "model": {"name": "VARCHAR"},
        "context": {"history": "VARCHAR", "show": ["VARCHAR"]}
    }'))
    FROM texts
    WHERE digest IN (SELECT spec FROM pinned)
)
SELECT
    started.run, started.name, started."group" AS run_group, started.suite, started.identity,
    started.evaluator, started.provenance, started.caesar, pinned.spec, pinned.samples, pinned.turns,
    specs.spec_text, specs.model.name AS model,
    specs.context.history AS context_history, specs.context.show AS context_show,
    forked.parent AS forked_from, forked.forks,
    started.recorded_at_us AS started_at_us, spans.last_at_us,
    CASE
        WHEN ended.version IS DISTINCT FROM heads.version THEN 'running'
        WHEN ended.suspended > 0 THEN 'suspended'
        ELSE 'finished'
    END AS state
FROM started
JOIN pinned USING (run)
JOIN heads USING (run)
JOIN spans USING (run)
LEFT JOIN ended USING (run)
LEFT JOIN forked USING (run)
LEFT JOIN specs ON specs.digest = pinned.spec;

-- One row per run and problem, in the run's order (position from 1).
CREATE VIEW run_problems AS
WITH pinnings AS (
    FROM read_events('run_started', '{"problems": [
        {"id": "VARCHAR", "name": "VARCHAR", "level": "INTEGER", "source": "VARCHAR"}
    ]}')
    UNION ALL
    FROM read_events('run_extended', '{"problems": [
        {"id": "VARCHAR", "name": "VARCHAR", "level": "INTEGER", "source": "VARCHAR"}
    ]}')
),
pinned AS (
    FROM pinnings QUALIFY row_number() OVER (PARTITION BY run ORDER BY version DESC) = 1
),
listed AS (
    SELECT run, generate_subscripts(problems, 1) AS position, unnest(problems) AS entry FROM pinned
)
SELECT
    run, position, entry.id AS problem, entry.name AS name, entry.level AS level, entry.source AS source
FROM listed;

-- One row per trajectory that was started. state: running, finished or suspended; the result's columns
-- are NULL unless finished, the fault's unless suspended.
CREATE VIEW trajectories AS
WITH started AS (
    FROM read_events('trajectory_started', '{
        "problem": "VARCHAR", "source": "VARCHAR", "sample": "INTEGER", "seed": "BIGINT"
    }')
    UNION ALL
    FROM read_events('trajectory_forked', '{
        "problem": "VARCHAR", "source": "VARCHAR", "sample": "INTEGER", "seed": "BIGINT"
    }')
),
marks AS (
    SELECT stream, arg_max(kind, version) AS kind, max(version) AS version
    FROM events
    WHERE kind IN (
        'trajectory_finished', 'trajectory_suspended', 'trajectory_extended', 'trajectory_resumed'
    )
    GROUP BY stream
),
finished AS (
    FROM read_events('trajectory_finished', '{
        "result": "VARCHAR", "turn": "INTEGER", "candidate": "VARCHAR", "outcome": "VARCHAR"
    }')
),
suspended AS (
    FROM read_events('trajectory_suspended', '{
        "request": "VARCHAR", "fault": "VARCHAR", "message": "VARCHAR"
    }')
),
spans AS (
    SELECT stream, max(recorded_at_us) AS last_at_us FROM events GROUP BY stream
)
SELECT
    started.run, started.problem, started.sample, started.stream, started.source, started.seed,
    CASE marks.kind
        WHEN 'trajectory_finished' THEN 'finished'
        WHEN 'trajectory_suspended' THEN 'suspended'
        ELSE 'running'
    END AS state,
    finished.result AS result_rule, finished.turn AS result_turn,
    finished.candidate AS result_candidate, finished.outcome AS result_outcome,
    suspended.request AS suspended_request, suspended.fault AS fault, suspended.message AS fault_message,
    started.recorded_at_us AS started_at_us, spans.last_at_us
FROM started
JOIN spans USING (stream)
LEFT JOIN marks USING (stream)
LEFT JOIN finished ON finished.stream = marks.stream AND finished.version = marks.version
LEFT JOIN suspended ON suspended.stream = marks.stream AND suspended.version = marks.version;

-- One row per trajectory that continues another: after which event (version) and turn of which stream.
CREATE VIEW forks AS
FROM read_events('trajectory_forked', '{
    "problem": "VARCHAR", "sample": "INTEGER", "parent": "VARCHAR", "version": "BIGINT", "turn": "INTEGER"
}')
SELECT run, stream, problem, sample, parent, version, turn;

-- One row per trajectory and stream that holds some of its turns: its own, and as far as a fork shares
-- them (up to turn `upto`; NULL for its own) its parents'.
CREATE VIEW lineages AS
WITH RECURSIVE held AS (
    SELECT run, stream, stream AS owner, CAST(NULL AS INTEGER) AS upto FROM trajectories
    UNION ALL
    SELECT held.run, held.stream, forks.parent, least(coalesce(held.upto, forks.turn), forks.turn)
    FROM held
    JOIN forks ON forks.stream = held.owner
)
FROM held;

-- One row per completed generation: trajectory, turn and slot. completion, reasoning and candidate are
-- digests of texts; model is the name the provider reported, asked the one the run asked for.
CREATE VIEW generations AS
WITH completed AS (
    FROM read_events('generation_completed', '{
        "request": "VARCHAR", "attempt": "INTEGER", "outcome": "VARCHAR", "completion": "VARCHAR",
        "reasoning": "VARCHAR", "candidate": "VARCHAR", "model": "VARCHAR", "finish_reason": "VARCHAR",
        "usage": {"input_tokens": "BIGINT", "output_tokens": "BIGINT", "usd": "DOUBLE"}, "seconds": "DOUBLE"
    }')
),
asked AS (
    FROM read_events('generation_requested', '{
        "request": "VARCHAR", "attempt": "INTEGER", "model": "VARCHAR", "seed": "BIGINT"
    }')
)
SELECT
    completed.run, completed.stream, request_turn(request) AS turn, request_slot(request) AS slot, attempt,
    completed.outcome, completed.completion, completed.reasoning, completed.candidate,
    asked.model AS asked, completed.model, asked.seed, completed.finish_reason,
    completed.usage.input_tokens AS input_tokens, completed.usage.output_tokens AS output_tokens,
    completed.usage.usd AS usd, completed.seconds AS seconds_s, completed.recorded_at_us
FROM completed
LEFT JOIN asked USING (stream, request, attempt);

-- One row per part of a prompt, in order: trajectory, turn, slot, message (from 1), part (from 1). The
-- prompt is that of the completed attempt, or of the last one where none is.
CREATE VIEW prompts AS
WITH asked AS (
    FROM read_events('generation_requested', '{
        "request": "VARCHAR", "attempt": "INTEGER", "prompt": [{"role": "VARCHAR", "parts": ["VARCHAR"]}]
    }')
),
completed AS (
    FROM read_events('generation_completed', '{"request": "VARCHAR", "attempt": "INTEGER"}')
),
chosen AS (
    SELECT asked.run, asked.stream, asked.request, asked.attempt, asked.prompt
    FROM asked
    LEFT JOIN completed USING (stream, request, attempt)
    QUALIFY row_number() OVER (
        PARTITION BY asked.stream, asked.request
        ORDER BY completed.version DESC NULLS LAST, asked.version DESC
    ) = 1
),
messages AS (
    SELECT
        run, stream, request, attempt,
        generate_subscripts(prompt, 1) AS message, unnest(prompt) AS entry
    FROM chosen
)
SELECT
    run, stream, request_turn(request) AS turn, request_slot(request) AS slot, attempt,
    message, entry.role AS role,
    generate_subscripts(entry.parts, 1) AS part, unnest(entry.parts) AS digest
FROM messages;

-- One row per completed build: trajectory, turn and slot. log and full_log are digests of texts; full_log is
-- NULL where log is all there is. headers: slim or real.
CREATE VIEW builds AS
SELECT
    run, stream, request_turn(request) AS turn, request_slot(request) AS slot, attempt,
    outcome, reason, artifact, log, full_log, headers, cached, seconds AS seconds_s, recorded_at_us
FROM read_events('build_completed', '{
    "request": "VARCHAR", "attempt": "INTEGER", "outcome": "VARCHAR", "artifact": "VARCHAR",
    "log": "VARCHAR", "reason": "VARCHAR", "cached": "BOOLEAN", "seconds": "DOUBLE",
    "full_log": "VARCHAR", "headers": "VARCHAR"
}')
QUALIFY row_number() OVER (PARTITION BY stream, request ORDER BY version DESC) = 1;

-- One row per kind of finding that puts a speedup in doubt, as caesar/domain.py has them and docs/verdicts.md
-- marks (!). What the candidate computes is not the operation, or that can't be told (the first five), not its
-- own or not in the reference's precision (three), or one of the two times can't be believed (four). What
-- disturbs both times is no doubt: cpu_shared has a note of its own.
CREATE VIEW doubts AS
FROM (VALUES
    ('vacuous'), ('unscrutinised'), ('input_mutated'), ('wrong_on_other_inputs'), ('low_precision'),
    ('no_custom_kernel'), ('untraced'), ('tf32'),
    ('faster_than_roofline'), ('timing_inconsistent'), ('reference_disturbed'), ('tampered')
) AS listed(kind);

-- One row per completed evaluation: trajectory, turn and slot. The timing's columns are NULL unless
-- passed; runtime_ms is the median, p05_ms to p95_ms are quantiles, launch_ms is the host's part of a call, clock
-- says whose clock counts, speedup_low and speedup_high are the speedup's 95% interval, speedup_at_least is what is
-- left had each call done as much elsewhere as the judge's clock could have missed. looked_at has an error
-- over the reference's for each kind of other inputs; conditions are those of timing. doubts are the kinds among
-- the findings that put a speedup in doubt, sorted. detail and timing_samples are digests of texts. What a log is
-- too old to say is NULL.
CREATE VIEW evaluations AS
WITH completed AS (
    FROM read_events('evaluation_completed', '{
        "request": "VARCHAR", "attempt": "INTEGER", "seconds": "DOUBLE",
        "evaluation": {
            "verdict": "VARCHAR", "reason": "VARCHAR", "detail": "VARCHAR", "evaluator": "VARCHAR",
            "trials_passed": "INTEGER", "trials": "INTEGER", "parameters": "VARCHAR",
            "environment": {
                "device": "VARCHAR", "device_name": "VARCHAR", "torch": "VARCHAR", "cuda": "VARCHAR",
                "precision": "VARCHAR", "isolation": "VARCHAR", "trust": "VARCHAR", "driver": "VARCHAR",
                "tf32": "BOOLEAN", "conditions": "MAP(VARCHAR, DOUBLE)", "alone": "BOOLEAN"
            },
            "mismatch": {
                "kind": "VARCHAR", "expected": "VARCHAR", "got": "VARCHAR", "index": ["BIGINT"],
                "wrong_share": "DOUBLE", "max_abs_error": "VARCHAR", "nonfinite": "BIGINT", "output": "INTEGER",
                "pattern": "VARCHAR"
            },
            "timing": {
                "median_ms": "DOUBLE", "mean_ms": "DOUBLE", "std_ms": "DOUBLE", "min_ms": "DOUBLE",
                "max_ms": "DOUBLE", "trials": "INTEGER", "samples": "VARCHAR",
                "quantiles_ms": "MAP(VARCHAR, DOUBLE)", "launch_ms": "DOUBLE", "clock": "VARCHAR"
            },
            "baselines": [{
                "name": "VARCHAR", "cached": "BOOLEAN",
                "timing": {"median_ms": "DOUBLE", "samples": "VARCHAR", "clock": "VARCHAR"}
            }],
            "findings": [{"kind": "VARCHAR", "detail": "VARCHAR"}],
            "speedup_interval": ["DOUBLE"], "looked_at": "MAP(VARCHAR, DOUBLE)"
        }
    }')
    QUALIFY row_number() OVER (PARTITION BY stream, request ORDER BY version DESC) = 1
),
measured AS (
    SELECT
        *,
        list_filter(evaluation.baselines, lambda entry: entry.name = 'eager')[1].timing.median_ms
            AS baseline_ms,
        evaluation.timing AS timing,
        list_transform(evaluation.findings, lambda finding: finding.kind) AS found
    FROM completed
)
SELECT
    run, stream, request_turn(request) AS turn, request_slot(request) AS slot, attempt,
    evaluation.verdict AS verdict, evaluation.reason AS reason, evaluation.detail AS detail,
    evaluation.mismatch AS mismatch,
    evaluation.trials_passed AS correctness_passed, evaluation.trials AS correctness_trials,
    timing.median_ms AS runtime_ms, timing.mean_ms AS mean_ms, timing.std_ms AS std_ms,
    timing.min_ms AS min_ms, timing.max_ms AS max_ms, timing.trials AS trials,
    timing.samples AS timing_samples,
    timing.quantiles_ms['p05'] AS p05_ms, timing.quantiles_ms['p25'] AS p25_ms,
    timing.quantiles_ms['p75'] AS p75_ms, timing.quantiles_ms['p95'] AS p95_ms,
    timing.launch_ms AS launch_ms, timing.clock AS clock,
    evaluation.baselines AS baselines, baseline_ms, baseline_ms / timing.median_ms AS speedup,
    baseline_ms / (timing.median_ms + evaluation.environment.conditions['unseen_ms']) AS speedup_at_least,
    evaluation.speedup_interval[1] AS speedup_low, evaluation.speedup_interval[2] AS speedup_high,
    evaluation.looked_at AS looked_at,
    evaluation.environment.device AS device, evaluation.environment.device_name AS device_name,
    evaluation.environment.torch AS torch, evaluation.environment.cuda AS cuda,
    evaluation.environment.precision AS "precision", evaluation.environment.isolation AS isolation,
    evaluation.environment.trust AS trust, evaluation.environment.driver AS driver,
    evaluation.environment.tf32 AS tf32, evaluation.environment.conditions AS conditions,
    evaluation.environment.alone AS alone, evaluation.evaluator AS evaluator,
    evaluation.parameters AS parameters, evaluation.findings AS findings,
    list_sort(list_intersect(found, (SELECT list(kind) FROM doubts))) AS doubts,
    seconds AS seconds_s, recorded_at_us
FROM measured;

-- One row per trajectory and turn that KernelBench judged too: with the evaluation (how = 'beside') or
-- afterwards ('rescored'); of several the newest. verdict, runtime_ms and speedup are the evaluation's;
-- kernelbench_ms and kernelbench_reference_ms are KernelBench's means of three digits.
CREATE VIEW kernelbench AS
WITH beside AS (
    SELECT
        run, stream, request_turn(request) AS turn, evaluation, 0 AS version, 'beside' AS how
    FROM read_events('evaluation_completed', '{
        "request": "VARCHAR", "evaluation": {"kernelbench": {
            "version": "VARCHAR", "correct": "BOOLEAN", "reason": "VARCHAR",
            "runtime_ms": "DOUBLE", "reference_ms": "DOUBLE"
        }}
    }')
    WHERE evaluation.kernelbench IS NOT NULL
),
rescored AS (
    FROM read_events('candidate_rescored', '{
        "trajectory": "VARCHAR", "turn": "INTEGER", "kernelbench": {
            "version": "VARCHAR", "correct": "BOOLEAN", "reason": "VARCHAR",
            "runtime_ms": "DOUBLE", "reference_ms": "DOUBLE"
        }
    }')
),
judged AS (
    SELECT run, stream, turn, evaluation.kernelbench AS said, version, how FROM beside
    UNION ALL
    SELECT run, trajectory AS stream, turn, kernelbench AS said, version, 'rescored' AS how FROM rescored
),
newest AS (
    FROM judged QUALIFY row_number() OVER (PARTITION BY stream, turn ORDER BY version DESC) = 1
)
SELECT
    newest.run, newest.stream, newest.turn, newest.how, evaluations.verdict,
    evaluations.runtime_ms, evaluations.speedup,
    said.version AS kernelbench, said.correct AS kernelbench_correct, said.reason AS kernelbench_reason,
    said.runtime_ms AS kernelbench_ms, said.reference_ms AS kernelbench_reference_ms,
    said.reference_ms / said.runtime_ms AS kernelbench_speedup
FROM newest
JOIN evaluations ON evaluations.stream = newest.stream AND evaluations.turn = newest.turn AND evaluations.slot = 0;

-- One row per trajectory and turn that was begun; ended is false while it is under way. Where a turn has
-- several slots, this is slot 0. outcome: no_code, build_failed, build_timed_out or the verdict. A fork has
-- the turns that it shares with its parent too (shared; owner is the stream that holds them): they were
-- paid for once, there.
CREATE VIEW turns AS
WITH begun AS (
    SELECT
        lineages.run, lineages.stream, lineages.owner, entries.turn, entries.recorded_at_us AS begun_at_us
    FROM read_events('turn_begun', '{"turn": "INTEGER"}') AS entries
    JOIN lineages ON lineages.owner = entries.stream AND (upto IS NULL OR entries.turn <= upto)
),
ended AS (
    FROM read_events('turn_ended', '{"turn": "INTEGER", "outcome": "VARCHAR", "feedback": "VARCHAR"}')
),
generated AS (FROM generations WHERE slot = 0),
built AS (FROM builds WHERE slot = 0),
evaluated AS (FROM evaluations WHERE slot = 0)
SELECT
    begun.run, trajectories.problem, trajectories.sample, begun.stream, begun.turn,
    begun.owner, begun.owner <> begun.stream AS shared,
    ended.stream IS NOT NULL AS ended, ended.outcome,
    generated.completion, generated.candidate, ended.feedback,
    built.outcome AS build_outcome, built.reason AS build_reason, built.log AS build_log,
    built.seconds_s AS build_s, built.cached AS build_cached,
    evaluated.verdict, evaluated.reason, evaluated.detail, evaluated.mismatch,
    evaluated.correctness_passed, evaluated.correctness_trials,
    evaluated.runtime_ms, evaluated.baseline_ms, evaluated.speedup,
    evaluated.speedup_low, evaluated.speedup_high, evaluated.speedup_at_least,
    evaluated.mean_ms, evaluated.std_ms, evaluated.min_ms, evaluated.max_ms, evaluated.trials,
    evaluated.p05_ms, evaluated.p25_ms, evaluated.p75_ms, evaluated.p95_ms,
    evaluated.launch_ms, evaluated.clock, evaluated.looked_at,
    evaluated.device, evaluated.device_name, evaluated."precision", evaluated.isolation, evaluated.trust,
    evaluated.driver, evaluated.tf32, evaluated.conditions, evaluated.alone,
    evaluated.parameters, evaluated.findings, evaluated.doubts, evaluated.seconds_s AS evaluation_s,
    begun.begun_at_us, ended.recorded_at_us AS ended_at_us
FROM begun
JOIN trajectories USING (stream)
LEFT JOIN ended ON ended.stream = begun.owner AND ended.turn = begun.turn
LEFT JOIN generated ON generated.stream = begun.owner AND generated.turn = begun.turn
LEFT JOIN built ON built.stream = begun.owner AND built.turn = begun.turn
LEFT JOIN evaluated ON evaluated.stream = begun.owner AND evaluated.turn = begun.turn;

-- One row per attempt that failed for a reason that is not the candidate's. retry_at_us is NULL where no
-- attempt was to follow; tokens and usd are what may have been paid all the same.
CREATE VIEW faults AS
WITH faulted AS (
    SELECT events.stream, events.version, events.recorded_at_us, unnest(from_json(events.body, '{
        "request": "VARCHAR", "attempt": "INTEGER", "fault": "VARCHAR", "message": "VARCHAR",
        "retry_at_us": "BIGINT",
        "usage": {"input_tokens": "BIGINT", "output_tokens": "BIGINT", "usd": "DOUBLE"}
    }'))
    FROM events
    WHERE kind IN ('generation_faulted', 'build_faulted', 'evaluation_faulted')
)
SELECT
    split_part(stream, '/', 1) AS run, stream, request_turn(request) AS turn, request_slot(request) AS slot,
    request_action(request) AS action, attempt, fault, message, retry_at_us,
    usage.input_tokens AS input_tokens, usage.output_tokens AS output_tokens, usage.usd AS usd,
    recorded_at_us
FROM faulted;

-- One row per grant of a device. held_s is NULL while it is held, and where nobody saw the end.
CREATE VIEW leases AS
WITH granted AS (
    FROM read_events('lease_granted', '{
        "request": "VARCHAR", "device": "VARCHAR", "token": "BIGINT", "waited_s": "DOUBLE"
    }')
),
released AS (
    FROM read_events('lease_released', '{"device": "VARCHAR", "token": "BIGINT", "held_s": "DOUBLE"}')
)
SELECT
    granted.run, granted.stream, request_turn(request) AS turn, request_slot(request) AS slot,
    request_action(request) AS action, device, token, granted.waited_s, released.held_s,
    released.stream IS NOT NULL AS released,
    granted.recorded_at_us AS granted_at_us, released.recorded_at_us AS released_at_us
FROM granted
LEFT JOIN released USING (stream, device, token);

-- One row per evaluation that was not performed: an earlier one of the same candidate, answered_by, stands
-- for it. Its verdict is among the evaluations.
CREATE VIEW recalls AS
SELECT run, stream, request_turn(request) AS turn, request_slot(request) AS slot, attempt, answered_by
FROM read_events('evaluation_recalled', '{
    "request": "VARCHAR", "attempt": "INTEGER", "answered_by": "VARCHAR"
}');

-- One row per lease that has ended: where a turn's time on a device went. waited_s came before it and counts
-- for no budget; setup_s, check_s, timing_s and profile_s are within held_s as the evaluator booked them, other_s
-- is the rest, which nobody accounts for. NULL where nothing was booked. Setting up is all that comes before the
-- first trial, and ending the process; checking is trials, other inputs and evidence; timing has the further
-- baselines, and KernelBench's judgement beside ours.
CREATE VIEW device_times AS
WITH booked AS (
    SELECT
        stream, request_turn(request) AS turn, request_slot(request) AS slot, 'evaluate' AS action,
        evaluation.environment.seconds AS spent
    FROM read_events('evaluation_completed', '{
        "request": "VARCHAR", "evaluation": {"environment": {"seconds": "MAP(VARCHAR, DOUBLE)"}}
    }')
    ANTI JOIN (FROM read_events('evaluation_recalled', '{"request": "VARCHAR"}')) USING (stream, request)
),
ended AS (
    SELECT *, row_number() OVER (PARTITION BY stream, turn, slot, action ORDER BY granted_at_us DESC) AS back
    FROM leases
    WHERE released
)
SELECT
    ended.run, ended.stream, ended.turn, ended.slot, ended.action, ended.device, ended.token,
    ended.waited_s, ended.held_s,
    list_sum(
        [
            entry.value FOR entry IN map_entries(booked.spent)
            IF entry.key IN ('judge', 'process', 'setup', 'candidate')
        ]
    ) AS setup_s,
    list_sum(
        [entry.value FOR entry IN map_entries(booked.spent) IF entry.key IN ('check', 'trial', 'scrutiny', 'evidence')]
    ) AS check_s,
    list_sum(
        [entry.value FOR entry IN map_entries(booked.spent) IF entry.key IN ('timing', 'baselines', 'kernelbench')]
    ) AS timing_s,
    booked.spent['profile'] AS profile_s,
    ended.held_s - list_sum(map_values(booked.spent)) AS other_s
FROM ended
LEFT JOIN booked  -- an evaluation that was tried again was completed in its last lease
    ON booked.stream = ended.stream AND booked.turn = ended.turn AND booked.slot = ended.slot
    AND booked.action = ended.action AND ended.back = 1;

-- One row per run and text that its events name.
CREATE VIEW named_texts AS
WITH pinned AS (
    SELECT run, unnest(map_values(templates)) AS digest
    FROM read_events('run_started', '{"templates": "MAP(VARCHAR, VARCHAR)"}')
),
named AS (
    SELECT run, spec AS digest FROM runs
    UNION ALL SELECT run, digest FROM pinned
    UNION ALL SELECT run, source FROM run_problems
    UNION ALL SELECT run, digest FROM prompts
    UNION ALL SELECT run, unnest([completion, reasoning, candidate]) FROM generations
    UNION ALL SELECT run, unnest([log, full_log]) FROM builds
    UNION ALL SELECT run, unnest([detail, timing_samples]) FROM evaluations
    UNION ALL SELECT run, unnest(list_transform(baselines, lambda entry: entry.timing.samples))
    FROM evaluations
    UNION ALL SELECT run, feedback FROM turns
)
SELECT DISTINCT run, digest FROM named WHERE digest IS NOT NULL;
