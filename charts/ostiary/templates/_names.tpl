{{- define "ostiary.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "ostiary.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "ostiary.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "ostiary.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ostiary.bundle" -}}
{{- include "ostiary.fullname" . }}-bundle
{{- end -}}

{{- /* The Secret with the admin API's tokens. */ -}}
{{- define "ostiary.tokens" -}}
{{- default (printf "%s-admin" (include "ostiary.fullname" .)) .Values.admin.existingSecret -}}
{{- end -}}

{{- define "ostiary.gateway.account" -}}
{{- $default := ternary (printf "%s-gateway" (include "ostiary.fullname" .)) "default" .Values.serviceAccount.create -}}
{{- default $default .Values.serviceAccount.name -}}
{{- end -}}

{{- define "ostiary.operator.account" -}}
{{- $default := ternary (printf "%s-operator" (include "ostiary.fullname" .)) "default" .Values.operator.serviceAccount.create -}}
{{- default $default .Values.operator.serviceAccount.name -}}
{{- end -}}

{{- /* Arguments: (list $ component). What a Service, a PodDisruptionBudget or a NetworkPolicy finds pods by; never changes. */ -}}
{{- define "ostiary.selector" -}}
app.kubernetes.io/name: {{ include "ostiary.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "ostiary.labels" -}}
{{ include "ostiary.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Arguments: (list $ image). */ -}}
{{- define "ostiary.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default (index . 0).Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{- /* Where a pod runs: arguments are the values of the gateway or of the operator. */ -}}
{{- define "ostiary.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}
