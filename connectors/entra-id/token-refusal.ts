// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { audiences, type Audience, type FailureCode } from '../../src/api/failure.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { RawAnswer } from '../../src/connector/http.ts';
import { vendorWords, type Redact } from '../../src/connector/vendor-words.ts';
import { jsonIn } from './json-text.ts';

const RefusalCheck = Compile(
  Type.Object({
    error: Type.String(),
    error_description: Type.Optional(Type.String()),
    error_codes: Type.Optional(Type.Array(Type.Number())),
  }),
);

interface Reading {
  readonly code: FailureCode;
  readonly means: string;
  readonly audience?: Audience;
}

const { administrator } = audiences;
const secret = (means: string): Reading => ({ code: 'credentials', means });
const spec = (means: string): Reading => ({ code: 'configuration', means });
const tenant = (means: string): Reading => ({ code: 'credentials', means, audience: administrator });

/**
 * What the login means by its numbers (AADSTS), the first of `error_codes`; texts are translated and change. Facts: product
 * documentation of the error codes, and recorded answers.
 */
const readings: ReadonlyMap<number, Reading> = new Map([
  [7000215, secret('clientSecret is wrong; put the value of the secret into the Secret, not its id')],
  [7000222, secret('clientSecret has expired; make a new one and put it into the Secret')],
  [
    700027,
    secret(
      'the application does not know the certificate of tls.crt; upload that certificate to the application',
    ),
  ],
  [
    50027,
    secret('the assertion was not understood; check tenantId and loginUrl, and that clientId is right'),
  ],
  [700024, secret('the assertion is not within its time by the clock of the login; mend the clock (NTP)')],
  [
    700016,
    secret(
      'the tenant has no application with this clientId; correct clientId in the Secret, or tenantId in the spec',
    ),
  ],
  [7000229, tenant('the application is not installed in the tenant; give admin consent, which installs it')],
  [7000112, tenant('the application is switched off in the tenant; switch it on')],
  [53003, tenant('conditional access for workload identities blocks the application; let it in from here')],
  [90002, spec('there is no such tenant; correct spec.connector.entraId.tenantId, or cloud')],
  [
    900023,
    spec(
      'tenantId is neither a GUID nor a domain that the login knows; correct spec.connector.entraId.tenantId',
    ),
  ],
  [500011, spec('the tenant does not know this Graph; check spec.connector.entraId.cloud and graphUrl')],
  [
    1002012,
    spec('the login does not know the Graph of graphUrl; check spec.connector.entraId.graphUrl and cloud'),
  ],
  [900382, spec('the tenant lives in another cloud; correct spec.connector.entraId.cloud')],
  [90033, { code: 'unavailable', means: 'the login is not available for the moment' }],
]);

/** The Failure that a refusal of the token endpoint means; undefined leaves it to the general reading. Pure. */
export function tokenRefusal(
  answer: RawAnswer,
  { source, redact }: { readonly source: string; readonly redact: Redact },
): Failure | undefined {
  const { status } = answer;
  if (status < 400 || status === 429 || status >= 500) return undefined;
  const body = jsonIn(answer.text);
  if (!RefusalCheck.Check(body)) return undefined;
  const number = body.error_codes?.[0] ?? 0;
  const reading = readings.get(number);
  if (reading === undefined) return undefined;
  const { code, means, audience } = reading;
  const trace = traceOf(body.error_description ?? '', redact);
  const message = `OAuth2 token (${source}): ${means} (${status}, AADSTS${number}${trace})`;
  return new Failure(code, message, audience === undefined ? {} : { audience });
}

/** What a support case is found by. */
function traceOf(description: string, redact: Redact): string {
  const trace = /Trace ID: (?<id>[0-9a-f-]{36})/iu.exec(description)?.groups?.['id'];
  return trace === undefined ? '' : `, trace ${vendorWords(trace, redact)}`;
}
