// SPDX-License-Identifier: Apache-2.0
import { ProgramMissing } from '../kit/debian.ts';
import { inPrivateDocker } from '../kit/image/private-docker.ts';
import { resolveControlPlane } from '../kit/control-plane/resolve.ts';

// `npm run test:image`: builds the image and runs it, beside a Docker daemon of its own. The last line is the summary, as of `npm test`.

const suite = ['test/run.ts', '--config', 'test/image/vitest.config.ts'];
const progress = (line: string) => console.error(line);

try {
  // In the namespace there is no network to have it by.
  await resolveControlPlane({ progress, allowBuild: true });
  process.exitCode = await inPrivateDocker([process.execPath, ...suite, ...process.argv.slice(2)], progress);
} catch (error) {
  const known = error instanceof ProgramMissing || !(error instanceof Error);
  console.error(known ? String(error) : (error.stack ?? error.message));
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
