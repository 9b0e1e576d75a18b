/**
 * The one migration history, for SQLite and PostgreSQL alike. Never change an entry that was released: add one.
 *
 * accounts is a view of the log as of view.position. first_seq, the seq of the entry that first named the DID, is
 * its stable paging key: a rebuilt view gives the same one. `taken` holds the positions taken from the DID's
 * hosts (invariant 2) as JSON {"host": [epoch, seq]}.
 * hosts has two owners: the crawler (cursor and epoch, changed by compare-and-set; status and what it saw) and the
 * view (account_count, account_limit, banned, epoch upward). In a cluster `owner` is the crawler that has leased it,
 * and `fence` is raised each time that changes: a write with an older one changes nothing.
 *
 * The operator's columns of hosts are changed by the admin API, with changed_ms; restarts is raised where a session must
 * end and begin anew. held_commits and throttles belong to the view, domains to the view (bans) and the operator
 * (trust). refusals, refused_frames and account_refusals are bounded samples that whoever refuses writes; audit is what
 * operators did; met_hosts and met_domains count the hosts first met on a day, in
 * all and by registrable domain (H6).
 *
 * attempts counts how often in a row whoever reads something began and did not last; suspects are the entries that somebody
 * died over (invariant 14).
 *
 * members are the live processes of a cluster, each until `expires_ms` on the database's clock. topics holds the
 * broker's id of each topic and our generation of it, raised when the id changes. partitions holds up to where a
 * partition is consumed, and who has leased it: of `raw` the verifiers, of `sequenced` (one) the leading sequencer.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE view (
     id INTEGER PRIMARY KEY,
     generation BIGINT NOT NULL,
     position BIGINT NOT NULL
   );
   INSERT INTO view (id, generation, position) VALUES (1, 0, 0);
   CREATE TABLE accounts (
     first_seq BIGINT PRIMARY KEY,
     did TEXT NOT NULL UNIQUE,
     host TEXT NOT NULL,
     taken TEXT NOT NULL,
     raw_generation BIGINT NOT NULL,
     raw_offset BIGINT NOT NULL,
     rev TEXT,
     commit_cid TEXT,
     data_cid TEXT,
     upstream TEXT NOT NULL,
     local TEXT NOT NULL,
     digest TEXT NOT NULL,
     version BIGINT NOT NULL,
     marked BIGINT NOT NULL
   );
   CREATE INDEX accounts_local ON accounts (first_seq) WHERE local <> 'active';
   CREATE TABLE hosts (
     hostname TEXT PRIMARY KEY,
     created_ms BIGINT NOT NULL,
     epoch BIGINT NOT NULL,
     cursor BIGINT,
     last_seq BIGINT,
     status TEXT NOT NULL,
     connected BIGINT NOT NULL,
     trusted BIGINT NOT NULL,
     lenient BIGINT NOT NULL,
     banned BIGINT NOT NULL,
     account_count BIGINT NOT NULL,
     account_limit BIGINT NOT NULL,
     failures BIGINT NOT NULL,
     retry_at_ms BIGINT NOT NULL,
     last_event_ms BIGINT NOT NULL,
     last_error TEXT,
     asked_ms BIGINT NOT NULL
   );
   CREATE INDEX hosts_created ON hosts (created_ms, hostname);
   CREATE TABLE identities (
     did TEXT PRIMARY KEY,
     fetched_ms BIGINT NOT NULL,
     document TEXT NOT NULL
   )`,
  `ALTER TABLE view ADD COLUMN log_id TEXT NOT NULL DEFAULT '';
   ALTER TABLE view ADD COLUMN base BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN owner TEXT;
   ALTER TABLE hosts ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
   CREATE INDEX hosts_owner ON hosts (owner);
   CREATE TABLE members (
     id TEXT PRIMARY KEY,
     role TEXT NOT NULL,
     started_ms BIGINT NOT NULL,
     expires_ms BIGINT NOT NULL
   );
   CREATE TABLE topics (
     name TEXT PRIMARY KEY,
     id TEXT NOT NULL,
     generation BIGINT NOT NULL
   );
   CREATE TABLE partitions (
     topic TEXT NOT NULL,
     number BIGINT NOT NULL,
     generation BIGINT NOT NULL,
     position BIGINT NOT NULL,
     owner TEXT,
     fence BIGINT NOT NULL,
     PRIMARY KEY (topic, number)
   )`,
  `ALTER TABLE hosts ADD COLUMN source TEXT NOT NULL DEFAULT 'request';
   ALTER TABLE hosts ADD COLUMN paused BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN upstream BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN start_live BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN events_per_second BIGINT;
   ALTER TABLE hosts ADD COLUMN events_per_hour BIGINT;
   ALTER TABLE hosts ADD COLUMN events_per_day BIGINT;
   ALTER TABLE hosts ADD COLUMN changed_ms BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN restarts BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN sequence_ms BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN throttled_count BIGINT NOT NULL DEFAULT 0;
   UPDATE hosts SET throttled_count = (SELECT count(*) FROM accounts
     WHERE accounts.host = hosts.hostname AND local = 'throttled' AND upstream <> 'deleted');
   CREATE INDEX accounts_throttled ON accounts (host, first_seq) WHERE local = 'throttled';
   CREATE INDEX accounts_upstream ON accounts (first_seq) WHERE upstream <> 'active';
   CREATE TABLE domains (
     domain TEXT NOT NULL,
     rule TEXT NOT NULL,
     created_ms BIGINT NOT NULL,
     PRIMARY KEY (domain, rule)
   );
   CREATE TABLE held_commits (
     did TEXT PRIMARY KEY,
     rev TEXT NOT NULL,
     commit_cid TEXT NOT NULL,
     data_cid TEXT NOT NULL,
     block TEXT NOT NULL
   );
   CREATE TABLE throttles (
     did TEXT PRIMARY KEY,
     until_ms BIGINT NOT NULL
   );
   CREATE INDEX throttles_until ON throttles (until_ms);
   CREATE TABLE refusals (
     host TEXT NOT NULL,
     reason TEXT NOT NULL,
     frames BIGINT NOT NULL,
     last_ms BIGINT NOT NULL,
     PRIMARY KEY (host, reason)
   );
   CREATE TABLE refused_frames (
     host TEXT NOT NULL,
     reason TEXT NOT NULL,
     slot BIGINT NOT NULL,
     at_ms BIGINT NOT NULL,
     did TEXT NOT NULL,
     seq BIGINT NOT NULL,
     detail TEXT NOT NULL,
     frame TEXT,
     document TEXT,
     PRIMARY KEY (host, reason, slot)
   );
   CREATE INDEX refused_frames_at ON refused_frames (at_ms);
   CREATE TABLE account_refusals (
     did TEXT PRIMARY KEY,
     host TEXT NOT NULL,
     reason TEXT NOT NULL,
     at_ms BIGINT NOT NULL,
     frames BIGINT NOT NULL
   );
   CREATE INDEX account_refusals_at ON account_refusals (at_ms);
   CREATE TABLE audit (
     id TEXT PRIMARY KEY,
     at_ms BIGINT NOT NULL,
     who TEXT NOT NULL,
     act TEXT NOT NULL,
     subject TEXT NOT NULL,
     why TEXT NOT NULL,
     detail TEXT NOT NULL
   );
   CREATE INDEX audit_at ON audit (at_ms);
   CREATE TABLE met_hosts (
     day BIGINT PRIMARY KEY,
     hosts BIGINT NOT NULL
   )`,
  `CREATE TABLE attempts (
     name TEXT PRIMARY KEY,
     begun BIGINT NOT NULL,
     faults BIGINT NOT NULL,
     first_ms BIGINT NOT NULL
   );
   CREATE TABLE suspects (
     entry TEXT PRIMARY KEY,
     marks BIGINT NOT NULL,
     faults BIGINT NOT NULL,
     alone BIGINT NOT NULL,
     first_ms BIGINT NOT NULL,
     at_ms BIGINT NOT NULL
   );
   CREATE INDEX suspects_at ON suspects (at_ms)`,
  'ALTER TABLE accounts ADD COLUMN synced BIGINT NOT NULL DEFAULT 0',
  `ALTER TABLE hosts ADD COLUMN domain_banned BIGINT NOT NULL DEFAULT 0;
   UPDATE hosts SET domain_banned = 1 WHERE EXISTS (SELECT 1 FROM domains d WHERE d.rule = 'ban'
     AND (hosts.hostname = d.domain OR hosts.hostname LIKE '%.' || d.domain))`,
  `CREATE TABLE met_domains (
     day BIGINT NOT NULL,
     domain TEXT NOT NULL,
     hosts BIGINT NOT NULL,
     PRIMARY KEY (day, domain)
   )`,
  'ALTER TABLE partitions ADD COLUMN leader_epoch BIGINT NOT NULL DEFAULT -1',
  `ALTER TABLE members ADD COLUMN standstill_ms BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE members ADD COLUMN working_ms BIGINT NOT NULL DEFAULT 0;
   ALTER TABLE members ADD COLUMN worked_ms BIGINT NOT NULL DEFAULT 0`,
]
