{{/* Rights, as `grouparoo rbac` prints them. Without "values" those of Secrets and ConfigMaps are left out. */}}

{{- define "grouparoo.rules" -}}
- apiGroups: [grouparoo.io]
  resources: [brazeapps, destinations, models, sources, syncruns]
  verbs: [get, list, watch]
- apiGroups: [grouparoo.io]
  resources: [brazeapps/status, destinations/status, models/status, sources/status, syncruns/status]
  verbs: [patch]
- apiGroups: [grouparoo.io]
  resources: [destinations]
  verbs: [patch]
- apiGroups: [grouparoo.io]
  resources: [destinations/finalizers]
  verbs: [update]
- apiGroups: [grouparoo.io]
  resources: [syncruns]
  verbs: [create, delete]
{{- if not .Values.rbac.secretNamespaces }}
{{ include "grouparoo.valueRules" . }}
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "grouparoo.valueRules" -}}
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: {{ ternary "[get, list, watch]" "[get]" (.Values.rbac.secretWatch | default false) }}
{{- end -}}

{{- define "grouparoo.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "grouparoo.lease" . | quote }}]
  verbs: [get, update]
{{- end -}}

{{/* A Role and its binding. Takes the root, the namespace, the name and the rules. */}}
{{- define "grouparoo.role" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name | quote }}
  namespace: {{ .namespace | quote }}
  labels:
    {{- include "grouparoo.labels" .root | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name | quote }}
  namespace: {{ .namespace | quote }}
  labels:
    {{- include "grouparoo.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "grouparoo.serviceAccount" .root | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end -}}
