-- Every statement of the journal, by name; queries.py reads them. Times are seconds since the epoch.
-- An attempt is open in the states intended, sending and unknown; a machine lives while its attempt
-- is confirmed and gone_at is NULL. Both conditions are written as schema.sql's partial indexes have
-- them, or SQLite would not use those.

-- ── facts and accounts ──────────────────────────────────────────────────────────────────────────

-- name: local_key
SELECT value FROM facts WHERE name = 'hmac_key';

-- name: make_local_key
-- Of two processes that begin a journal at once, the first one's key stays.
INSERT OR IGNORE INTO facts (name, value) VALUES ('hmac_key', :key);

-- name: account_of_key
SELECT account FROM accounts WHERE key_digest = :key_digest;

-- name: remember_account
INSERT OR REPLACE INTO accounts (key_digest, account, read_at)
VALUES (:key_digest, :account, :now);

-- name: replaced_at
SELECT value FROM facts WHERE name = 'replaced_at';

-- name: note_replaced
INSERT OR REPLACE INTO facts (name, value) VALUES ('replaced_at', :now);

-- ── attempts: questions ─────────────────────────────────────────────────────────────────────────

-- name: by_token
SELECT * FROM intents WHERE token = :token;

-- name: by_instance
-- The newest attempt that holds a machine, of any account where none is given.
SELECT * FROM intents
WHERE instance_id = :instance_id AND account = coalesce(:account, account)
ORDER BY id DESC LIMIT 1;

-- name: latest_of_wish
SELECT * FROM intents
WHERE account = :account AND request_key = :request_key
ORDER BY id DESC LIMIT 1;

-- name: attempts_of_wish
SELECT * FROM intents
WHERE account = :account AND request_key = :request_key;

-- name: old_attempt
SELECT * FROM intents WHERE account = :account AND made_at <= :before LIMIT 1;

-- name: absent_of_wish
SELECT * FROM intents
WHERE account = :account AND request_key = :request_key AND state = 'absent'
LIMIT 1;

-- name: standing_of_wish
-- What a wish has, or may come to have.
SELECT * FROM intents
WHERE account = :account AND request_key = :request_key
  AND (state IN ('intended', 'sending', 'unknown') OR state = 'confirmed' AND gone_at IS NULL)
ORDER BY id DESC;

-- name: living
SELECT * FROM intents
WHERE account = :account AND state = 'confirmed' AND gone_at IS NULL
ORDER BY id;

-- name: gone_since
-- Of the newest attempts: what was made long before can be told from the lists.
SELECT * FROM intents
WHERE id > (SELECT max(id) FROM intents) - 200
  AND account = :account AND state = 'confirmed' AND gone_at >= :since
ORDER BY id;

-- name: living_from_offer
SELECT * FROM intents
WHERE account = :account AND offer_id = :offer_id AND state = 'confirmed' AND gone_at IS NULL;

-- name: leased
SELECT * FROM intents
WHERE account = :account AND state = 'confirmed' AND gone_at IS NULL AND lease_until IS NOT NULL
ORDER BY id;

-- name: any_lease
SELECT * FROM intents
WHERE state = 'confirmed' AND gone_at IS NULL AND lease_until IS NOT NULL
LIMIT 1;

-- name: underway
-- And what was confirmed and lost its machine's id: somebody edited it.
SELECT * FROM intents
WHERE account = :account AND state IN ('intended', 'sending', 'unknown')
UNION ALL
SELECT * FROM intents
WHERE account = :account AND state = 'confirmed' AND gone_at IS NULL
  AND NOT (typeof(instance_id) = 'integer' AND instance_id > 0)
ORDER BY id;

-- name: anything_open
SELECT * FROM intents WHERE state IN ('intended', 'sending', 'unknown') LIMIT 1;

-- name: open_of_owner
SELECT * FROM intents
WHERE owner = :owner AND state IN ('intended', 'sending', 'unknown')
LIMIT 1;

-- name: announced
SELECT * FROM intents WHERE account = :account AND announce > 0 ORDER BY id;

