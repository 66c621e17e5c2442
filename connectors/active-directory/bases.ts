// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { Config } from './config.ts';
import { dnKey, isWithin, parseDn } from './distinguished-name.ts';

const basesField = 'spec.connector.activeDirectory';

/** A place that is read, and the field of the spec that names it. */
export interface Base {
  readonly dn: string;
  readonly field: string;
}

export interface Bases {
  readonly users: readonly Base[];
  readonly groups: readonly Base[];
  readonly computers: readonly Base[];
}

/** Where each kind of object is read: one below another is left out, since it is read with it. Throws a Failure that names the field. */
export function basesOf(config: Config): Bases {
  const whole: Base = { dn: config.baseDN, field: `${basesField}.baseDN` };
  checkDn(whole);
  const of = (name: 'userBases' | 'groupBases' | 'computerBases'): readonly Base[] => {
    const listed = config[name]?.map((dn, index): Base => ({ dn, field: `${basesField}.${name}[${index}]` }));
    for (const base of listed ?? []) {
      checkDn(base);
      if (!isWithin(base.dn, whole.dn))
        throw new Failure(
          'configuration',
          `${base.field}: ${base.dn} is not below ${whole.field} ${whole.dn}; correct one of them`,
        );
    }
    return outermost(listed ?? [whole]);
  };
  return { users: of('userBases'), groups: of('groupBases'), computers: of('computerBases') };
}

function checkDn({ dn, field }: Base): void {
  const rdns = parseDn(dn);
  if (rdns === undefined || rdns.length === 0)
    throw new Failure(
      'configuration',
      `${field}: ${dn} is no DN; use a form such as OU=People,DC=corp,DC=example,DC=com, and put a backslash before a comma within a name`,
    );
}

/** Of places that lie in one another the outer ones, each once. */
export function outermost(bases: readonly Base[]): readonly Base[] {
  return bases.filter(
    (base, index) =>
      !bases.some(
        (other, at) =>
          at !== index && isWithin(base.dn, other.dn) && (dnKey(base.dn) !== dnKey(other.dn) || at < index),
      ),
  );
}
