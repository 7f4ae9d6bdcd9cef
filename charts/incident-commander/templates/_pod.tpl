{{/*
One Deployment: {root, component, settings, args, port, scheme, env, volumes, mounts}.
component names the Deployment, its pods and its ServiceAccount; settings are its values (replicas, resources).
*/}}
{{- define "incident-commander.deployment" -}}
{{- $root := .root -}}
{{- $replicas := .settings.replicas | default 1 | int -}}
{{- $prometheus := include "incident-commander.prometheusParts" . | fromYaml -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "incident-commander.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ $replicas }}
  revisionHistoryLimit: 5
  # The new one is ready before the old one goes; who of them works is settled by the Lease, which the old one gives back.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "incident-commander.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels:
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "incident-commander.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- if hasPrefix "agent-" .component }}
        incidentcommander.io/voter: "true"
        {{- end }}
      {{- $annotations := deepCopy $root.Values.podAnnotations }}
      {{- if $root.Values.metrics.scrapeAnnotations }}
      {{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .port) "prometheus.io/path" "/metrics" "prometheus.io/scheme" (lower .scheme) }}
      {{- $annotations = mergeOverwrite $annotations $scrape }}
      {{- end }}
      {{- with $annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "incident-commander.podSettings" $root | nindent 6 }}
      serviceAccountName: {{ .component }}
      # Work that was begun is finished, and the Lease given back.
      terminationGracePeriodSeconds: 60
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "incident-commander.selector" $root | nindent 14 }}
              {{- if hasPrefix "agent-" $.component }}
              incidentcommander.io/voter: "true"
              {{- else }}
              app.kubernetes.io/component: {{ $.component }}
              {{- end }}
        {{- end }}
      containers:
        - name: {{ .component }}
          {{- include "incident-commander.containerSettings" $root | nindent 10 }}
          args: [{{ join ", " .args }}]
          env:
            {{- include "incident-commander.env" $root | nindent 12 }}
            {{- range concat $prometheus.env (.env | default list) }}
            - {{ toYaml . | nindent 14 | trim }}
            {{- end }}
          ports:
            {{- range $name, $port := .ports }}
            - {name: {{ $name }}, containerPort: {{ $port }}}
            {{- end }}
          {{- range $probe, $path := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
          {{ $probe }}:
            httpGet: {path: {{ $path }}, port: {{ $.port }}, scheme: {{ $.scheme }}}
            timeoutSeconds: 5
            {{- if eq $probe "startupProbe" }}
            periodSeconds: 2
            failureThreshold: 60
            {{- else if eq $probe "livenessProbe" }}
            periodSeconds: 15
            failureThreshold: 4
            {{- else }}
            periodSeconds: 5
            {{- end }}
          {{- end }}
          {{- with .lifecycle }}
          lifecycle:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          resources:
            {{- toYaml .settings.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- range concat $prometheus.mounts (.mounts | default list) }}
            - {{ toYaml . | nindent 14 | trim }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: 64Mi}
        {{- range concat $prometheus.volumes (.volumes | default list) }}
        - {{ toYaml . | nindent 10 | trim }}
        {{- end }}
{{- end }}

{{/* What every pod has, the hook's and the test's included: pod security "restricted", and where it may run. */}}
{{- define "incident-commander.podSettings" -}}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "incident-commander.containerSettings" -}}
image: {{ include "incident-commander.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "incident-commander.env" -}}
- name: INCIDENT_COMMANDER_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- {name: INCIDENT_COMMANDER_LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- /* All that there are, not those that values name: Helm takes a value of null out, and with it the action's rights. */}}
{{- $disabled := list }}
{{- $enabled := .Values.actions | default dict }}
{{- range $action, $_ := .Files.Get "files/actions.yaml" | fromYaml }}
{{- if not (get $enabled $action) }}
{{- $disabled = append $disabled $action }}
{{- end }}
{{- end }}
{{- if $disabled }}
- {name: INCIDENT_COMMANDER_DISABLED_ACTIONS, value: {{ join "," $disabled | quote }}}
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* Environment, volumes and mounts of whoever asks Prometheus, as a map; nothing for those who do not: {root, component}. */}}
{{- define "incident-commander.prometheusParts" -}}
{{- $found := dict "env" list "volumes" list "mounts" list -}}
{{- with .root.Values.prometheus -}}
{{- if and .url (not (has $.component (list "executor" "gateway"))) -}}
{{- $_ := set $found "env" (append $found.env (dict "name" "INCIDENT_COMMANDER_PROMETHEUS_URL" "value" .url)) -}}
{{- range $setting, $secret := dict "CA" .caSecret "TOKEN" .tokenSecret -}}
{{- if $secret.name -}}
{{- $name := printf "prometheus-%s" (lower $setting) -}}
{{- $path := printf "/var/run/incident-commander/%s" $name -}}
{{- $items := list (dict "key" $secret.key "path" "value") -}}
{{- $_ := set $found "env" (append $found.env (dict "name" (printf "INCIDENT_COMMANDER_PROMETHEUS_%s_FILE" $setting) "value" (printf "%s/value" $path))) -}}
{{- $_ := set $found "volumes" (append $found.volumes (dict "name" $name "secret" (dict "secretName" $secret.name "defaultMode" 0440 "items" $items))) -}}
{{- $_ := set $found "mounts" (append $found.mounts (dict "name" $name "mountPath" $path "readOnly" true)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* Whether and how the gateway speaks TLS: the Secret's name, or nothing. */}}
{{- define "incident-commander.gatewayTls" -}}
{{- if .Values.gateway.tls.secretName -}}
{{ .Values.gateway.tls.secretName }}
{{- else if .Values.gateway.tls.certManager.enabled -}}
gateway-tls
{{- end -}}
{{- end }}

{{- define "incident-commander.gatewayScheme" -}}
{{ if include "incident-commander.gatewayTls" . }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{/* Environment, volumes and mounts of whoever runs the gateway, as a map. */}}
{{- define "incident-commander.gatewayParts" -}}
env:
  - {name: INCIDENT_COMMANDER_GATEWAY_BIND, value: "0.0.0.0:8080"}
  {{- if include "incident-commander.gatewayTls" . }}
  - {name: INCIDENT_COMMANDER_GATEWAY_TLS_CERT_FILE, value: /var/run/incident-commander/tls/tls.crt}
  - {name: INCIDENT_COMMANDER_GATEWAY_TLS_KEY_FILE, value: /var/run/incident-commander/tls/tls.key}
  {{- end }}
{{- with include "incident-commander.gatewayTls" . }}
volumes:
  - name: tls
    secret: {secretName: {{ . }}, defaultMode: 0440}
mounts:
  - {name: tls, mountPath: /var/run/incident-commander/tls, readOnly: true}
{{- else }}
volumes: []
mounts: []
{{- end }}
{{- end }}

{{/* Environment, volumes and mounts of whoever tells people, as a map. */}}
{{- define "incident-commander.notificationParts" -}}
{{- $found := dict "env" list "volumes" list "mounts" list -}}
{{- with .Values.notifications -}}
{{- if .urlSecret.name -}}
{{- $_ := set $found "env" (append $found.env (dict "name" "INCIDENT_COMMANDER_NOTIFY_FORMAT" "value" .format)) -}}
{{- end -}}
{{- range $setting, $secret := dict "URL" .urlSecret "TOKEN" .tokenSecret -}}
{{- if $secret.name -}}
{{- $name := printf "notify-%s" (lower $setting) -}}
{{- $path := printf "/var/run/incident-commander/%s" $name -}}
{{- $items := list (dict "key" $secret.key "path" "value") -}}
{{- $_ := set $found "env" (append $found.env (dict "name" (printf "INCIDENT_COMMANDER_NOTIFY_%s_FILE" $setting) "value" (printf "%s/value" $path))) -}}
{{- $_ := set $found "volumes" (append $found.volumes (dict "name" $name "secret" (dict "secretName" $secret.name "defaultMode" 0440 "items" $items))) -}}
{{- $_ := set $found "mounts" (append $found.mounts (dict "name" $name "mountPath" $path "readOnly" true)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}
