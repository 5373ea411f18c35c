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
{{- range $name, $value := .Values.settings }}
- name: OSTIARY_{{ upper $name }}
  value: {{ include "ostiary.scalar" $value | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
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
