-- Why: agents prove themselves by keys and certificates. A credential keeps its public keys, or how its
-- certificate is told and under which trust anchor, and the key that what is for its agent is sealed to.

alter table credentials add column public_keys text;
alter table credentials add column encryption_key text;
alter table credentials add column anchor_id text;
alter table credentials add column certificate_rule text;

-- What identifies one credential belongs to it for ever: a key by its thumbprint, a certificate by what it
-- is told by under its anchor. Only so that nothing is registered twice; what a row says grants nothing.
create table identifying_marks (
  org_id text not null,
  mark text not null,
  agent_id text not null,
  credential_id text not null,
  created_at bigint not null,
  primary key (org_id, mark)
);

-- Certification authorities that an organisation believes about the agents whose credentials name them.
create table trust_anchors (
  id text primary key,
  org_id text not null,
  name text not null,
  certificate text not null,
  crl text not null,
  status text not null,
  created_at bigint not null,
  created_by text,
  created_under text,
  version bigint not null,
  mac text not null,
  unique (org_id, name)
);

-- The certificate that a credential was last proven by, for reminders: a remark, not authority.
create table certificate_sightings (
  credential_id text primary key,
  thumbprint text not null,
  not_before bigint not null,
  not_after bigint not null,
  seen_at bigint not null
);
