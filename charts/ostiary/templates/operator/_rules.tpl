{{- /* In each namespace whose resources are served. Secrets: the credentials that Providers name, the keys that it makes. */ -}}
{{- define "ostiary.operator.resources" -}}
- apiGroups: [ostiary.dev]
  resources: [providers, models, apikeys, budgets]
  verbs: [list, watch]
- apiGroups: [ostiary.dev]
  resources: [providers/status, models/status, apikeys/status, budgets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}