-- name: any_unjudged
-- A machine that was rented under a limit, or the volume that one left, which no answer has named.
SELECT * FROM intents
WHERE state = 'confirmed' AND announce > 0 AND judged_at IS NULL
  AND (max_usd_per_hour IS NOT NULL OR max_total_usd_per_hour IS NOT NULL)
  AND (gone_at IS NULL OR volume_left IS NOT NULL)
LIMIT 1;

-- ── attempts: commands ──────────────────────────────────────────────────────────────────────────

-- name: intend
INSERT INTO intents (
    token, account, request_key, digest, offer_id, label, wanted, state, owner, made_at,
    usd_per_hour, lease_until, facts,
    max_usd_per_hour, max_total_usd_per_hour, counted_usd_per_hour, volume_usd_per_hour, born_at
) VALUES (
    :token, :account, :request_key, :digest, :offer_id, :label, :wanted, 'intended', :owner, :now,
    :usd_per_hour, :lease_until, :facts,
    :max_usd_per_hour, :max_total_usd_per_hour, :counted_usd_per_hour, :volume_usd_per_hour,
    :born_at
);

-- name: abandon
-- Only what was never sent: an attempt that left meanwhile stays what it is.
UPDATE intents SET state = 'abandoned' WHERE id = :id AND state = 'intended';

-- name: mark_sending
-- No row where another process gave the attempt up: then it must not leave.
UPDATE intents SET state = 'sending', sent_at = :now WHERE id = :id AND state = 'intended';

-- name: mark_refused
UPDATE intents SET state = 'refused', reason = :reason, settled_at = :now
WHERE id = :id AND state IN ('intended', 'sending');

-- name: mark_unknown
UPDATE intents SET state = 'unknown' WHERE id = :id AND state = 'sending';

-- name: mark_confirmed
-- From any state: a machine that is there outranks what was believed of its attempt.
UPDATE intents
SET state = 'confirmed', instance_id = :instance_id, stopped = :stopped, announce = :announce,
    settled_at = :now
WHERE id = :id
  AND (state != 'confirmed' OR NOT (typeof(instance_id) = 'integer' AND instance_id > 0));

-- name: mark_absent
UPDATE intents SET state = 'absent', settled_at = :now
WHERE id = :id AND (
    state IN ('unknown', 'sending')
    OR state = 'confirmed' AND NOT (typeof(instance_id) = 'integer' AND instance_id > 0)
  );

-- name: reopen
UPDATE intents SET state = 'unknown', owner = :owner
WHERE account = :account AND request_key = :request_key AND state = 'absent'
  AND sent_at > :sent_after;

-- name: add_twin
-- Its token is made of the first one's and its own id, so that a second sight of it adds no row.
INSERT OR IGNORE INTO intents (
    token, account, request_key, digest, offer_id, label, wanted, state, owner, made_at, sent_at,
    settled_at, instance_id, announce, lease_until, usd_per_hour, max_usd_per_hour
) VALUES (
    :token, :account, :request_key, '', :offer_id, :label, :wanted, 'confirmed', :owner, :made_at,
    :sent_at, :now, :instance_id, :announce, :lease_until, :usd_per_hour, :max_usd_per_hour
);

-- name: adopt
-- A machine that was rented for this wish under another journal. Of two callers the first one's stays.
INSERT OR IGNORE INTO intents (
    token, account, request_key, digest, offer_id, label, wanted, state, owner, made_at,
    settled_at, instance_id, stopped, announce, usd_per_hour, lease_until, facts
) VALUES (
    :token, :account, :request_key, :digest, :offer_id, :label, :wanted, 'confirmed', :owner, :now,
    :now, :instance_id, :stopped, :announce, :usd_per_hour, :lease_until, :facts
);

-- name: mark_started
UPDATE intents SET stopped = 0 WHERE instance_id = :instance_id;

-- name: mark_gone
UPDATE intents SET gone_at = :now
WHERE account = :account AND instance_id = :instance_id AND gone_at IS NULL;

-- name: note_facts
-- Of a machine that was made anew since it was rented.
UPDATE intents SET facts = :facts WHERE token = :token;

-- name: begin_lease
-- Of a machine that was handed over without an end: its watchdog was called off, and hears of no earlier time.
UPDATE intents SET lease_until = :until, facts = CASE
    WHEN json_valid(facts) THEN json_set(facts, '$.called_off', json('true')) ELSE facts END
