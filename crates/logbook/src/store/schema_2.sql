-- A cluster's identity is what its rows are found by; its name is for people and may change.
ALTER TABLE cluster RENAME COLUMN name TO identity;
ALTER TABLE cluster ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE cluster SET name = substr(identity, 1, 8);

-- Subscriptions are configuration; the database never held any.
DROP TABLE subscription;
