-- Why: other MCP servers register too. Who invited each is remembered with it, and what it proves itself
-- with over HTTP besides its key. Rows of before stay sealed as they are.

alter table servers add column created_by text;
alter table servers add column created_under text;

alter table registrations add column created_by text;
alter table registrations add column created_under text;
alter table registrations add column management_hash text;
