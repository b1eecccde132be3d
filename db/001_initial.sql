-- Why: the first schema. Text, bigint and bytea only, so that SQLite and PostgreSQL run the same file.
-- Rows with a `mac` carry authority: the MAC covers their other columns and is checked when they load.

-- What this store is: id, issuer, and proof of the master key it was made with.
create table store_facts (
  name text primary key,
  value text not null
);

create table orgs (
  id text primary key,
  name text not null,
  created_at bigint not null
);

-- The append-only sequence that every process follows; nothing here is ever changed or removed.
create table changes (
  seq bigint primary key,
  entity text not null,
  entity_id text not null,
  at bigint not null
);

create table agents (
  id text primary key,
  org_id text not null,
  name text not null,
  description text not null,
  owner text not null,
  ceiling text not null,
  computed_ceiling bigint not null,
  sensitivity text not null,
  auth_methods text not null,
  rotation_days bigint not null,
  status text not null,
  created_at bigint not null,
  created_by text,
  created_under text,
  version bigint not null,
  mac text not null,
  unique (org_id, name)
);

create table credentials (
  id text primary key,
  org_id text not null,
  agent_id text not null,
  kind text not null,
  secret_hash text unique,
  password_hash text,
  scopes text,
  status text not null,
  created_at bigint not null,
  expires_at bigint,
  rotated_from text,
  rotated_to text,
  retires_at bigint,
  predecessors text not null,
  created_by text,
  created_under text,
  version bigint not null,
  mac text not null
);
create index credentials_by_agent on credentials (agent_id);

-- When a credential was last seen: a remark, not authority, and so apart from the sealed row.
create table credential_uses (
  credential_id text primary key,
  first_used_at bigint not null,
  last_used_at bigint not null,
  used_by text not null
);

create table grants (
  id text primary key,
  org_id text not null,
  agent_id text not null,
  instance_id text,
  instance_label text,
  parent_id text,
  root_id text not null,
  lineage text not null,
  scopes text not null,
  audience text not null,
  expires_at bigint,
  depth bigint not null,
  max_depth bigint not null,
  uses bigint,
  task text,
  protections text not null,
  binding text,
  credential_id text not null,
  standing bigint not null,
  standing_key text unique,
  scope_limit text,
  created_seq bigint not null,
  created_at bigint not null,
  mac text not null
);
create index grants_by_parent on grants (parent_id, expires_at);
create index grants_by_root on grants (root_id, expires_at);
create index grants_by_org on grants (org_id, id);
create index grants_by_instance on grants (instance_id);
create index grants_by_credential on grants (credential_id, id);

-- Only limited grants have a row; a use takes one from every limited grant of the chain.
create table grant_uses (
  grant_id text primary key,
  uses_left bigint not null
);

create table tokens (
  id text primary key,
  org_id text not null,
  grant_id text not null,
  credential_id text not null,
  audience text not null,
  kind text not null,
  hash text not null,
  key_id text,
  issued_at bigint not null,
  expires_at bigint not null,
  created_seq bigint not null,
  mac text not null
);
create index tokens_by_grant on tokens (grant_id, id);
create index tokens_by_hash on tokens (hash);

-- Restrictions. `key` is kind and target; a statement that grants asks for newer ones by it.
create table revocations (
  seq bigint primary key,
  org_id text not null,
  key text not null,
  kind text not null,
  target text not null,
  within text not null,
  minted_before bigint,
  scopes text,
  cause text not null,
  at bigint not null,
  mac text not null
);
create index revocations_by_key on revocations (key, seq);

create table servers (
  id text primary key,
  org_id text not null,
  name text not null,
  version text not null,
  status text not null,
  public_jwk text,
  tools text not null,
  registered_at bigint,
  created_at bigint not null,
  record_version bigint not null,
  mac text not null,
  unique (org_id, name)
);

create table server_sightings (
  server_id text primary key,
  last_seen_at bigint not null
);

-- What an MCP server presents once to register; redeeming binds it to the server's key.
create table registrations (
  id text primary key,
  org_id text not null,
  server_id text not null,
  secret_hash text not null unique,
  status text not null,
  created_at bigint not null,
  expires_at bigint not null,
  redeemed_at bigint,
  thumbprint text,
  rotated_from text,
  version bigint not null,
  mac text not null
);
create index registrations_by_server on registrations (server_id, id);

create table resource_types (
  org_id text not null,
  type text not null,
  description text not null,
  operations text not null,
  owner_id text not null,
  created_at bigint not null,
  created_under text,
  mac text not null,
  primary key (org_id, type)
);

create table signing_keys (
  id text primary key,
  purpose text not null,
  alg text not null,
  public_jwk text not null,
  sealed_private text not null,
  status text not null,
  created_at bigint not null,
  retires_at bigint,
  mac text not null
);

create table handoffs (
  id text primary key,
  org_id text not null,
  code_hash text not null unique,
  kind text not null,
  grant_id text,
  credential_id text,
  audience text,
  ttl bigint,
  recipient_id text not null,
  by_code_alone bigint not null,
  created_at bigint not null,
  expires_at bigint not null,
  claimed_at bigint,
  claim_key text,
  mac text not null
);

create table idempotency (
  key_hash text primary key,
  operation text not null,
  arguments_hash text not null,
  result text not null,
  created_at bigint not null,
  mac text not null
);
create index idempotency_by_age on idempotency (created_at);

-- Single-use ids of proofs, remembered until the proof could not be accepted any more.
create table used_proofs (
  id text primary key,
  expires_at bigint not null
);
create index used_proofs_by_expiry on used_proofs (expires_at);

create table audit_events (
  chain text not null,
  seq bigint not null,
  id text not null unique,
  at bigint not null,
  org_id text not null,
  operation text not null,
  outcome text not null,
  code text not null,
  agent_id text,
  instance_id text,
  grant_id text,
  lineage text not null,
  presented text,
  target text,
  detail text not null,
  count bigint not null,
  trace_id text,
  server_id text not null,
  previous text not null,
  hash text not null,
  primary key (chain, seq)
);

-- The sealed end of each chain: a cut tail shows.
create table audit_heads (
  chain text primary key,
  seq bigint not null,
  hash text not null,
  at bigint not null,
  mac text not null
);

-- Where a chain begins once older events were pruned: the last one that is gone, sealed, so that a cut
-- beginning is told from a pruned one.
create table audit_floors (
  chain text primary key,
  seq bigint not null,
  hash text not null,
  at bigint not null,
  mac text not null
);

create table audit_checkpoints (
  chain text not null,
  seq bigint not null,
  head text not null,
  at bigint not null,
  signed text not null,
  primary key (chain, seq)
);
