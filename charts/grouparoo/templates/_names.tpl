{{/* Names and labels. */}}

{{- define "grouparoo.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Two releases in one cluster have cluster-wide objects each. */}}
{{- define "grouparoo.clusterName" -}}
{{- $name := include "grouparoo.fullname" . -}}
{{- if eq $name .Release.Namespace -}}{{ $name }}{{- else -}}{{ printf "%s-%s" $name .Release.Namespace }}{{- end -}}
{{- end -}}

{{/* A Service's name begins with a letter, which other names need not. */}}
{{- define "grouparoo.service" -}}
{{- $name := include "grouparoo.fullname" . -}}
{{- if regexMatch "^[0-9]" $name -}}{{ printf "metrics-%s" $name }}{{- else -}}{{ printf "%s-metrics" $name }}{{- end -}}
{{- end -}}

{{- define "grouparoo.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "grouparoo.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "grouparoo.lease" -}}
{{- .Values.leaderElection.leaseName | default (include "grouparoo.fullname" .) -}}
{{- end -}}

{{- define "grouparoo.claim" -}}
{{- .Values.state.persistence.existingClaim | default (printf "%s-state" (include "grouparoo.fullname" .)) -}}
{{- end -}}

{{- define "grouparoo.image" -}}
{{- $image := .Values.image -}}
{{- $name := ternary (printf "%s/%s" $image.registry $image.repository) $image.repository (ne $image.registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What does not change while a release lives. */}}
{{- define "grouparoo.selector" -}}
app.kubernetes.io/name: grouparoo
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "grouparoo.labels" -}}
{{ include "grouparoo.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: grouparoo
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels and more of them, of which none is there twice. */}}
{{- define "grouparoo.labelsWith" -}}
{{- merge (deepCopy .more) (include "grouparoo.labels" .root | fromYaml) | toYaml -}}
{{- end -}}

{{/* Whether an object of a kind of the Prometheus Operator is made: "true" or nothing. Takes values, what the cluster
knows, the kind and the name of the value. */}}
{{- define "grouparoo.monitoring" -}}
{{- if .values.enabled -}}
{{- $known := .capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) -}}
{{- if and (eq .values.renderMode "failIfMissing") (not $known) -}}
{{- fail (printf "\n\n%s.enabled is true, but the cluster does not know the kind %s: install the Prometheus Operator first, or set %s.renderMode to skipIfMissing or alwaysRender.\n" .value .kind .value) -}}
{{- end -}}
{{- if or $known (eq .values.renderMode "alwaysRender") -}}true{{- end -}}
{{- end -}}
{{- end -}}