WHERE account = :account AND instance_id = :instance_id
  AND state = 'confirmed' AND gone_at IS NULL AND lease_until >= 2147483647;

-- name: set_lease
-- Only ever later: two calls may overtake each other. A time that no calendar has counts for none.
UPDATE intents SET lease_until = CASE
    WHEN typeof(lease_until) = 'real' AND lease_until BETWEEN :until AND 253402300799
    THEN lease_until ELSE :until END
WHERE account = :account AND instance_id = :instance_id
  AND state = 'confirmed' AND gone_at IS NULL;

-- name: mark_ended
UPDATE intents SET announce = :announce
WHERE account = :account AND instance_id = :instance_id AND state = 'confirmed';

-- name: mark_judged
UPDATE intents SET judged_at = :now WHERE id = :id;

-- name: mark_over
-- No row where an answer has named it since: then it is not ended any more.
UPDATE intents
SET over_usd_per_hour = :usd_per_hour, volume_left = :volume_left, announce = :announce
WHERE token = :token AND announce > 0;

-- name: mark_volume_gone
UPDATE intents SET volume_left = NULL WHERE token = :token;

-- name: mark_told
-- Not what became of the machine since. What only a newer version knows was told as 2 (Notice).
UPDATE intents SET announce = :announce
WHERE token = :token AND (announce = :told OR :told = 2 AND announce > 3);

-- ── births ──────────────────────────────────────────────────────────────────────────────────────

-- name: births
SELECT instance_id, born_at FROM births WHERE account = :account;

-- name: note_birth
INSERT INTO births (account, instance_id, born_at) VALUES (:account, :instance_id, :born_at)
ON CONFLICT (account, instance_id) DO UPDATE SET born_at = min(born_at, excluded.born_at);

-- ── reservations ────────────────────────────────────────────────────────────────────────────────

-- name: reserve
INSERT INTO holds (account, instance_id, usd_per_hour, made_at, state)
VALUES (:account, :instance_id, :usd_per_hour, :made_at, 'flying');

-- name: settle_reservation
UPDATE holds SET state = :state, agreed = :agreed WHERE id = :id;

-- name: drop_reservation
DELETE FROM holds WHERE id = :id;

-- name: release_reservations
-- What is on its way stays, unless it is so old that its call was cut off.
DELETE FROM holds
WHERE account = :account AND instance_id = :instance_id
  AND agreed = 0 AND (state != 'flying' OR made_at < :cut_off_before);

-- name: drop_reservations_of
DELETE FROM holds WHERE account = :account AND instance_id = :instance_id;

-- name: reservations
SELECT id, account, instance_id, usd_per_hour, made_at, state, agreed FROM holds
WHERE account = :account;

-- ── money paid ahead ────────────────────────────────────────────────────────────────────────────

-- name: announce_deposit
INSERT INTO deposits (account, instance_id, usd, state, refundable_usd, months, made_at)
VALUES (:account, :instance_id, :usd, 'sending', :refundable_usd, :months, :made_at);

-- name: settle_deposit
-- What is known for certain stays; that it was paid is worth more than any proof that it was not.
UPDATE deposits SET state = :state, settled_at = :now
WHERE id = :id AND (state IN ('sending', 'unknown') OR (:state = 'paid' AND state <> 'paid'));

-- name: lacked_deposit
UPDATE deposits SET lacked_at = :now WHERE id = :id AND lacked_at IS NULL;

-- name: deposits
SELECT id, account, instance_id, usd, state, refundable_usd, made_at, lacked_at, months, settled_at
FROM deposits
WHERE account = :account AND instance_id = :instance_id ORDER BY id DESC;

-- name: deposits_off_credit
-- Those in doubt, and those that were paid after the credit was read.
SELECT usd FROM deposits WHERE account = :account
AND ((state IN ('sending', 'unknown') AND made_at > :since) OR (state = 'paid' AND settled_at > :read_at));

-- ── machines of other journals ──────────────────────────────────────────────────────────────────

-- name: watched
SELECT instance_id, seen FROM watched WHERE key_digest = :key_digest;

