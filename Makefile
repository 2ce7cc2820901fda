# What there is to do here. `make` alone lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: release-check help demo demo-postgres demo-cluster test test-fast e2e image soak check fmt generate bench

CARGO := cargo
# `make demo KEEP=1` leaves the sandbox and the folder for a look, `make demo-cluster KEEP=1` everything.
KEEP ?=
PLAY := $(if $(filter-out 0,$(KEEP)),--keep)

# One build for demo, benchmark and images.
BUILDING = echo "make $@: building the programs (the first time takes some minutes)"

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## A first look: SQLite to a local Braze, in about a minute after the build (KEEP=1: leave it running)
	@scripts/need cargo cc
	@$(BUILDING)
	@programs=$$(scripts/programs) && "$$programs/grouparoo-demo" run $(PLAY)

demo-postgres: ## The same from PostgreSQL: a server of its own, or the one of DATABASE_URL
	@scripts/need cargo cc
	@scripts/postgres
	@$(BUILDING)
	@programs=$$(scripts/programs) && "$$programs/grouparoo-demo" run --postgres $(PLAY)

demo-cluster: ## The operator beside a Kubernetes API of its own: apply, watch, pause, approve; two minutes after the build
	@scripts/need cargo cc
	@api=$$(scripts/control-plane) && $(BUILDING) && programs=$$(scripts/programs) && \
	"$$programs/grouparoo-demo" cluster --programs "$$api" $(PLAY)

# Whether the generated files are current (crds/, in charts/, parts of docs/) is among the tests; `make generate` makes
# them so.
test: ## All tests, against a real PostgreSQL and a real Kubernetes API too, and whether the generated files are current
	@scripts/need cargo cc
	@scripts/postgres --own
	@programs=$$(scripts/control-plane) && echo "make test: Kubernetes API from $$programs"
	@program=$$(scripts/control-plane --kstatus) && echo "make test: conditions are judged by $$program"
	@program=$$(scripts/control-plane --helm) && echo "make test: the chart is rendered and installed by $$program"
	@program=$$(scripts/promtool) && echo "make test: alerts are judged by $$program"
	@program=$$(scripts/control-plane --flux) && echo "make test: manifests are built by $$program"
	@folder=$$(scripts/control-plane --gitops-kinds) && echo "make test: Flux and Argo CD are known from $$folder"
	@echo "make test: all tests of the workspace (a first build takes a while)"
	@# Those on a whole node come by themselves.
	GROUPAROO_E2E=skip $(CARGO) test --workspace --locked
	@$(MAKE) --no-print-directory e2e

test-fast: ## Unit tests only: no servers but those inside the tests
	@scripts/need cargo cc
	$(CARGO) test --workspace --exclude workbench --locked --lib

e2e: ## The image on a whole Kubernetes node: part of make test; Linux and root (GROUPAROO_E2E=skip: leave it out)
	@scripts/need cargo cc
ifeq ($(GROUPAROO_E2E),skip)
	@echo "make e2e: left out, because GROUPAROO_E2E is skip"
else
	@scripts/node-packages
	@scripts/postgres --own
	@programs=$$(scripts/control-plane) && echo "make e2e: Kubernetes API from $$programs"
	@program=$$(scripts/control-plane --helm) && echo "make e2e: installed by $$program"
	@programs=$$(scripts/control-plane --node) && echo "make e2e: node from $$programs"
	@images=$$(scripts/image) && echo "make e2e: images from $$images"
	$(CARGO) test --locked --test scenarios -- node:: --test-threads=1 --nocapture
endif

image: ## The images of the operator and of the sandbox, for docker load and others (IMAGE_BUILDER, REVISION)
	@images=$$(scripts/image) && ls -l "$$images"/*.tar

soak: ## The reliability scenarios of the operator at full length, with their figures (SOAK_FAILOVERS, SOAK_DESTINATIONS, …)
	@scripts/need cargo cc
	@programs=$$(scripts/control-plane) && echo "make soak: Kubernetes API from $$programs"
	@echo "make soak: up to an hour after the build; it stops by itself"
	GROUPAROO_SOAK=1 timeout --signal=INT --kill-after=60 2h $(CARGO) test --locked --test scenarios -- \
		operator::reliability --test-threads=1 --nocapture

check: ## Everything before a merge: format, lints, tests, generated files, dependencies
	@scripts/need cargo cc
	@echo "make check: format"
	$(CARGO) fmt --all --check
	@echo "make check: lints, with warnings as errors"
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@echo "make check: dependencies"
	scripts/deny
	@$(MAKE) --no-print-directory test

fmt: ## Format the code
	$(CARGO) fmt --all

generate: ## Write the generated files anew
	UPDATE_CRDS=1 $(CARGO) test --locked --lib crds
	UPDATE_CHART=1 $(CARGO) test --locked --test scenarios -- chart::generated chart::rendered::the_default_render
	UPDATE_DOCS=1 $(CARGO) test --locked --test scenarios documentation::
	UPDATE_GOLDEN=1 $(CARGO) test --locked --test scenarios gitops::argocd::the_config_map

release-check: ## What must hold before a version is tagged: versions, changes, licences, definitions, SBOM, two equal builds
	@scripts/release-check

bench: ## Measure beside COPY of the same table (BENCH_ROWS, BENCH_ROUNDS, BENCH_SINK_ONLY=true)
	@scripts/need cargo cc
	@scripts/postgres --own
	@$(BUILDING)
	@programs=$$(scripts/programs) && "$$programs/grouparoo-bench"
