-- SPDX-License-Identifier: Apache-2.0
-- Every run rewrites every sighting it confirms. With room on its page the new version stays there, and no index is touched.

ALTER TABLE sightings SET (fillfactor = 45);
