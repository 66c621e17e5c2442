// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';

/** The certificate authority that kube-apiserver made for itself: it writes its own certificate and, after it, the CA's. */
export async function apiserverCa(directory: string): Promise<string> {
  const pem = await readFile(join(directory, 'certs', 'apiserver.crt'), 'utf8');
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
  const ca = certificates.at(-1);
  if (ca === undefined) throw new Error('kube-apiserver wrote no certificate');
  return ca;
}

/** Resolves false for "not yet" from the server; rejects when there is nobody to answer. */
export function isReady(server: string, token: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Before it is ready there is no CA to check it against; it is our own child on loopback.
    const options = {
      rejectUnauthorized: false,
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    } as const;
    const probe = request(`${server}/readyz`, options, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode === 200));
    });
    probe.setTimeout(5000, () => probe.destroy(new Error('no answer in 5 s')));
    probe.on('error', reject);
    probe.end();
  });
}
