{{- define "incident-commander.labels" -}}
app.kubernetes.io/part-of: incident-commander
app.kubernetes.io/name: incident-commander
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of all pods of the release; with a component, of one kind of them. */}}
{{- define "incident-commander.selector" -}}
app.kubernetes.io/name: incident-commander
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "incident-commander.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The six voters, in the order in which they speak. */}}
{{- define "incident-commander.roles" -}}
detection diagnosis prediction resolution communication verification
{{- end }}

{{/*
A ServiceAccount: {root, component}. Pods ask for its token themselves. The agents share annotations, and may each have
their own beside them.
*/}}
{{- define "incident-commander.serviceAccount" -}}
{{- $values := .root.Values -}}
{{- $annotations := dict -}}
{{- if hasPrefix "agent-" .component -}}
{{- $own := index $values.agents (trimPrefix "agent-" .component) -}}
{{- $annotations = mergeOverwrite (deepCopy $values.agents.serviceAccountAnnotations) $own.serviceAccountAnnotations -}}
{{- else -}}
{{- $annotations = (index $values .component).serviceAccountAnnotations -}}
{{- end -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "incident-commander.labels" .root | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{/* The lists of rules of the enabled actions, one rule for each resource and verb, with the actions that need it. */}}
{{- define "incident-commander.actionRules" -}}
{{- $needs := .Files.Get "files/actions.yaml" | fromYaml -}}
{{- $merged := dict -}}
{{- range $action, $enabled := .Values.actions -}}
{{- if $enabled -}}
{{- range index $needs $action -}}
{{- $key := printf "%s %s %s" (join "," .apiGroups) (join "," .resources) (join "," .verbs) -}}
{{- $known := get $merged $key | default (dict "rule" . "actions" list) -}}
{{- $_ := set $merged $key (dict "rule" . "actions" (append $known.actions $action)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $key := keys $merged | sortAlpha }}
{{- $found := get $merged $key }}
# {{ join ", " $found.actions }}.
- apiGroups: [{{ range $i, $group := $found.rule.apiGroups }}{{ if $i }}, {{ end }}{{ $group | default "\"\"" }}{{ end }}]
  resources: [{{ join ", " $found.rule.resources }}]
  verbs: [{{ join ", " $found.rule.verbs }}]
{{- else }}[]
{{- end }}
{{- end }}
