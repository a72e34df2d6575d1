{{- define "reconciler.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "reconciler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "reconciler.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "reconciler.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What names the operator's pods; never changes, since a Deployment's selector cannot. */}}
{{- define "reconciler.selector" -}}
app.kubernetes.io/name: {{ include "reconciler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "reconciler.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "reconciler.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: flyte-reconciler
{{- end -}}

{{/* Names of cluster-wide objects carry the release's namespace: two releases may share a name. */}}
{{- define "reconciler.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "reconciler.fullname" .) -}}
{{- end -}}

{{/* The Service of webhooks and the page. */}}
{{- define "reconciler.serveService" -}}
{{- printf "%s-serve" (include "reconciler.fullname" .) -}}
{{- end -}}

{{- define "reconciler.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "reconciler.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "reconciler.image" -}}
{{- $version := ternary (printf "%s-git" .Chart.AppVersion) .Chart.AppVersion .Values.git.enabled -}}
{{- $tag := .Values.image.tag | default $version -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{/* The namespaces that are watched in the mode `namespaced`, as a JSON list. */}}
{{- define "reconciler.namespaces" -}}
{{- .Values.namespaces | default (list .Release.Namespace) | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* The plurals of our kinds, as a JSON list, from the CRDs themselves. */}}
{{- define "reconciler.resources" -}}
{{- $names := list -}}
{{- range $path, $content := .Files.Glob "files/crds/*.yaml" -}}
{{- $names = append $names ($content | toString | fromYaml).spec.names.plural -}}
{{- end -}}
{{- $names | sortAlpha | toJson -}}
{{- end -}}

{{- define "reconciler.podSecurity" -}}
runAsNonRoot: true
{{- if not (kindIs "invalid" .Values.runAsUser) }}
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsUser }}
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "reconciler.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* The root file system is read-only; all that is ever written is a cache in memory. */}}
{{- define "reconciler.env" -}}
- {name: HOME, value: /tmp}
- {name: XDG_CACHE_HOME, value: /tmp/cache}
- {name: PYTHONDONTWRITEBYTECODE, value: "1"}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What a label `job` is where Prometheus finds the metrics by our Service. */}}
{{- define "reconciler.job" -}}
{{- include "reconciler.fullname" . -}}
{{- end -}}

{{/* What a schema cannot say: values that contradict each other. */}}
{{- define "reconciler.check" -}}
{{- if and (eq .Values.scope "cluster") .Values.namespaces -}}
{{- fail "namespaces: has no meaning with scope: cluster; set scope: namespaced, or leave namespaces empty" -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.operator.leaderElection) -}}
{{- fail "replicas: two operators without a leader would write at once; set operator.leaderElection: true, or replicas: 1" -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.name: is needed with serviceAccount.create: false; name the account that the operator is to run as" -}}
{{- end -}}
{{- if and (not .Values.secrets.read) .Values.secrets.readNamespaces -}}
{{- fail "secrets.readNamespaces: has no meaning with secrets.read: false; set secrets.read: true, or leave it empty" -}}
{{- end -}}
{{- if and (not .Values.secrets.write) .Values.secrets.writeNamespaces -}}
{{- fail "secrets.writeNamespaces: has no meaning with secrets.write: false; set secrets.write: true, or leave it empty" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled: finds the metrics by the Service; set metrics.service.enabled: true" -}}
{{- end -}}
{{- if .Values.page.enabled -}}
{{- if ne (empty .Values.page.header) (empty .Values.page.proxies) -}}
{{- fail "page.header: is believed from page.proxies alone; set both, or neither" -}}
{{- end -}}
{{- if and (not .Values.page.token.secretName) (not .Values.page.header) -}}
{{- fail "page.enabled: shows what runs in production and is not for everybody; set page.token.secretName, or page.header with page.proxies" -}}
{{- end -}}
{{- else if or .Values.page.token.secretName .Values.page.header .Values.page.proxies -}}
{{- fail "page: has no meaning with page.enabled: false; set page.enabled: true, or leave it empty" -}}
{{- end -}}
{{- if not (.Files.Glob "files/crds/*.yaml") -}}
{{- fail "files/crds: is empty; run `make generate`" -}}
{{- end -}}
{{- end -}}