-- name: keep_watched
INSERT INTO watched (key_digest, instance_id, seen, kept_at)
VALUES (:key_digest, :instance_id, :seen, :now)
ON CONFLICT (key_digest, instance_id) DO UPDATE SET seen = excluded.seen, kept_at = excluded.kept_at;

-- name: forget_watched
DELETE FROM watched WHERE kept_at < :before;

-- name: host_key
SELECT host_key FROM host_keys WHERE service = :service AND instance_id = :instance_id AND way = :way;

-- name: keep_host_key
-- The first one holds. One that was forgotten gives way, once the old container is surely down.
INSERT INTO host_keys (service, instance_id, way, host_key, kept_at)
VALUES (:service, :instance_id, :way, :host_key, :now)
ON CONFLICT (service, instance_id, way) DO UPDATE SET host_key = excluded.host_key, kept_at = excluded.kept_at
WHERE host_keys.host_key IS NULL AND host_keys.kept_at < :renewed_before;

-- name: change_host_key
UPDATE host_keys SET host_key = :new, kept_at = :now
WHERE service = :service AND instance_id = :instance_id AND way = :way AND host_key = :old;

-- name: forget_host_key
INSERT INTO host_keys (service, instance_id, way, host_key, kept_at) VALUES (:service, :instance_id, :way, NULL, :now)
ON CONFLICT (service, instance_id, way) DO UPDATE SET host_key = NULL, kept_at = excluded.kept_at;

-- name: met
SELECT machine_id, instance_id, what, detail, seconds, noted_at FROM met
WHERE service = :service AND noted_at >= :since
ORDER BY noted_at, rowid;

-- name: keep_met
-- Of being rented, ready and copied to the first holds. How a machine failed is not taken back by
-- its end, whose process may not have seen it fail.
INSERT INTO met (service, machine_id, instance_id, what, detail, seconds, noted_at)
VALUES (:service, :machine_id, :instance_id, :what, :detail, :seconds, :now)
ON CONFLICT (service, machine_id, instance_id, what) DO UPDATE
SET detail = excluded.detail, seconds = excluded.seconds, noted_at = excluded.noted_at
WHERE met.what NOT IN ('rented', 'ready', 'copied') AND excluded.detail NOT IN ('never_ran', 'unused');

-- name: forget_met
DELETE FROM met WHERE noted_at < :before;

-- name: trim_met
DELETE FROM met
WHERE rowid NOT IN (SELECT rowid FROM met ORDER BY noted_at DESC, rowid DESC LIMIT :most);

-- name: pulled
SELECT gb FROM pulled WHERE service = :service AND image = :image AND noted_at >= :since;

-- name: keep_pulled
INSERT INTO pulled (service, image, gb, noted_at) VALUES (:service, :image, :gb, :now)
ON CONFLICT (service, image) DO UPDATE SET gb = MAX(gb, excluded.gb), noted_at = excluded.noted_at;

-- name: forget_pulled
DELETE FROM pulled WHERE noted_at < :before;

-- name: metered
SELECT instance_id, seen FROM metered WHERE key_digest = :key_digest;

-- name: keep_metered
INSERT INTO metered (key_digest, instance_id, seen, kept_at)
VALUES (:key_digest, :instance_id, :seen, :now)
ON CONFLICT (key_digest, instance_id) DO UPDATE SET seen = excluded.seen, kept_at = excluded.kept_at;

-- name: forget_metered
DELETE FROM metered WHERE kept_at < :before;

-- name: elsewhere
SELECT token, instance_id FROM elsewhere WHERE account = :account ORDER BY instance_id;

-- name: keep_elsewhere
INSERT OR IGNORE INTO elsewhere (token, account, instance_id, seen_at)
VALUES (:token, :account, :instance_id, :now);

-- name: drop_elsewhere
DELETE FROM elsewhere WHERE account = :account AND instance_id = :instance_id;

-- ── approvals ───────────────────────────────────────────────────────────────────────────────────
-- An approval is unused while nothing used it, or what used it made nothing for certain: an attempt
-- that was refused, never sent, or proven to have left no machine.

-- name: ask
INSERT INTO approvals (code_digest, asked, usd_per_hour, said, made_at)
VALUES (:code_digest, :asked, :usd_per_hour, :said, :now);

