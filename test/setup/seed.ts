// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { inject } from 'vitest';

/** One seed for the whole run, printed by it: TEST_SEED=… repeats the properties' inputs. */
fc.configureGlobal({ seed: inject('seed') });
