-- SPDX-License-Identifier: GPL-3.0-or-later
-- Certificates as objects of the administrator: uploaded, in files, or self-signed; two of one name for two kinds of keys. What
-- was made for a route's name becomes a self-signed one; what a listener shows to whom nothing fits is its fallback.

ALTER TABLE certificates ADD COLUMN enabled BIGINT NOT NULL DEFAULT 1;
ALTER TABLE certificates ADD COLUMN certificate_path TEXT NOT NULL DEFAULT '';
ALTER TABLE certificates ADD COLUMN private_key_path TEXT NOT NULL DEFAULT '';

DROP INDEX certificates_one_self_signed;
DROP INDEX certificates_one_fallback;
UPDATE certificates SET source = 'fallback' WHERE hostname_pattern = '';
CREATE UNIQUE INDEX certificates_one_fallback ON certificates (listener_id) WHERE source = 'fallback';
CREATE INDEX certificates_by_listener ON certificates (listener_id);
