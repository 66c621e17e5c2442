// SPDX-License-Identifier: Apache-2.0
import { dump, load, type DumpOptions } from 'js-yaml';

type Json = Readonly<Record<string, unknown>>;

export const yamlOptions: DumpOptions = { lineWidth: 120, noRefs: true };

const labelsMark = 'LABELS-OF-THE-CHART';

/**
 * A CRD as a template of the chart. As one it is upgraded with the chart, which Helm never does with what lies in a chart's `crds/`;
 * the annotation keeps it, and with it every object, when the chart is uninstalled.
 * @throws Error when the CRD holds what Helm would read as its own
 */
export function renderCrdTemplate(header: string, crd: Json): string {
  const { metadata, ...rest } = crd as { metadata: object };
  const { apiVersion, kind, ...spec } = rest as Record<string, unknown>;
  const annotations = { 'helm.sh/resource-policy': 'keep' };
  const object = { apiVersion, kind, metadata: { ...metadata, labels: labelsMark, annotations }, ...spec };
  const text = dump(object, yamlOptions);
  if (text.includes('{{')) throw new Error('a CRD holds {{, which Helm takes for a template');
  const labels = 'labels: {{- include "eso.labels" . | nindent 4 }}';
  const body = text.replace(`labels: ${labelsMark}`, labels);
  return `${header}{{- if .Values.crds.install }}\n${body}{{- end }}\n`;
}

const begin = '<!-- values: written by `npm run generate` from values.schema.json and values.yaml -->';
const end = '<!-- end of values -->';

/** The chart's README with its table of values renewed. @throws Error when it has no place for it */
export function withValues(readme: string, schema: string, values: string): string {
  const [before, rest] = readme.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined)
    throw new Error(`the chart's README has no place for the table: ${begin} … ${end}`);
  const rows = valueRows('', JSON.parse(schema) as Json, load(values));
  const table = ['| value | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
  return `${before}${begin}\n\n<!-- prettier-ignore -->\n${table}\n\n${end}${after}`;
}

function valueRows(path: string, schema: Json, values: unknown): string[] {
  const properties = Object.entries((schema['properties'] ?? {}) as Json);
  return properties.flatMap(([name, inner]) => {
    const here = path === '' ? name : `${path}.${name}`;
    const value = (values as Json | undefined)?.[name];
    const { properties: children, description = '' } = inner as { properties?: Json; description?: string };
    if (children !== undefined && here !== 'resources') return valueRows(here, inner as Json, value);
    if (value === undefined) return [];
    return [`| \`${here}\` | \`${JSON.stringify(value)}\` | ${description.replaceAll('|', '\\|')} |`];
  });
}
