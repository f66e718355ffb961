-- Question: what would upstream Caesar have written for each trajectory?
-- Grain:    one row per trajectory: run, the folders' names, log.json and config.json as JSON text, done.
-- Units:    runtime and runtime_stats in milliseconds.
--
-- The only place with upstream's names, as its analysis and its viewer index them: eval_result is always
-- an object, runtime is the mean (KernelBench's convention; our own figures use the median, which is
-- added to runtime_stats) and -1.0 unless passed. Only turns that ended appear. "result" repeats the
-- chosen turn, nothing is evaluated anew; it is there, and done is true, where the trajectory finished.
-- max_k is how many turns a finished trajectory took, because upstream's viewer asks for each of them;
-- num_rounds is the run's budget of turns, or the turns taken where turns are not budgeted.
-- The metadata of eval_result is KernelBench's, and ours where there is something to tell: the sandbox's tier, the
-- trust, the reference's time, the speedup and its interval, the findings by their kinds, and those of them that put
-- the speedup in doubt.
-- Names that can't name a folder are escaped (folder_name), and the metadata holds the folder's name.
WITH messages AS (
    SELECT stream, turn, message, string_agg(text, chr(10) ORDER BY part) AS text
    FROM prompts
    JOIN texts USING (digest)
    WHERE slot = 0
    GROUP BY stream, turn, message
),
contexts AS (
    SELECT stream, turn, string_agg(text, chr(10) || chr(10) ORDER BY message) AS text
    FROM messages
    GROUP BY stream, turn
),
entries AS (
    SELECT stream, turn, turn AS position, CAST(turn AS VARCHAR) AS key FROM turns WHERE ended
    UNION ALL
    SELECT stream, result_turn, NULL, 'result' FROM trajectories WHERE state = 'finished'
),
described AS (
    SELECT
        entries.stream, entries.position, entries.key, turns.* EXCLUDE (stream),
        coalesce(contexts.text, '') AS context_text,
        coalesce(completions.text, '') AS completion_text,
        coalesce(candidates.text, '') AS candidate_text,
        coalesce(feedbacks.text, '') AS feedback_text,
        build_logs.text AS build_text,
        details.text AS detail_text,
        coalesce(turns.build_outcome = 'built', FALSE) AS compiled,
        coalesce(turns.verdict = 'passed', FALSE) AS passed
    FROM entries
    LEFT JOIN turns ON turns.stream = entries.stream AND turns.turn = entries.turn
    LEFT JOIN contexts ON contexts.stream = turns.owner AND contexts.turn = entries.turn
    LEFT JOIN texts AS completions ON completions.digest = turns.completion
    LEFT JOIN texts AS candidates ON candidates.digest = turns.candidate
    LEFT JOIN texts AS feedbacks ON feedbacks.digest = turns.feedback
    LEFT JOIN texts AS build_logs ON build_logs.digest = turns.build_log
    LEFT JOIN texts AS details ON details.digest = turns.detail
),
judged AS (
    SELECT
        *,
        -- a merge patch drops what is absent
        json_merge_patch('{}', json_object(
            'hardware', device_name,
            'device', device,
            'isolation', isolation,
            'trust', trust,
            'correctness_trials',
            CASE WHEN correctness_trials > 0
                THEN format('({} / {})', correctness_passed, correctness_trials) END,
            'compilation_error_name',
            CASE WHEN outcome = 'no_code' THEN 'no_code' WHEN NOT compiled THEN build_reason END,
            'compilation_error',
            CASE WHEN outcome = 'no_code' THEN 'the completion holds no code'
                WHEN NOT compiled THEN coalesce(nullif(build_text, ''), build_reason) END,
            'correctness_issue_name', CASE WHEN verdict = 'incorrect' THEN reason END,
            'correctness_issue',
            CASE WHEN verdict = 'incorrect' AND mismatch IS NULL THEN reason
                WHEN verdict = 'incorrect'
                THEN format('{}: expected {}, got {}', mismatch.kind, mismatch.expected, mismatch.got) END,
            'max_difference', CASE WHEN mismatch.max_abs_error IS NOT NULL THEN [mismatch.max_abs_error] END,
            'runtime_error_name',
            CASE WHEN verdict = 'crashed' THEN regexp_replace(reason, '^exception:', '') END,
            'runtime_error', CASE WHEN verdict = 'crashed' THEN coalesce(nullif(detail_text, ''), reason) END,
            'timeout_error',
            CASE WHEN verdict = 'timed_out' THEN reason WHEN outcome = 'build_timed_out' THEN build_reason END,
            'rejected', CASE WHEN verdict = 'rejected' THEN reason END,
            'findings', nullif(list_transform(findings, lambda finding: finding.kind), []),
            'doubts', nullif(doubts, []),
            'baseline_ms', baseline_ms,
            'speedup', speedup,
            'speedup_interval', CASE WHEN speedup_low IS NOT NULL THEN [speedup_low, speedup_high] END
        )) AS metadata,
        CASE WHEN passed AND mean_ms IS NOT NULL
            THEN json_object(
                'mean', mean_ms, 'std', std_ms, 'min', min_ms, 'max', max_ms, 'num_trials', trials,
                'hardware', device_name, 'device', device, 'median', runtime_ms
            )
            ELSE json_object()
        END AS runtime_stats
    FROM described
),
objects AS (
    SELECT
        stream, position, key,
        json_object(
            'context', context_text,
            'model_response', completion_text,
            'kernel_code', candidate_text,
            'feedback', feedback_text,
            'eval_result', json_object(
                'compiled', compiled,
                'correctness', passed,
                'metadata', metadata,
                'runtime', CASE WHEN passed THEN coalesce(mean_ms, -1.0::DOUBLE) ELSE -1.0::DOUBLE END,
                'runtime_stats', runtime_stats
            ),
            'profiler_result', ''
        ) AS object
    FROM judged
),
histories AS (
    SELECT
        stream,
        count(position) AS turns_taken,
        string_agg(',' || to_json(key) || ':' || object, '' ORDER BY position NULLS LAST) AS members
    FROM objects
    GROUP BY stream
),
named AS (
    SELECT
        trajectories.run, trajectories.problem, trajectories.sample,
        trajectories.state = 'finished' AS done,
        runs.suite, runs.turns, runs.context_history, runs.context_show, runs.model, runs.spec_text,
        coalesce(folder_name(nullif(runs.run_group, '')), 'ungrouped') AS group_folder,
        folder_name(runs.name) AS run_folder,
        coalesce(histories.turns_taken, 0) AS turns_taken,
        coalesce(histories.members, '') AS members,
        run_problems.level,
        concat_ws('_', trajectories.problem, nullif(nullif(run_problems.name, ''), trajectories.problem))
            AS title
    FROM trajectories
    JOIN runs USING (run)
    LEFT JOIN run_problems USING (run, problem)
    LEFT JOIN histories ON histories.stream = trajectories.stream
)
SELECT
    run,
    problem,
    sample,
    group_folder,
    run_folder,
    folder_name('problem_' || problem) AS problem_folder,
    'sample_' || sample AS sample_folder,
    '{"metadata":' || json_object(
        'problem', title,
        'problem_id', problem,
        'sample_id', sample,
        'run_name', run_folder,
        'num_rounds', coalesce(turns, turns_taken)
    ) || members || '}' AS log_json,
    json_object(
        'run_group', group_folder,
        'run_name', run_folder,
        'dataset_name', regexp_replace(suite, '^kernelbench/', 'KernelBench/'),
        'level', level,
        'max_k', CASE WHEN done THEN turns_taken ELSE coalesce(turns, turns_taken) END,
        'context_strategy',
        CASE WHEN len(list_filter(context_show, lambda entry: entry <> 'candidate')) > 0
            THEN ['eval_result'] ELSE ['reflection'] END,
        'use_last_only', context_history = 'last',
        'model_name', model,
        'spec', CAST(spec_text AS JSON)
    ) AS config_json,
    done
FROM named
ORDER BY run, problem, sample
