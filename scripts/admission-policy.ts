// SPDX-License-Identifier: Apache-2.0
import { dump } from 'js-yaml';
import { externalSystemPlural, group, syncRunPlural, version } from '../src/api/group.ts';
import { finalPhases } from '../src/api/sync-run.ts';
import { madeRunName } from '../src/sync/run-names.ts';
import { yamlOptions } from './chart.ts';

/** What differs between an installation by the chart and one by kustomize. */
interface Rendering {
  readonly name: string;
  /** CEL lists of user names. */
  readonly operators: string;
  readonly controllers: string;
}

const ofConfig: Rendering = {
  name: 'external-system-operator',
  operators: list('system:serviceaccount:external-system-operator:external-system-operator'),
  controllers: list(
    'system:serviceaccount:kube-system:generic-garbage-collector',
    'system:serviceaccount:kube-system:namespace-controller',
    'system:kube-controller-manager',
  ),
};

function list(...names: readonly string[]): string {
  return JSON.stringify(names);
}

const user = 'request.userInfo.username';
const isOperator = `${user} in variables.operators`;

/** The rules that keep the audit log out of the hands of all but the operator. */
function policies({ name, operators, controllers }: Rendering): readonly object[] {
  const operatorsOnly = [{ name: 'operators', expression: operators }];
  return [
    ...policyOf(
      `${name}-runs`,
      [
        { resources: [syncRunPlural], operations: ['CREATE', 'DELETE'] },
        { resources: [`${syncRunPlural}/status`], operations: ['UPDATE'] },
      ],
      [
        ...operatorsOnly,
        { name: 'controllers', expression: controllers },
        { name: 'isOperator', expression: isOperator },
        { name: 'creates', expression: "request.operation == 'CREATE'" },
      ],
      [
        {
          expression: 'variables.isOperator || !has(request.subResource)',
          messageExpression: `'the status of a SyncRun is its record: only the operator writes it, not ' + ${user}`,
          reason: 'Forbidden',
        },
        {
          expression: `variables.isOperator || ${user} in variables.controllers || request.operation != 'DELETE' || (has(oldObject.status) && has(oldObject.status.phase) && oldObject.status.phase in ${list(...finalPhases)})`,
          messageExpression: `'SyncRun ' + oldObject.metadata.name + ' has not ended: cancel it with the annotation ${group}/cancel=true, and delete it once its record is written'`,
          reason: 'Forbidden',
        },
        {
          expression: 'variables.isOperator || !variables.creates || !has(object.spec.scheduledTime)',
          message: 'spec.scheduledTime is for runs that the operator makes; leave it out',
          reason: 'Forbidden',
        },
        {
          expression:
            "variables.isOperator || !variables.creates || !has(object.spec.trigger) || object.spec.trigger == 'Manual'",
          messageExpression:
            "'spec.trigger ' + object.spec.trigger + ' is for runs that the operator makes; leave it out, or use Manual'",
          reason: 'Forbidden',
        },
        {
          expression: `variables.isOperator || !variables.creates || !object.metadata.name.matches('${madeRunName}')`,
          messageExpression:
            "'metadata.name ' + object.metadata.name + ' has the form of a run that the operator makes, and would stand in its place; use another, or metadata.generateName'",
          reason: 'Forbidden',
        },
        {
          expression: `!variables.creates || !has(object.spec.requestedBy) || object.spec.requestedBy == ${user}`,
          messageExpression: `'spec.requestedBy ' + object.spec.requestedBy + ' is not who asks: leave it out, or set it to ' + ${user}`,
          reason: 'Forbidden',
        },
      ],
    ),
    ...policyOf(
      `${name}-systems`,
      [{ resources: [`${externalSystemPlural}/status`], operations: ['UPDATE'] }],
      operatorsOnly,
      [
        {
          expression: isOperator,
          messageExpression: `'the status of an ExternalSystem holds the head of its audit log: only the operator writes it, not ' + ${user}`,
          reason: 'Forbidden',
        },
      ],
    ),
  ];
}

const namespacesMark = 'NAMESPACES-OF-THE-CHART';
const labelsMark = 'LABELS-OF-THE-CHART';

function policyOf(
  name: string,
  rules: readonly { readonly resources: readonly string[]; readonly operations: readonly string[] }[],
  variables: readonly object[],
  validations: readonly object[],
): readonly object[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = rules.map((rule) => ({ apiGroups: [group], apiVersions: [version], ...rule }));
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name, labels: labelsMark },
      spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules }, variables, validations },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name, labels: labelsMark },
      spec: { policyName: name, validationActions: ['Deny'], matchResources: namespacesMark },
    },
  ];
}

function documents(rendering: Rendering, replace: Readonly<Record<string, string>>): string {
  const texts = policies(rendering).map((policy) => dump(policy, yamlOptions));
  return Object.entries(replace).reduce((text, [mark, by]) => text.replaceAll(mark, by), texts.join('---\n'));
}

/** The policies for kustomize, of an installation in its own namespace that watches all. */
export function renderConfigPolicies(header: string): string {
  return (
    header +
    documents(ofConfig, {
      [`  labels: ${labelsMark}\n`]: '',
      [`  matchResources: ${namespacesMark}\n`]: '',
    })
  );
}

/** The same as a template of the chart: names, identities and namespaces come from its values. */
export function renderChartPolicies(header: string): string {
  const marks: Rendering = {
    name: 'NAME-OF-THE-CHART',
    operators: 'OPERATORS-OF-THE-CHART',
    controllers: 'CONTROLLERS-OF-THE-CHART',
  };
  const body = documents(marks, {
    [`labels: ${labelsMark}`]: 'labels: {{- include "eso.labels" . | nindent 4 }}',
    [`  matchResources: ${namespacesMark}\n`]: '{{- include "eso.policyNamespaces" . }}\n',
    [marks.name]: '{{ include "eso.fullname" . }}',
    [marks.operators]: '{{ include "eso.policyOperators" . | squote }}',
    [marks.controllers]: '{{ .Values.admissionPolicy.clusterControllers | toJson | squote }}',
  });
  return `${header}{{- if .Values.admissionPolicy.enabled }}\n${body}{{- end }}\n`;
}
