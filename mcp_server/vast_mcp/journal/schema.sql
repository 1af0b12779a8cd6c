-- The journal, version 2. One row of `intents` is one attempt: one PUT at most, one token.
-- Times are seconds since the epoch (for people and for ages); nothing here is a secret.
--
-- It only grows, since an older vast-mcp may have the file open and writes as it always did: a new
-- column may be NULL or has a default, has no other constraint, and comes last in its table; facts
-- and accounts get none, since 0.1.0 inserts into those without naming columns. An index or table
-- that must change gets another name. schema.py adds what a file lacks.

CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Which account a key belongs to, by a digest of address and key, so that it is asked once.
CREATE TABLE accounts (
    key_digest TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    read_at    REAL NOT NULL
) STRICT;

CREATE TABLE intents (
    id          INTEGER PRIMARY KEY,
    token       TEXT NOT NULL UNIQUE,
    account     TEXT NOT NULL,
    request_key TEXT NOT NULL,
    digest      TEXT NOT NULL,
    offer_id    INTEGER NOT NULL,
    label       TEXT NOT NULL,
    wanted      TEXT NOT NULL CHECK (wanted IN ('running', 'stopped')),
    state       TEXT NOT NULL CHECK (state IN ('intended', 'sending', 'confirmed', 'refused', 'unknown', 'absent', 'abandoned')),
    owner       TEXT NOT NULL,
    made_at     REAL NOT NULL,
    sent_at     REAL,
    settled_at  REAL,
    instance_id INTEGER,
    stopped     INTEGER NOT NULL DEFAULT 0,  -- confirmed, but found stopped although it was to run
    reason      TEXT,                        -- code of the refusal
    facts       TEXT,                        -- JSON: what the first answer said of it (price, disk, kind)
    gone_at     REAL,                        -- confirmed, and since proven gone
    announce    INTEGER NOT NULL DEFAULT 0,  -- 1: its answer may not have arrived; 2: found late; 3: its lease ended; 0: told
    usd_per_hour REAL,                       -- the most it may cost while running, as known before it was sent
    lease_until REAL,                        -- when it is to be destroyed; moved by extending
    max_usd_per_hour REAL,                   -- the limits that it was sent under: of one machine, the person's or the call's
    max_total_usd_per_hour REAL,             -- and of all of them
    counted_usd_per_hour REAL,               -- what all of them came to with it, where that was counted
    volume_usd_per_hour REAL,                -- a new volume's share of its price; NULL where it makes none
    judged_at   REAL,                        -- when its price was compared with its limits and it was left to live
    over_usd_per_hour REAL,                  -- what it turned out to cost, where it is ended for that
    volume_left INTEGER,                     -- of one that was ended: its new volume, while that may bill; -1: some volume
    born_at     REAL                         -- made_at by Vast's clock: a lease counts from it
) STRICT;

CREATE INDEX intents_by_wish ON intents (account, request_key, id);
CREATE INDEX intents_open ON intents (account) WHERE state IN ('intended', 'sending', 'unknown');
CREATE INDEX intents_living ON intents (account, offer_id) WHERE state = 'confirmed' AND gone_at IS NULL;
CREATE INDEX intents_by_instance ON intents (instance_id) WHERE instance_id IS NOT NULL;
CREATE INDEX intents_announced ON intents (account) WHERE announce > 0;

-- The earliest birth that a row of Vast's named of a machine: a start_date may move.
CREATE TABLE births (
    account     TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    born_at     REAL NOT NULL,
    PRIMARY KEY (account, instance_id)
) STRICT;

-- What machines that exist may come to cost by an act of ours that no list shows yet: a start, a better bid.
CREATE TABLE holds (
    id           INTEGER PRIMARY KEY,
    account      TEXT NOT NULL,
    instance_id  INTEGER NOT NULL,
    usd_per_hour REAL NOT NULL,
    made_at      REAL NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('flying', 'maybe', 'true')),
    agreed       INTEGER NOT NULL DEFAULT 0   -- 1: it comes for certain, later than any look
) STRICT;
CREATE INDEX holds_by_account ON holds (account);

