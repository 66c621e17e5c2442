{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "eso.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "eso.fullname" -}}
{{- $name := include "eso.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "eso.selectorLabels" -}}
app.kubernetes.io/name: {{ include "eso.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "eso.labels" -}}
{{ include "eso.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "eso.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "eso.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "eso.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{/* The flag --store. The authority of the server is a parameter of the URL. */}}
{{- define "eso.store" -}}
{{- if eq .Values.store.type "sqlite" -}}
sqlite:/data/inventory.db
{{- else -}}
{{- $url := .Values.store.postgresql.url -}}
{{- if .Values.store.postgresql.caConfigMap.name -}}
{{- printf "%s%ssslrootcert=/etc/postgresql-ca/%s" $url (contains "?" $url | ternary "&" "?") .Values.store.postgresql.caConfigMap.key -}}
{{- else -}}
{{- $url -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What the schema cannot say in a sentence. */}}
{{- define "eso.validate" -}}
{{- $store := .Values.store -}}
{{- if and (eq $store.type "sqlite") (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas is %d: SQLite is a file of one process; set replicas to 1, or store.type to postgresql" (int .Values.replicas)) -}}
{{- end -}}
{{- if and (eq $store.type "postgresql") (not $store.postgresql.url) -}}
{{- fail "store.type is postgresql and store.postgresql.url is empty; set it to postgres://USER@HOST:5432/DATABASE" -}}
{{- end -}}
{{- range .Values.operator.extraArgs }}
{{- if regexMatch `^--store(-password-file)?(=|$)` . -}}
{{- fail "operator.extraArgs names the database a second time (--store, --store-password-file); use store.type and store.postgresql for it" -}}
{{- end -}}
{{- end -}}
{{- /* Here and not in the schema, whose refusals quote the value: it may hold a password. */}}
{{- $parameter := `(sslmode=(verify-full|verify-ca|disable)|(sslrootcert|options)=[^&\s]+)` -}}
{{- $form := printf `^(postgres(ql)?://[^:/@\s]+@[^@/?\s]+/[^@/?\s]+(\?%s(&%s)*)?)?$` $parameter $parameter -}}
{{- if not (regexMatch $form $store.postgresql.url) -}}
{{- fail "store.postgresql.url is not of the form postgres://USER@HOST:5432/DATABASE[?sslmode=verify-full|verify-ca|disable][&sslrootcert=FILE][&options=…]; a password does not belong there: put it into a Secret and name that in store.postgresql.passwordSecret" -}}
{{- end -}}
{{- if and (eq $store.type "sqlite") $store.postgresql.url -}}
{{- fail "store.postgresql.url is set and store.type is sqlite; set store.type to postgresql to use it" -}}
{{- end -}}
{{- if and $store.postgresql.caConfigMap.name (contains "sslmode=disable" $store.postgresql.url) -}}
{{- fail "store.postgresql.caConfigMap verifies a server, and sslmode=disable in store.postgresql.url asks for none; keep one" -}}
{{- end -}}
{{- if and $store.postgresql.caConfigMap.name (contains "sslrootcert=" $store.postgresql.url) -}}
{{- fail "store.postgresql.caConfigMap and sslrootcert in store.postgresql.url name two authorities; keep one" -}}
{{- end -}}
{{- end }}

{{/* What the operator does in the namespaces it watches; test/charts/rights.cluster.test.ts shows that it uses all of it, and nothing else. */}}
{{- define "eso.rules" -}}
- apiGroups: [integrations.buildworks.ai]
  resources: [externalsystems]
  verbs: [list, watch]
- apiGroups: [integrations.buildworks.ai]
  resources: [externalsystems/status]
  verbs: [update]
- apiGroups: [integrations.buildworks.ai]
  resources: [syncruns]
  verbs: [get, list, watch, create, delete]
- apiGroups: [integrations.buildworks.ai]
  resources: [syncruns/status]
  verbs: [update]
- apiGroups: ['']
  resources: [secrets]
  verbs: [get]
- apiGroups: ['']
  resources: [events]
  verbs: [get, create, patch]
{{- end }}

{{/* Who may write the audit log, as a CEL list. */}}
{{- define "eso.policyOperators" -}}
{{- $account := printf "system:serviceaccount:%s:%s" .Release.Namespace (include "eso.serviceAccountName" .) -}}
{{- concat (list $account) .Values.admissionPolicy.extraOperators | toJson -}}
{{- end }}

{{/* Another installation of the cluster has policies of its own for its namespaces. */}}
{{- define "eso.policyNamespaces" -}}
{{- if .Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values: {{ .Values.watchNamespaces | toJson }}
{{- end }}
{{- end }}
