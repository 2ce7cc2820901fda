// Argo CD, of which the tests take the definition of its Application; nothing of it is built.
module grouparoo.io/tests/control-plane/argocd

go 1.26.0

require (
	github.com/argoproj/argo-cd/v3 v3.4.0
)