-- name: drop_old_questions
DELETE FROM approvals WHERE made_at < :before;

-- name: question
SELECT said, usd_per_hour, made_at, approved_at, NOT (
    used_by IS NULL
    OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', 'abandoned', 'absent'))
) AS used
FROM approvals WHERE code_digest = :code_digest;

-- name: approve
UPDATE approvals SET approved_at = :now
WHERE code_digest = :code_digest AND approved_at IS NULL AND made_at >= :asked_since;

-- name: approved
SELECT 1 FROM approvals
WHERE asked = :asked AND usd_per_hour >= :usd_per_hour AND approved_at >= :approved_since
  AND (
    used_by IS NULL
    OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', 'abandoned', 'absent'))
  )
LIMIT 1;

-- name: spend
-- Whatever else was approved of the same goes with it: one yes, one act.
UPDATE approvals SET used_by = :by
WHERE asked = :asked
  AND (
    used_by IS NULL
    OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', 'abandoned', 'absent'))
  )
  AND EXISTS (
    SELECT 1 FROM approvals
    WHERE asked = :asked AND usd_per_hour >= :usd_per_hour AND approved_at >= :approved_since
      AND (
        used_by IS NULL
        OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', 'abandoned', 'absent'))
      )
  );

-- name: give_back
UPDATE approvals SET used_by = NULL WHERE used_by = :by;

-- ── answers of no known form ────────────────────────────────────────────────────────────────────

-- name: keep_answer
INSERT OR REPLACE INTO answers (token, http_status, said) VALUES (:token, :http_status, :said);

-- name: answer_of_absent
-- One that was told is told once more to whoever asked before that.
SELECT answers.token, answers.http_status, answers.said, intents.offer_id
FROM answers JOIN intents ON intents.token = answers.token
WHERE intents.account = :account AND intents.request_key = :request_key
  AND intents.state = 'absent' AND (answers.told_at IS NULL OR answers.told_at >= :began)
ORDER BY intents.id DESC LIMIT 1;

-- name: mark_answer_told
UPDATE answers SET told_at = coalesce(told_at, :now) WHERE token = :token;

-- ── jobs in machines ────────────────────────────────────────────────────────────────────────────

-- name: name_job
INSERT INTO jobs (job, account, instance_id, wish, digest, state, made_at)
VALUES (:job, :account, :instance_id, :wish, :digest, 'named', :now);

-- name: job_of_wish
SELECT * FROM jobs
WHERE account = :account AND instance_id = :instance_id AND wish = :wish
ORDER BY rowid DESC LIMIT 1;

-- name: job_named
SELECT * FROM jobs WHERE job = :job AND account = :account;

-- name: jobs_of_account
SELECT * FROM jobs WHERE account = :account ORDER BY rowid DESC LIMIT :most;

-- name: job_in
SELECT 1 FROM jobs WHERE account = :account AND instance_id = :instance_id LIMIT 1;

-- name: mark_job_sent
-- The first of several processes that made it ready: only its ticket starts the job.
UPDATE jobs SET state = 'sent', ticket = :ticket WHERE job = :job AND state = 'named';

-- name: mark_job_begun
UPDATE jobs SET state = 'begun' WHERE job = :job AND state IN ('named', 'sent');

-- name: mark_job_over
UPDATE jobs SET state = 'over', ending = :ending, over_at = :now,
  exit_status = coalesce(:exit_status, exit_status)
WHERE job = :job AND (ending IS NULL OR ending NOT IN ('ended', 'stopped'));

-- name: mark_job_told
UPDATE jobs SET told = 1 WHERE job = :job AND state = 'over';

-- name: forget_jobs
DELETE FROM jobs WHERE state IN ('named', 'over') AND made_at < :before;

-- ── copies by Vast ──────────────────────────────────────────────────────────────────────────────

-- name: begin_copy
INSERT INTO copies (copy, account, wish, digest, state, made_at)
VALUES (:copy, :account, :wish, :digest, 'sent', :now);

-- name: copy_of_wish
SELECT * FROM copies WHERE account = :account AND wish = :wish ORDER BY rowid DESC LIMIT 1;