-- What was paid ahead for machines. One that is in doubt is settled by what a destroy would give back.
CREATE TABLE deposits (
    id             INTEGER PRIMARY KEY,
    account        TEXT NOT NULL,
    instance_id    INTEGER NOT NULL,
    usd            REAL NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('sending', 'unknown', 'paid', 'refused', 'absent', 'undecided')),
    refundable_usd REAL NOT NULL,            -- what a destroy would have given back before it was sent
    made_at        REAL NOT NULL,
    lacked_at      REAL,                     -- when the balance first did not show it
    months         REAL,                     -- that counted for the discount before it was sent
    settled_at     REAL                      -- when what became of it was written down
) STRICT;
CREATE INDEX deposits_by_machine ON deposits (account, instance_id);

-- Living machines of this account whose tokens this journal did not make: another computer's, or of a
-- journal that was lost. They are kept for the wishes that their first eight digits name.
CREATE TABLE elsewhere (
    token       TEXT NOT NULL,
    account     TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    seen_at     REAL NOT NULL,
    PRIMARY KEY (account, token, instance_id)
) STRICT;

-- What waits have seen of a machine that starts: JSON, with digests in place of the host's words.
CREATE TABLE watched (
    key_digest  TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    seen        TEXT NOT NULL,
    kept_at     REAL NOT NULL,
    PRIMARY KEY (key_digest, instance_id)
) STRICT;

-- The host key by which a machine is known again, by each way in; NULL: it was made anew at kept_at. The
-- service is a digest of the API's address.
CREATE TABLE host_keys (
    service     TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    way         TEXT NOT NULL,
    host_key    TEXT,                        -- as known_hosts has it: type and base64
    kept_at     REAL NOT NULL,
    PRIMARY KEY (service, instance_id, way)
) STRICT;

-- What became of the machines that were rented here, by Vast's number of the hardware; one row of a kind a rental.
CREATE TABLE met (
    service     TEXT NOT NULL,
    machine_id  INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    what        TEXT NOT NULL,               -- rented, ready, copied, failed, check_passed or check_failed
    detail      TEXT NOT NULL DEFAULT '',    -- how: codes of ours
    seconds     REAL,                        -- after which, counted from the rental
    noted_at    REAL NOT NULL,
    PRIMARY KEY (service, machine_id, instance_id, what)
) STRICT;

-- What images took to be pulled, each by a digest of its name: the most that a machine had received when
-- it was first of use.
CREATE TABLE pulled (
    service     TEXT NOT NULL,
    image       TEXT NOT NULL,
    gb          REAL NOT NULL,
    noted_at    REAL NOT NULL,
    PRIMARY KEY (service, image)
) STRICT;

-- What looks have told of what a machine has cost: JSON of times and prices.
CREATE TABLE metered (
    key_digest  TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    seen        TEXT NOT NULL,
    kept_at     REAL NOT NULL,
    PRIMARY KEY (key_digest, instance_id)
) STRICT;

-- Questions put to the person in a shell. The code is kept as a digest; what is asked, as a digest of the arguments.
CREATE TABLE approvals (
    code_digest  TEXT PRIMARY KEY,
    asked        TEXT NOT NULL,
    usd_per_hour REAL NOT NULL,              -- the most it may cost, as the person reads it
    said         TEXT NOT NULL,              -- the question, as the person reads it
    made_at      REAL NOT NULL,
    approved_at  REAL,
    used_by      TEXT                        -- token of the attempt that used it, or a name of another act's own
) STRICT;

