// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { Failure } from '../../src/connector/failure.ts';
import type { Answered } from './answers.ts';
import type { Graph } from './graph.ts';
import { idIn, isObject, isSafeId, keptOf, propertyOf } from './raw-row.ts';
import { ApplicationRow, KeyCredential, propertiesOf } from './rows.ts';
import { needsCertificates, thumbprintOf } from './signing-certificate.ts';

const rowCheck = Compile(ApplicationRow);
const subject = 'ssoApplications (needs Application.Read.All)';

/**
 * Looks up the certificates of applications of which nothing else says which one signs: only a single read gives the certificates
 * themselves, so they are asked for there alone. Nothing of a key is kept, see `toApplication` and `isSecretName`.
 */
export class CertificateLookups {
  private readonly graph: Graph;
  /** By application. */
  private readonly failures = new Map<string, Failure>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** The rows with the thumbprints of their certificates. One whose look-up was refused is given without. Throws a Failure. */
  async complete(rows: readonly unknown[]): Promise<readonly unknown[]> {
    const open = rows.flatMap((row) => (rowCheck.Check(row) && needsCertificates(row) ? [row.id] : []));
    const asked = open.filter(isSafeId).map((id) => id.toLowerCase());
    for (const id of open)
      if (!isSafeId(id))
        this.failures.set(id, new Failure('contract', "the id is none of the directory's form"));
    if (asked.length === 0) return rows;
    const items = asked.map((id) => ({ id, url: `/servicePrincipals/${id}?$select=id,keyCredentials` }));
    const answers = await this.graph.batch(subject, items);
    return rows.map((row) => {
      const id = idIn(row) ?? '';
      const answered = answers.get(id);
      if (answered === undefined || !isObject(row)) return row;
      const certificates = answered.status === 200 ? propertyOf(answered.body, 'keyCredentials') : undefined;
      if (Array.isArray(certificates)) {
        this.failures.delete(id);
        return { ...row, keyCredentials: certificates.map(withThumbprint) };
      }
      this.failures.set(id, this.refusalOf(answered));
      return row;
    });
  }

  /** Why of some rows it could not be told which certificate signs; undefined when it could of all. */
  get failure(): Failure | undefined {
    const found = [...this.failures];
    // What somebody must mend comes before what mends itself.
    const [id, first] = found.find(([, { code }]) => code !== 'unavailable') ?? found[0] ?? [];
    if (id === undefined || first === undefined) return undefined;
    const message = `${subject}: of ${found.length} applications it could not be told which certificate signs (first ${id}: ${first.message}); what is stored of that stays`;
    return new Failure(first.code, message, { cause: first });
  }

  private refusalOf(answered: Answered): Failure {
    switch (answered.status) {
      case 200:
        return new Failure('contract', 'the answer holds no list of certificates');
      case 404:
        return new Failure(
          'unavailable',
          'it was not found by its id (404): the replica is behind, or it was deleted meanwhile; the next run asks again',
        );
      default:
        return this.graph.refusal(answered, 'its certificates');
    }
  }
}

function withThumbprint(credential: unknown): unknown {
  const thumbprint = thumbprintOf(propertyOf(credential, 'key'));
  const bare = keptOf(credential, new Set(propertiesOf(KeyCredential)));
  return isObject(bare) && thumbprint !== undefined ? { ...bare, thumbprint } : bare;
}
