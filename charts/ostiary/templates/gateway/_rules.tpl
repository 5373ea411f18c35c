{{- /* In each namespace whose resources are served, for the admin API. A key is never deleted, only disabled. */ -}}
{{- define "ostiary.admin.resources" -}}
- apiGroups: [ostiary.dev]
  resources: [apikeys]
  verbs: [get, list, create, update]
- apiGroups: [ostiary.dev]
  resources: [providers, models, budgets]
  verbs: [get, list, create, update, delete]
{{- end -}}
