{{/* Each block of rules is said once and used by the roles of both modes. */}}

{{- define "reconciler.rules.objects" -}}
- apiGroups: [flyte.reconciler.dev]
  resources: {{ include "reconciler.resources" . }}
  verbs: [get, list, watch, patch]
{{- /* Of a run that ended longer ago than its ttl. */}}
- apiGroups: [flyte.reconciler.dev]
  resources: [flyteruns]
  verbs: [delete]
- apiGroups: [flyte.reconciler.dev]
  resources:
    {{- range include "reconciler.resources" . | fromJsonArray }}
    - {{ . }}/status
    {{- end }}
  verbs: [get, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* Whether a namespace, or a CRD, is being deleted: then nothing in Flyte is stopped. */}}
{{- define "reconciler.rules.everywhere" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch]
{{- end -}}

{{/* The same for one namespace, which is its own argument: a Role there may grant it. */}}
{{- define "reconciler.rules.namespace" -}}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [{{ . }}]
  verbs: [get]
{{- end -}}

{{/* A lease cannot be created by name, but read and written by no other. */}}
{{- define "reconciler.rules.lease" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [flyte-reconciler]
  verbs: [get, update]
{{- end -}}

{{/* Where the Service of webhooks and the page leads to; none can be created by name. */}}
{{- define "reconciler.rules.leading" -}}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [create]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  resourceNames: [{{ include "reconciler.serveService" . }}-ipv4, {{ include "reconciler.serveService" . }}-ipv6]
  verbs: [patch]
{{- end -}}

{{- define "reconciler.rules.secrets.read" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, watch]
{{- end -}}

{{- define "reconciler.rules.secrets.write" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
{{- end -}}

{{/* What the hook of the uninstallation needs: to find our objects and take the finalizer off. */}}
{{- define "reconciler.rules.forget" -}}
- apiGroups: [flyte.reconciler.dev]
  resources: {{ include "reconciler.resources" . }}
  verbs: [get, list, patch]
{{- end -}}

{{/* A role and its binding. Takes `root`, `name`, `rules`, `account`; `namespace` unless for all; `annotations`. */}}
{{- define "reconciler.role" -}}
{{- $kind := ternary "Role" "ClusterRole" (hasKey . "namespace") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "reconciler.labels" .root | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "reconciler.labels" .root | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