-- name: mark_copy
UPDATE copies SET state = :state WHERE copy = :copy;

-- name: forget_copy
DELETE FROM copies WHERE copy = :copy AND state = 'sent';

-- name: forget_copies
DELETE FROM copies WHERE made_at < :before;

-- ── plans ───────────────────────────────────────────────────────────────────────────────────────

-- name: open_plan
INSERT INTO plans (plan, account, wish, digest, wanted, bounds, agreed, state, made_at, asked_at)
VALUES (:plan, :account, :wish, :digest, :wanted, :bounds, :agreed, 'open', :now, :now);

-- name: plan_of_wish
SELECT * FROM plans WHERE account = :account AND wish = :wish ORDER BY rowid DESC LIMIT 1;

-- name: plan_named
SELECT * FROM plans WHERE plan = :plan AND account = :account;

-- name: plans_not_over
SELECT * FROM plans WHERE account = :account AND state <> 'over' ORDER BY rowid;

-- name: any_plan_not_over
SELECT 1 FROM plans WHERE state <> 'over' LIMIT 1;

-- name: plans_of_account
SELECT * FROM plans WHERE account = :account ORDER BY rowid DESC LIMIT :most;

-- name: note_plan_asked
UPDATE plans SET asked_at = max(asked_at, :now) WHERE plan = :plan;

-- name: take_plan
-- Only inside a transaction that has read who drives it.
UPDATE plans SET driver = :driver, driven_at = :now, turn = turn + 1 WHERE plan = :plan AND state <> 'over';

-- name: keep_plan
UPDATE plans SET driven_at = :now WHERE plan = :plan AND driver = :driver AND turn = :turn;

-- name: let_go_of_plan
UPDATE plans SET driver = NULL WHERE plan = :plan AND driver = :driver AND turn = :turn;

-- name: note_plan_detail
UPDATE plans SET detail = :detail WHERE plan = :plan AND turn = :turn;

-- name: agree_to_plan
UPDATE plans SET agreed = :agreed, detail = '' WHERE plan = :plan AND state = 'open';

-- name: bound_plan
UPDATE plans SET bounds = :bounds WHERE plan = :plan AND state = 'open';

-- name: end_plan
-- The first reason stays.
UPDATE plans SET state = 'ending', outcome = :outcome, detail = :detail WHERE plan = :plan AND state = 'open';

-- name: mark_plan_over
UPDATE plans SET state = 'over', outcome = coalesce(outcome, :outcome), over_at = :now, driver = NULL
WHERE plan = :plan AND state <> 'over' AND turn = :turn;

-- name: mark_plan_told
-- told: its end, or the tries of use that an answer named (plan_records.told_of). What has changed since is to be told.
UPDATE plans SET told = 1 WHERE plan = :plan AND (state = 'over' AND :told = 'over' OR state = 'open' AND :told = (
  SELECT coalesce(group_concat(number), '') FROM (
    SELECT number FROM tries WHERE plan = :plan AND state IN ('ready', 'handed') ORDER BY number)));

-- name: mark_plan_machines_told
UPDATE intents SET announce = 0 WHERE token IN (SELECT token FROM tries WHERE plan = :plan);

-- name: untell_plan
UPDATE plans SET told = 0 WHERE plan = :plan;

-- name: forget_plans
DELETE FROM plans WHERE state = 'over' AND made_at < :before;

-- name: forget_tries
DELETE FROM tries WHERE plan NOT IN (SELECT plan FROM plans);

-- name: tries_of_plan
SELECT tries.*, plans.account FROM tries JOIN plans USING (plan) WHERE plan = :plan ORDER BY number;

-- name: try_of_token
SELECT tries.*, plans.account FROM tries JOIN plans USING (plan) WHERE token = :token;

-- name: attempts_of_try
-- Whatever was sent for it: once more after a request that was proven to have made nothing, and what something on the
-- way repeated (add_twin), whose token is that of the first and "+" and an id. "," comes after "+".
SELECT * FROM intents WHERE account = :account AND request_key = :request_key
UNION ALL
SELECT * FROM intents WHERE token > :token || '+' AND token < :token || ',';

