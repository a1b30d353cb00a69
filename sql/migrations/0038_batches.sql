-- oldest code: 1

-- An act that an operator requested for many orders, events or messages. Its items are done in sequence, by one process at a time.
CREATE TABLE batches (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act          text NOT NULL,
    options      text NOT NULL,  -- JSON: the act's parameters, the same for every item
    note         text NOT NULL,  -- blanked when the customer of one of its orders is erased
    operator     text NOT NULL,  -- user of the operating system
    host         text NOT NULL,
    livemode     boolean,        -- of the key; null: the act does not ask Stripe
    status       text NOT NULL DEFAULT 'running',
    why          text,           -- why it stopped
    total        integer NOT NULL,
    done         integer NOT NULL DEFAULT 0,
    failed       integer NOT NULL DEFAULT 0,
    skipped      integer NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    holder       text,           -- the process that runs it, until leased_until; a daemon continues a running batch after that
    leased_until timestamptz,
    CONSTRAINT batches_act_known CHECK (act IN (
        'refund', 'resend', 'expire', 'cancel', 'sync', 'ack', 'note', 'replay_events', 'replay_messages')),
    CONSTRAINT batches_status_known CHECK (status IN ('running', 'stopped', 'finished'))
);
CREATE INDEX batches_running ON batches (number) WHERE status = 'running';

CREATE TABLE batch_items (
    batch     bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    position  integer NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),  -- of the refund request
    subject   text NOT NULL,  -- an order's number, or the id of an event or message
    order_id  uuid REFERENCES orders ON DELETE CASCADE,
    object_id text,           -- the payment or session that is meant
    amount    bigint,
    currency  text,
    status    text NOT NULL DEFAULT 'waiting',
    kind      text,           -- of a failure: the error without ids and amounts
    outcome   text,
    attempts  integer NOT NULL DEFAULT 0,
    begun_at  timestamptz,
    ended_at  timestamptz,
    PRIMARY KEY (batch, position),
    CONSTRAINT batch_items_status_known CHECK (status IN ('waiting', 'done', 'failed', 'skipped'))
);
CREATE UNIQUE INDEX batch_items_once ON batch_items (batch, subject);
CREATE INDEX batch_items_waiting ON batch_items (batch, position) WHERE status = 'waiting';
CREATE INDEX batch_items_failed ON batch_items (batch, kind) WHERE status = 'failed';
CREATE INDEX batch_items_of_order ON batch_items (order_id) WHERE order_id IS NOT NULL;
