// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Connection, Connector, ConnectorDefinition } from './contract.ts';
import { roleMappingProblems } from '../api/role-mapping-problems.ts';
import { placedRoleMappings, type RoleMapping } from '../api/role-mappings.ts';
import type { Problem } from '../api/schema-problems.ts';
import { Failure } from './failure.ts';
import { compileMapping, type MappedStream } from './mapping.ts';

/** Declares a connector. The types of its configuration and session stay inside: what goes in is checked first. */
export function defineConnector<Config extends TSchema, Session>(
  definition: ConnectorDefinition<Config, Session>,
): Connector {
  const { id, version, streams, roleSources = [] } = definition;
  const configCheck = Compile(definition.config);

  const mapped = streams.flatMap(({ name, record, mappable }): MappedStream[] =>
    mappable === undefined ? [] : [{ name, record, rows: mappable }],
  );

  /** Throws a configuration Failure that names the field. */
  function checked(config: unknown): Static<Config> {
    if (configCheck.Check(config)) return config;
    const { path, reason } = configProblem(configCheck.Errors(config));
    throw new Failure('configuration', `spec.connector.${id}${path}: ${reason}`);
  }

  function blockProblems(config: unknown, roleMappings: readonly RoleMapping[] = []): readonly Problem[] {
    const problems = definition.problems?.(checked(config), roleMappings) ?? [];
    return problems.map(({ path, message }) => ({ path: `spec.connector.${id}${path}`, message }));
  }

  return {
    id,
    category: definition.category,
    title: definition.title,
    version,
    config: definition.config,
    auth: definition.auth,
    roleSources,
    moreKeys: definition.moreKeys ?? {},
    folder: definition.folder,
    streams: streams.map(({ name, record, needs, incremental, mapped, probed }) => ({
      ...{ name, record, needs, incremental, mapped, probed },
    })),
    problem(config) {
      return configCheck.Check(config) ? undefined : configProblem(configCheck.Errors(config));
    },
    origin(config) {
      const known = checked(config);
      try {
        return definition.origin(known);
      } catch (error) {
        // A pattern cannot say all of what an address may be: a port above 65535, an IPv6 address that is none.
        if (!(error instanceof TypeError)) throw error;
        const message = `spec.connector.${id}: the address is none that can be contacted; correct it`;
        throw new Failure('configuration', message, { cause: error });
      }
    },
    blockProblems,
    mappingProblems: (mapping) => compileMapping(mapping, mapped, id).problems,
    async connect({ mapping, roleMappings, ...request }): Promise<Connection> {
      const config = checked(request.config);
      const { problems, byStream } = compileMapping(mapping, mapped, id);
      const [first] = [
        ...blockProblems(config, roleMappings),
        ...problems,
        ...roleMappingProblems(roleMappings, { id, roleSources }),
      ];
      if (first !== undefined) throw new Failure('configuration', `${first.path}: ${first.message}`);
      const opened = await definition.open({
        ...request,
        config,
        mappedPaths: (stream) => byStream.get(stream)?.paths ?? [],
        roleMappings: placedRoleMappings(roleMappings),
      });
      const source = `${id} ${opened.source}`;
      const bound = streams.map((stream) => stream.bind(opened.session, byStream.get(stream.name)));
      const unused = streams.filter(({ name }, index) => bound[index] === undefined && byStream.has(name));
      return {
        source,
        fingerprint: fingerprintOf({
          ...{ id, version, config, source, account: opened.account },
          ...(byStream.size === 0 ? {} : { mapping }),
        }),
        ...(opened.login === undefined ? {} : { login: opened.login }),
        unusedMappings: unused.map(({ name }) => name),
        checks: (definition.checks ?? []).map((check) => ({
          name: check.name,
          run: () => check.run(opened.session),
        })),
        streams: bound.filter((stream) => stream !== undefined),
        close: async () => opened.close?.(),
      };
    },
  };
}

/** SHA-256 over the canonical JSON, so that the order of fields in a manifest means nothing. */
function fingerprintOf(identity: Readonly<Record<string, unknown>>): string {
  const text = canonicalize(identity);
  if (text === undefined) throw new Failure('internal', 'the connector identity has no JSON form');
  return createHash('sha256').update(text).digest('hex');
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

/** The first problem of a configuration with a path as people write it: `.classes[0]`. */
function configProblem(errors: readonly SchemaError[]): { readonly path: string; readonly reason: string } {
  const unknown = errors.find((error) => error.keyword === 'additionalProperties');
  const first = unknown ?? errors[0];
  if (first === undefined) return { path: '', reason: 'does not fit its schema' };
  const names: unknown =
    'additionalProperties' in first.params ? first.params.additionalProperties : undefined;
  const reason = Array.isArray(names) ? `unknown field ${names.join(', ')}` : first.message;
  return { path: fieldPath(first.instancePath), reason };
}

function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/u.test(part) ? `[${part}]` : `.${part}`))
    .join('');
}