-- name: reopen_plans
-- A machine of theirs is there that nobody was to have: it was found after its request had been given up.
UPDATE plans SET state = 'ending' WHERE account = :account AND state = 'over' AND plan IN (
  SELECT tries.plan FROM intents JOIN tries ON intents.request_key = 'plan:' || tries.plan || ':' || tries.number
    OR (intents.token > tries.token || '+' AND intents.token < tries.token || ',')
  WHERE intents.account = :account AND intents.state = 'confirmed' AND intents.gone_at IS NULL
    AND NOT (intents.token = tries.token AND tries.state = 'handed'));

-- name: begin_try
INSERT INTO tries (plan, number, place, token, offer_id, machine_id, host_id, usd_per_hour, pull_usd, worst_usd, state, made_at)
VALUES (:plan, :number, :place, :token, :offer_id, :machine_id, :host_id, :usd_per_hour, :pull_usd, :worst_usd, 'begun', :now)
ON CONFLICT (plan, number) DO UPDATE SET token = excluded.token, usd_per_hour = excluded.usd_per_hour,
  worst_usd = excluded.worst_usd, made_at = excluded.made_at;

-- name: move_try
-- The storm stops here (tests/storm): every state of a try is announced by it. What failed is on its way to its end,
-- which may have been sent; what was handed over is nobody's here any more, and is so only while its plan does not end; a try that made nothing may turn out to
-- have made a machine, which is ended.
UPDATE tries SET state = :state, why = :why,
  ready_at = CASE WHEN :state = 'ready' THEN coalesce(ready_at, :now) ELSE ready_at END
WHERE plan = :plan AND number = :number AND gone_at IS NULL
  AND (state IN ('begun', 'ready') OR (state = 'void' AND :state = 'failed'))
  AND (:state <> 'handed' OR EXISTS (SELECT 1 FROM plans WHERE plans.plan = :plan AND plans.state = 'open'));

-- name: leave_try_to_caller
UPDATE tries SET state = 'handed' WHERE state = 'ready' AND gone_at IS NULL
  AND plan IN (SELECT plan FROM plans WHERE account = :account AND state = 'open' AND told = 1)
  AND token IN (SELECT token FROM intents WHERE account = :account AND instance_id = :instance_id);

-- name: raise_worst
UPDATE tries SET worst_usd = max(worst_usd, :worst_usd) WHERE plan = :plan AND number = :number;

-- name: promise_end
UPDATE tries SET until = coalesce(until, :until) WHERE plan = :plan AND number = :number;

-- name: note_try_ending
UPDATE tries SET ending_at = coalesce(ending_at, :now) WHERE plan = :plan AND number = :number;

-- name: note_try_gone
UPDATE tries SET ending_at = coalesce(ending_at, :now), gone_at = coalesce(gone_at, :now)
WHERE plan = :plan AND number = :number;

-- ── runs ────────────────────────────────────────────────────────────────────────────────────────

-- name: open_run
INSERT INTO runs (run, account, wish, stage, made_at) VALUES (:run, :account, :wish, 'machine', :now);

-- name: run_of_wish
SELECT * FROM runs WHERE account = :account AND wish = :wish ORDER BY rowid DESC LIMIT 1;

-- name: run_named
SELECT * FROM runs WHERE run = :run AND account = :account;

-- name: take_run
UPDATE runs SET owner = :owner WHERE run = :run;

-- name: note_run
UPDATE runs SET stage = :stage, plans = :plans, instance_id = :instance_id, job = :job, spent_usd = :spent_usd,
    left_usd = :left_usd, ready_at = :ready_at, usd_per_hour = :usd_per_hour, status = :status, said = :said
WHERE run = :run AND owner = :owner;

-- name: mark_run_told
UPDATE runs SET told = 1 WHERE run = :run;

-- name: forget_runs
DELETE FROM runs WHERE stage = 'over' AND told = 1 AND made_at < :before;

-- ── volumes ─────────────────────────────────────────────────────────────────────────────────────

