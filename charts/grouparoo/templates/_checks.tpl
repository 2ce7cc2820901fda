{{/* Values that contradict each other: each is a sentence that says what to change. */}}

{{/* A span such as 1h30m in milliseconds. */}}
{{- define "grouparoo.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- define "grouparoo.checks" -}}
{{- $all := list -}}
{{- $values := .Values -}}
{{- $state := $values.state -}}
{{- $replicas := int $values.replicaCount -}}
{{- if and (gt $replicas 1) (not $state.shared) -}}
{{- $all = append $all (printf "replicaCount is %d, but one process at a time uses the state folder on its volume: set replicaCount to 1. (state.shared is for volumes that several Pods can mount and lock.)" $replicas) -}}
{{- end -}}
{{- if and (gt $replicas 1) (not $values.leaderElection.enabled) -}}
{{- $all = append $all (printf "replicaCount is %d, but nobody chooses which Pod works: set leaderElection.enabled to true." $replicas) -}}
{{- end -}}
{{- $lease := $values.leaderElection -}}
{{- range $pair := list (list "retryPeriod" "renewDeadline") (list "renewDeadline" "leaseDuration") -}}
{{- $short := get $lease (first $pair) -}}
{{- $long := get $lease (last $pair) -}}
{{- if ge (include "grouparoo.milliseconds" $short | int64) (include "grouparoo.milliseconds" $long | int64) -}}
{{- $all = append $all (printf "leaderElection.%s (%s) must be less than leaderElection.%s (%s)." (first $pair) $short (last $pair) $long) -}}
{{- end -}}
{{- end -}}
{{- $monitor := $values.serviceMonitor -}}
{{- if gt (include "grouparoo.milliseconds" $monitor.scrapeTimeout | int64) (include "grouparoo.milliseconds" $monitor.interval | int64) -}}
{{- $all = append $all (printf "serviceMonitor.scrapeTimeout (%s) must not be longer than serviceMonitor.interval (%s)." $monitor.scrapeTimeout $monitor.interval) -}}
{{- end -}}
{{- if and $state.shared (not $state.persistence.enabled) -}}
{{- $all = append $all "state.shared is true, but without state.persistence.enabled each Pod has a folder of its own: set one of them to the other's value." -}}
{{- end -}}
{{- if and $state.shared $state.persistence.enabled (not $state.persistence.existingClaim) (not (has "ReadWriteMany" $state.persistence.accessModes)) -}}
{{- $all = append $all "state.shared is true, but state.persistence.accessModes does not have ReadWriteMany: only one node could mount the volume." -}}
{{- end -}}
{{- if and $state.persistence.existingClaim (not $state.persistence.enabled) -}}
{{- $all = append $all "state.persistence.existingClaim is set, but state.persistence.enabled is false, so it would not be used: set enabled to true, or leave the claim out." -}}
{{- end -}}
{{- if and $values.rbac.secretNamespaces $values.rbac.secretWatch -}}
{{- $all = append $all "rbac.secretWatch needs the right to list Secrets in all watched namespaces, and rbac.secretNamespaces takes it away in some: set one of the two." -}}
{{- end -}}
{{- if and $values.rbac.secretNamespaces (not $values.rbac.create) -}}
{{- $all = append $all "rbac.secretNamespaces is set, but rbac.create is false, so it would narrow nothing: narrow your own roles, or set rbac.create to true." -}}
{{- end -}}
{{- range $values.rbac.secretNamespaces -}}
{{- if and $values.watchNamespaces (not (has . $values.watchNamespaces)) -}}
{{- $all = append $all (printf "rbac.secretNamespaces names %s, which watchNamespaces does not: nothing there would use its Secrets." .) -}}
{{- end -}}
{{- end -}}
{{- if and $values.rbac.create (not $values.serviceAccount.create) (not $values.serviceAccount.name) -}}
{{- $all = append $all "serviceAccount.create is false and serviceAccount.name is empty, so the rights would go to the ServiceAccount default, which every Pod of the namespace may use: name one." -}}
{{- end -}}
{{- if and (ne (toString $values.podDisruptionBudget.minAvailable) "<nil>") (ne (toString $values.podDisruptionBudget.maxUnavailable) "<nil>") -}}
{{- $all = append $all "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable exclude each other: set one to null." -}}
{{- end -}}
{{- if gt (len (keys ($values.dataRoot.volume | default dict))) 1 -}}
{{- $all = append $all (printf "dataRoot.volume has several sources (%s), and a volume has one." (keys ($values.dataRoot.volume | default dict) | sortAlpha | join ", ")) -}}
{{- end -}}
{{- range $label := keys (merge (dict) ($values.commonLabels | default dict) ($values.podLabels | default dict)) | sortAlpha -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "helm.sh/" $label) (hasPrefix "grouparoo.io/" $label) -}}
{{- $all = append $all (printf "commonLabels and podLabels may not have %s, which the chart sets itself." $label) -}}
{{- end -}}
{{- end -}}
{{- $own := dict "state" "state" "data-root" "dataRoot" "watch-namespace" "watchNamespaces" "allowed-host" "allowedHosts" "source-allowed-host" "sources.allowedHosts" "source-type" "sources.types" "deny-private-addresses" "sources.privateAddresses" "require-source-tls" "sources.tls" "secret-host-binding" "secretHostBinding" "max-concurrent-runs" "maxConcurrentRuns" "progress-interval" "progressInterval" "log-format" "log.format" "log-level" "log.level" "watch-secrets" "rbac.secretWatch" "leader-elect" "leaderElection.enabled" "lease-name" "leaderElection.leaseName" "lease-duration" "leaderElection.leaseDuration" "lease-renew-deadline" "leaderElection.renewDeadline" "lease-retry" "leaderElection.retryPeriod" -}}
{{- range $values.extraArgs -}}
{{- $flag := trimPrefix "--" (first (splitList "=" .)) -}}
{{- if and (hasPrefix "--" .) (hasKey $own $flag) -}}
{{- $all = append $all (printf "extraArgs has --%s, which the chart sets itself: use the value %s." $flag (get $own $flag)) -}}
{{- end -}}
{{- if and (eq $flag "http") (not (hasSuffix ":8080" .)) -}}
{{- $all = append $all (printf "extraArgs has %s, but the probes and the Service look at port 8080: leave the port as it is." .) -}}
{{- end -}}
{{- if eq $flag "lease-namespace" -}}
{{- $all = append $all "extraArgs has --lease-namespace, but the chart gives the right to the Lease in the namespace of the release only: leave it out." -}}
{{- end -}}
{{- end -}}
{{- range $values.extraEnv -}}
{{- if eq .name "POD_NAME" -}}
{{- $all = append $all "extraEnv has POD_NAME, which the chart sets itself." -}}
{{- end -}}
{{- end -}}
{{- range $values.extraVolumes -}}
{{- if has .name (list "state" "scratch" "data-root") -}}
{{- $all = append $all (printf "extraVolumes has %s, which is a volume of the chart's own: give yours another name." .name) -}}
{{- end -}}
{{- end -}}
{{- range $values.extraVolumeMounts -}}
{{- if has (trimSuffix "/" .mountPath) (list "/state" "/tmp" "/data") -}}
{{- $all = append $all (printf "extraVolumeMounts has %s, where the chart mounts its own: choose another path." .mountPath) -}}
{{- end -}}
{{- end -}}
{{- if $all -}}
{{- fail (printf "\n\n%s\n" (join "\n" $all)) -}}
{{- end -}}
{{- end -}}
