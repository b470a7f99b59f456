# Every command of the project. CI runs `make lint` and `make test` (.ci/run), nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# Tools that no toolchain brings, in versions that are pinned here; kept out of the repository.
CACHE := $(CURDIR)/.cache
CARGO_DENY_VERSION := 0.20.2
TYPOS_VERSION := 1.52.0
CARGO_DENY := $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
TYPOS := $(CACHE)/typos-$(TYPOS_VERSION)/bin/typos

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 10
export FUZZ_SECONDS

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Run it

.PHONY: demo
demo: ## Usher and a development identity provider, and a client that walks through (ONCE=1 ends after it; USHER_PORT, ADMIN_PORT, IDP_PORT)
	@# The dev profile: a first build takes a minute or two where release, with its link-time optimisation, takes many.
	$(CARGO) build --locked -p usher -p dev-idp --bins
	@"$${CARGO_TARGET_DIR:-target}/debug/usher-demo" $(if $(ONCE),--once)

.PHONY: demo-token
demo-token: ## An access token for the running demo, for curl (DEMO_USER=bob logs in as bob)
	@"$${CARGO_TARGET_DIR:-target}/debug/usher-demo" --token $(or $(DEMO_USER),alice)

.PHONY: bench
bench: ## The price of a checked call: a table of ratios, also in target/bench/report.json (BENCH=--quick for a short run)
	$(CARGO) build --release --locked -p usher -p usher-bench
	@"$${CARGO_TARGET_DIR:-target}/release/usher-bench" $(BENCH)

##### Prove it

.PHONY: test
test: ## Everything that proves Usher: unit, integration, documents, conformance, real upstreams, end to end, faults, docker compose, fuzzing
	@tests/run-all

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZ_SECONDS
	@tests/run-all fuzz

.PHONY: conformance
conformance: ## The official MCP conformance suite against a running server
	@tests/run-all conformance

.PHONY: upstreams
upstreams: ## MCP servers from npm and PyPI behind a real server
	@tests/run-all upstreams

.PHONY: e2e
e2e: ## A real Keycloak, a real browser and the official clients
	@tests/run-all e2e

.PHONY: laboratory
laboratory: ## Faults, one at a time, and what the doctor says of each
	@tests/run-all laboratory

.PHONY: compose-test
compose-test: ## docker-compose.yml on a real Docker engine: up, a login in a browser over TLS, search, fetch, restart, down
	@tests/compose/run

.PHONY: guides
guides: ## Every command of the guides, against the demo
	@tests/run-all guides

.PHONY: decisions
decisions: ## The measurements that docs/decisions rest on
	@tests/run-all decisions

##### Keep it clean

.PHONY: docs
docs: ## Writes what is generated: docs/configuration.md, JSON Schemas of the settings and of a diagnosis
	$(CARGO) build --workspace --locked --quiet
	target/debug/usher config docs > docs/configuration.md
	target/debug/usher config schema > docs/config.schema.json
	target/debug/usher doctor docs > docs/troubleshooting.md
	target/debug/usher doctor schema > docs/doctor.schema.json

.PHONY: lint
lint: fmt clippy rustdoc deny typos ## Format, clippy, rustdoc, dependencies, spelling
	@echo "lint: passed"

.PHONY: fmt
fmt:
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy:
	$(CARGO) clippy --workspace --all-targets --locked --quiet -- -D warnings

.PHONY: rustdoc
rustdoc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked --quiet

.PHONY: deny
deny: $(CARGO_DENY)
	$(CARGO_DENY) --log-level error check bans licenses sources
	@# Advisories live in a git repository that a machine behind a wall cannot reach: say so, do not fail for it.
	@if git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then \
		$(CARGO_DENY) --log-level error check advisories; \
	else \
		echo "advisories NOT checked: the RustSec database (github.com) cannot be reached from here"; \
	fi

.PHONY: typos
typos: $(TYPOS)
	$(TYPOS) --format brief

$(CARGO_DENY):
	@echo "installing cargo-deny $(CARGO_DENY_VERSION) into .cache (once; about a minute)"
	$(CARGO) install --quiet --locked --debug --no-default-features --version $(CARGO_DENY_VERSION) \
		--root $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION) --target-dir $(CACHE)/build cargo-deny
	@rm -rf $(CACHE)/build

$(TYPOS):
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "typos needs Python 3 with venv: apt-get install python3-venv (Debian, Ubuntu)" >&2; exit 1; }
	@echo "installing typos $(TYPOS_VERSION) into .cache (once)"
	@python3 -m venv $(CACHE)/typos-$(TYPOS_VERSION)
	@$(CACHE)/typos-$(TYPOS_VERSION)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: typos==$(TYPOS_VERSION)
