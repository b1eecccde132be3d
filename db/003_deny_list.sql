-- Why: a deny-list tells some tokens one by one, and those are found by when they were issued.
create index tokens_by_issue on tokens (issued_at, expires_at);
