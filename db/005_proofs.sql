-- Why: agents prove themselves to each other through challenges, and sign requests with a key that both
-- sides can compute.

-- One mutual authentication. Nonces and channel are kept as hashes; the MAC covers every state.
create table auth_challenges (
  id text primary key,
  org_id text not null,
  initiator_id text not null,
  responder_id text not null,
  initiator_nonce text not null,
  responder_nonce text,
  channel text not null,
  status text not null,
  created_at bigint not null,
  expires_at bigint not null,
  mac text not null
);
create index auth_challenges_by_expiry on auth_challenges (expires_at);

-- What a secret signs requests with (HMAC), derived from it and sealed for this credential alone.
create table request_keys (
  credential_id text primary key,
  sealed_key text not null
);
