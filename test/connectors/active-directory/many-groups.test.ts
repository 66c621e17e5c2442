// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { places } from '../../kit/samba/seed.ts';
import { Directory } from './directory.ts';

const groups = Array.from({ length: 60 }, (_, number) => `CN=Many ${number},${places.groups}`);

/** A directory keeps the places of few searches for a connection (Samba: ten), and looking up members is searching too. */
test('many groups that changed are read in one walk, with members that have to be looked up', async () => {
  await using directory = await Directory.start();
  const { ldb } = directory.domain;
  await ldb.modify(
    groups
      .map(
        (dn, number) =>
          `dn: ${dn}\nchangetype: add\nobjectClass: group\nsAMAccountName: many-${number}\nmember: CN=PC${String(number + 1).padStart(4, '0')},${places.computers}\n\n`,
      )
      .join(''),
  );
  const block = { userBases: [places.people], computerBases: [places.people] };
  const first = await directory.sync({ block });
  expect(first.failure, JSON.stringify(first.status)).toBeUndefined();
  await ldb.modify(
    groups.map((dn) => `dn: ${dn}\nchangetype: modify\nreplace: description\ndescription: new\n\n`).join(''),
  );
  const next = await directory.sync({ block });
  expect(next.failure, JSON.stringify(next.status)).toBeUndefined();
  expect(next.stream('memberships')).toMatchObject({ created: 0, deleted: 0, complete: true });
}, 180_000);
