# The commands of the project. Each sets up .venv by itself on first use and is quick afterwards (.ci/venv).
#
#   make demo ARGS="--workers 4 --kills 5 --seed 7"    arguments for the command behind the target
#   make test PYTHON=python3.12                        another interpreter than the first one found

.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-erp check bench clean venv chaos kills sim mutate lives confluence
export PYTHON

PY := .venv/bin/python
ARGS ?=

help: ## what the targets do
	@awk -F ':.*## ' '/^[a-z-]+%?:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: venv ## a day of events through a real Kafka into an ERP, a worker killed in the middle, the books compared; ERP=tryton
	$(PY) tests/oracle/demo_with_oracle.py $(if $(ERP),--erp $(ERP)) $(ARGS)

test: check ## all checks, then the tests that fit in a few minutes
	.venv/bin/pytest -m "not full" --durations=10 $(ARGS)

test-full: check ## all checks, then every test: more seeds, more kills, the wheel beside the big packages
	.venv/bin/pytest --durations=20 $(ARGS)

test-erp: venv ## every test of ERP adapters, the real Tryton on PostgreSQL included
	.venv/bin/pytest --durations=20 tests/erp $(ARGS)

check: venv ## lint, format, types and import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache --no-logo

bench: venv ## every benchmark, then docs/benchmarks.md; one question alone: make bench-latency, bench-drain ...
	$(PY) benchmarks/suite.py $(ARGS)

bench-%: venv
	$(PY) benchmarks/suite.py --only $* $(ARGS)

peer-%: venv ## install a peer of the comparison job: peer-kafka_streams, peer-quix_streams, peer-faust_stock
	benchmarks/peers/$*/install

sim: venv ## simulated schedules of the real engine; SEEDS=1000000 for a night, SEED=123 tells one, ARGS="--keep-going"
	$(PY) tests/simulation/simulate.py $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),5000)) $(ARGS)

lives: venv ## three years of random contracts against the slow oracle; CONTRACTS=1000 SEED=1 ARGS="--only 53"
	$(PY) tests/oracle/random_lives.py --contracts $(or $(CONTRACTS),1000) --seed $(or $(SEED),1) $(ARGS)

confluence: venv ## scenarios and random contracts in many orders of arrival, some events twice; RUNS=20000 SEED=1
	$(PY) tests/machine/confluence.py --runs $(or $(RUNS),20000) --seed $(or $(SEED),1) $(ARGS)

chaos: venv ## faults against a real broker and real workers; ARGS="--seed 7 --scale 0.25 --only F1,F7"
	$(PY) tests/chaos/campaign.py $(ARGS)

kills: venv ## the posting worker and its ERP are killed while they post; ARGS="--erp tryton --rounds 10 --seed 7"
	$(PY) tests/erp/kill_campaign.py $(ARGS)

mutate: venv ## which changes of an accounting rule no test would notice; docs/mutation.md; ARGS="allocation" for one module
	$(PY) tests/mutation/mutate.py $(ARGS)

clean: ## remove caches and build output (.venv stays)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

venv:
	@.ci/venv