-- What the service said to attempts that it neither granted nor refused in words that are known, without secrets.
CREATE TABLE answers (
    token        TEXT PRIMARY KEY,
    http_status  INTEGER NOT NULL,
    said         TEXT NOT NULL,
    told_at      REAL                        -- when a call told of it, the attempt being absent
) STRICT;

-- What is run in machines, each under the name of its folder there. Of a command only digests are kept, and nothing
-- that it says.
CREATE TABLE jobs (
    job         TEXT PRIMARY KEY,
    account     TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    wish        TEXT NOT NULL,               -- the request key, or one made of what is asked for
    digest      TEXT NOT NULL,               -- of the command and the names of its values
    state       TEXT NOT NULL CHECK (state IN ('named', 'sent', 'begun', 'over')),
    ticket      TEXT,                        -- what was made ready there before its start was sent: good for one start
    made_at     REAL NOT NULL,
    ending      TEXT,                        -- ended, stopped, unstarted, interrupted, lost or gone
    exit_status INTEGER,
    over_at     REAL,
    told        INTEGER NOT NULL DEFAULT 0   -- 1: an answer that told its end has arrived
) STRICT;
CREATE INDEX jobs_by_wish ON jobs (account, instance_id, wish);

-- What is looked for until a machine works, by whichever process has its turn. Of what was asked only what is no secret
-- is kept: values of env, logins and scripts stay with the process that was called.
CREATE TABLE plans (
    plan        TEXT PRIMARY KEY,
    account     TEXT NOT NULL,
    wish        TEXT NOT NULL,               -- the request key, or one made of what is asked for
    digest      TEXT NOT NULL,               -- of all that is asked for
    wanted      TEXT NOT NULL,               -- JSON: what is asked for, without what may be secret
    bounds      TEXT NOT NULL,               -- JSON: how many, and what they may cost in money, tries and time
    agreed      TEXT,                        -- JSON: what a person said yes to; NULL where nobody was to be asked
    state       TEXT NOT NULL CHECK (state IN ('open', 'ending', 'over')),
    outcome     TEXT,                        -- why it ends, or ended
    detail      TEXT NOT NULL DEFAULT '',    -- of that or of what it waits for, in codes of ours
    made_at     REAL NOT NULL,
    asked_at    REAL NOT NULL,               -- when somebody last asked after it
    over_at     REAL,
    driver      TEXT,                        -- the process that drives it, and when it last said so
    driven_at   REAL,
    turn        INTEGER NOT NULL DEFAULT 0,  -- counts drivers: one that lost its turn writes nothing
    told        INTEGER NOT NULL DEFAULT 0   -- 1: an answer that told its machines, or its end, has arrived
) STRICT;
CREATE INDEX plans_by_wish ON plans (account, wish);
CREATE INDEX plans_open ON plans (account) WHERE state <> 'over';

-- The tries of a plan, numbered from 1: each one a rental, named in the transaction that announces it.
CREATE TABLE tries (
    plan         TEXT NOT NULL,
    number       INTEGER NOT NULL,
    place        INTEGER NOT NULL,           -- which of the machines that are wanted it is to be, from 1
    token        TEXT NOT NULL,              -- of its attempt
    offer_id     INTEGER NOT NULL,
    machine_id   INTEGER,
    host_id      INTEGER,
    usd_per_hour REAL NOT NULL,              -- while it runs, with disk and new volume
    pull_usd     REAL NOT NULL,              -- the most that its traffic costs until it is of use
    worst_usd    REAL NOT NULL,              -- the most that it may cost until it is of use, or ended
    state        TEXT NOT NULL CHECK (state IN ('begun', 'ready', 'handed', 'failed', 'void')),
    why          TEXT NOT NULL DEFAULT '',   -- how it failed, in codes of ours
    made_at      REAL NOT NULL,
    ready_at     REAL,
    until        REAL,                       -- when its machine ends once it is handed over, announced before it is moved
    ending_at    REAL,                       -- when its first DELETE was accepted, or it was seen to be gone before
    gone_at      REAL,                       -- when it was proven gone, its new volume too
    PRIMARY KEY (plan, number)
) STRICT;
CREATE INDEX tries_by_token ON tries (token);

