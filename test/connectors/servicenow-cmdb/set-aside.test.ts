// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { plant } from './plant.ts';
import { open } from './reading.ts';

test.each(['cis', 'relationships', 'users', 'groups', 'memberships'])(
  'a row of %s that is set aside is kept without what a field of a secret name holds',
  async (stream) => {
    await using planted = await plant();
    await using opened = await open(planted.url, {
      config: { relationships: true, users: true, groups: true },
    });
    const row = { sys_id: 'no id', name: 'one', user_password: 'canary-1', u_api_key: { value: 'canary-2' } };
    const { value, whole } = opened.stream(stream).keepable(row);
    expect(JSON.stringify(value)).toContain('one');
    expect(JSON.stringify(value)).not.toContain('canary');
    expect(whole).toBe(false);
  },
);
