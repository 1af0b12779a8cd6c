-- The journal, version 1. One row of `intents` is one attempt: one PUT at most, one token.
-- Times are seconds since the epoch (for people and for ages); nothing here is a secret.

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
    announce    INTEGER NOT NULL DEFAULT 0   -- 1: its answer may not have arrived; 2: found late; 0: told
) STRICT;

CREATE INDEX intents_by_wish ON intents (account, request_key, id);
CREATE INDEX intents_open ON intents (account) WHERE state IN ('intended', 'sending', 'unknown');
CREATE INDEX intents_living ON intents (account, offer_id) WHERE state = 'confirmed' AND gone_at IS NULL;
CREATE INDEX intents_by_instance ON intents (instance_id) WHERE instance_id IS NOT NULL;
CREATE INDEX intents_announced ON intents (account) WHERE announce > 0;