-- name: intend_volume
INSERT INTO volumes (
    token, account, wish, digest, room_id, clone_of, state, owner, made_at, usd_per_hour, lease_until, facts,
    max_usd_per_hour, max_total_usd_per_hour, counted_usd_per_hour
) VALUES (
    :token, :account, :wish, :digest, :room_id, :clone_of, 'intended', :owner, :now, :usd_per_hour, :lease_until, :facts,
    :max_usd_per_hour, :max_total_usd_per_hour, :counted_usd_per_hour
);

-- name: hold_volume
-- One that this journal did not make: another computer's of the same wish, one made with a machine, or made twice by
-- something on the way.
INSERT OR IGNORE INTO volumes (
    token, account, wish, digest, room_id, clone_of, state, owner, made_at, settled_at, volume_id, usd_per_hour,
    lease_until, announce, facts
) VALUES (
    :token, :account, :wish, :digest, :room_id, NULL, 'confirmed', :owner, :now, :now, :volume_id, :usd_per_hour,
    :lease_until, :announce, :facts
);

-- name: volume_by_token
SELECT * FROM volumes WHERE token = :token;

-- name: volume_by_id
SELECT * FROM volumes WHERE account = coalesce(:account, account) AND volume_id = :volume_id
ORDER BY rowid DESC LIMIT 1;

-- name: volumes_of_wish
SELECT * FROM volumes WHERE account = :account AND wish = :wish ORDER BY rowid DESC;

-- name: volumes_standing
-- What bills, and what may.
SELECT * FROM volumes
WHERE account = :account AND gone_at IS NULL AND state IN ('intended', 'sending', 'unknown', 'confirmed')
ORDER BY rowid;

-- name: volumes_announced
SELECT * FROM volumes WHERE account = :account AND announce > 0 ORDER BY rowid;

-- name: any_volume_open
SELECT * FROM volumes WHERE state IN ('intended', 'sending', 'unknown') LIMIT 1;

-- name: any_volume_leased
SELECT * FROM volumes WHERE state = 'confirmed' AND gone_at IS NULL AND lease_until IS NOT NULL LIMIT 1;

-- name: any_volume_unjudged
-- One that was made under a limit and that no answer has named, unless its price was compared with that.
SELECT * FROM volumes
WHERE state = 'confirmed' AND announce > 0 AND gone_at IS NULL AND judged_at IS NULL
  AND (max_usd_per_hour IS NOT NULL OR max_total_usd_per_hour IS NOT NULL)
LIMIT 1;

-- name: mark_volume_judged
UPDATE volumes SET judged_at = :now WHERE token = :token;

-- name: mark_volume_over
-- No row where an answer has named it since.
UPDATE volumes SET over_usd_per_hour = :usd_per_hour, announce = :announce WHERE token = :token AND announce > 0;

-- name: abandon_volume
UPDATE volumes SET state = 'abandoned' WHERE token = :token AND state = 'intended';

-- name: mark_volume_sending
UPDATE volumes SET state = 'sending', sent_at = :now WHERE token = :token AND state = 'intended';

-- name: mark_volume_refused
UPDATE volumes SET state = 'refused', settled_at = :now
WHERE token = :token AND state IN ('intended', 'sending');

-- name: mark_volume_unknown
UPDATE volumes SET state = 'unknown' WHERE token = :token AND state = 'sending';

-- name: mark_volume_made
-- From any state: a volume that is there outranks what was believed of its attempt.
UPDATE volumes SET state = 'confirmed', volume_id = :volume_id, announce = :announce, settled_at = :now
WHERE token = :token AND (state <> 'confirmed' OR volume_id IS NULL);

-- name: mark_volume_absent
UPDATE volumes SET state = 'absent', settled_at = :now WHERE token = :token AND state IN ('unknown', 'sending');

-- name: note_volume_gone
UPDATE volumes SET gone_at = :now
WHERE account = :account AND volume_id = :volume_id AND gone_at IS NULL;

-- name: set_volume_lease
UPDATE volumes SET lease_until = :until
WHERE account = :account AND volume_id = :volume_id AND state = 'confirmed' AND gone_at IS NULL;

-- name: mark_volume_ended
UPDATE volumes SET announce = :announce WHERE account = :account AND volume_id = :volume_id;

-- name: mark_volume_told
UPDATE volumes SET announce = 0 WHERE token = :token AND announce > 0 AND (announce = 3) = :ended;
