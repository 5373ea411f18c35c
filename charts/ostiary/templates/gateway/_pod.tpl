{{- /* Environment of both containers. Service links are off in the pod: a Service named ostiary would set OSTIARY_PORT. */ -}}
{{- define "ostiary.gateway.env" -}}
- name: OSTIARY_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: OSTIARY_POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: OSTIARY_BUNDLE
  value: {{ include "ostiary.bundle" . }}
- name: OSTIARY_BUNDLE_MOUNT
  value: /etc/ostiary/bundle
- name: OSTIARY_RUN
  value: /run/ostiary
- name: OSTIARY_DATA
  value: /data
- name: OSTIARY_HOST
  value: 0.0.0.0
- name: OSTIARY_PORT
  value: "8080"
- name: OSTIARY_METRICS_PORT
  value: "8082"
- name: OSTIARY_CLUSTER_DOMAIN
  value: {{ .Values.clusterDomain }}
- name: OSTIARY_REPLICAS
  value: {{ max 1 (int .Values.replicaCount) | quote }}
{{- range $name, $value := .Values.settings }}
- name: OSTIARY_{{ upper $name }}
  value: {{ include "ostiary.scalar" $value | quote }}
{{- end }}
{{- with .Values.responses.urlSecret }}
{{- if .name }}
- name: OSTIARY_RESPONSE_STORE
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* And of the sidecar alone: the admin API, prices, and what has a password in it. */ -}}
{{- define "ostiary.sidecar.env" -}}
- name: OSTIARY_WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: OSTIARY_ADMIN_HOST
  value: 0.0.0.0
- name: OSTIARY_ADMIN_PORT
  value: "8083"
- name: OSTIARY_ADMIN_TOKEN_FILE
  value: {{ ternary "/run/secrets/ostiary/admin-token" "" .Values.admin.enabled | quote }}
- name: OSTIARY_VIEWER_TOKEN_FILE
  value: /run/secrets/ostiary/viewer-token
- name: OSTIARY_ADMIN_REVIEWS_TOKENS
  value: {{ and .Values.admin.enabled .Values.admin.tokenReview | quote }}
{{- if .Values.prices }}
- name: OSTIARY_PRICES
  value: /etc/ostiary/prices/prices.yaml
{{- end }}
{{- range $setting, $secret := dict "VALKEY_URL" .Values.valkey.urlSecret "SUMMARY_URL" .Values.summaries.urlSecret }}
{{- if $secret.name }}
- name: OSTIARY_{{ $setting }}
  valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A whole number without the exponent that a float gets. */ -}}
{{- define "ostiary.scalar" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end -}}

{{- define "ostiary.gateway.mounts" -}}
- {name: run, mountPath: /run/ostiary}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The bundle as mounted files, which lag, but are there when the API server is not. 32 shards are 32,768 keys. */ -}}
{{- define "ostiary.gateway.bundle" -}}
{{- $bundle := include "ostiary.bundle" . -}}
- configMap: {name: {{ $bundle }}, optional: true}
- secret: {name: {{ $bundle }}-credentials, optional: true}
{{- range $shard := until 32 }}
- configMap: {name: {{ printf "%s-allowlist-%03d" $bundle $shard }}, optional: true}
{{- end }}
{{- end -}}