-- Lines of `vast-mcp run`: one job each, from the machine that is found for it to that machine's end. Of the line only a
-- digest is kept.
CREATE TABLE runs (
    run         TEXT PRIMARY KEY,            -- also what its plans and its job are keyed by
    account     TEXT NOT NULL,
    wish        TEXT NOT NULL,               -- a digest of line, folder and key
    stage       TEXT NOT NULL CHECK (stage IN ('machine', 'up', 'job', 'down', 'end', 'over')),
    owner       TEXT,                        -- the process that goes on with it
    plans       INTEGER NOT NULL DEFAULT 1,  -- how many were made: the machine of an earlier one was lost unused
    instance_id INTEGER,
    job         TEXT,                        -- in the machine, once its start was sent
    spent_usd   REAL NOT NULL DEFAULT 0,     -- by plans whose machines were lost
    left_usd    REAL,                        -- of the budget, as the machine was ready, at ready_at
    ready_at    REAL,
    usd_per_hour REAL,                       -- of the machine
    status      INTEGER,                     -- what the line ends with, once that is known
    said        TEXT NOT NULL DEFAULT '',    -- why, in words of ours
    made_at     REAL NOT NULL,
    told        INTEGER NOT NULL DEFAULT 0   -- 1: the process that told its status was about to end with it
) STRICT;
CREATE INDEX runs_by_wish ON runs (account, wish);

-- Volumes that were made by themselves, one row an attempt, in the states of `intents`; and, with room 0, volumes that were
-- made otherwise and have a lease. What a lease says of a volume stands here alone.
CREATE TABLE volumes (
    token        TEXT PRIMARY KEY,           -- ends the volume's name, where the service takes one
    account      TEXT NOT NULL,
    wish         TEXT NOT NULL,              -- the request key, or one made of what is asked for
    digest       TEXT NOT NULL,
    room_id      INTEGER NOT NULL,           -- the volume offer
    clone_of     INTEGER,                    -- of a copy, which has no name of ours
    state        TEXT NOT NULL CHECK (state IN ('intended', 'sending', 'confirmed', 'refused', 'unknown', 'absent', 'abandoned')),
    owner        TEXT NOT NULL,
    made_at      REAL NOT NULL,
    sent_at      REAL,
    settled_at   REAL,
    volume_id    INTEGER,
    usd_per_hour REAL,                       -- as known before it was sent
    lease_until  REAL,                       -- when it is to be deleted; NULL: no lease
    gone_at      REAL,
    announce     INTEGER NOT NULL DEFAULT 0, -- as of `intents`
    facts        TEXT,                       -- JSON: size, machine, and the volumes that there were before
    max_usd_per_hour REAL,                   -- what it is sent under, as of `intents`
    max_total_usd_per_hour REAL,
    counted_usd_per_hour REAL,
    judged_at    REAL,                       -- its price was read, and may be
    over_usd_per_hour REAL                   -- it costs so much, over a limit, and is deleted
) STRICT;
CREATE INDEX volumes_by_wish ON volumes (account, wish);
CREATE INDEX volumes_standing ON volumes (account) WHERE gone_at IS NULL AND state IN ('intended', 'sending', 'unknown', 'confirmed');

-- What Vast was asked to copy between machines, volumes and clouds. Of the places only a digest is kept.
CREATE TABLE copies (
    copy    TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    wish    TEXT NOT NULL,                   -- the request key, or one made of the places
    digest  TEXT NOT NULL,                   -- of both places
    state   TEXT NOT NULL CHECK (state IN ('sent', 'taken', 'stopped')),
    made_at REAL NOT NULL
) STRICT;
CREATE INDEX copies_by_wish ON copies (account, wish);
