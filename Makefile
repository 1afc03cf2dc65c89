# make demo    the paper's point in one contact sheet, from nothing
# make test    every test
# make build   the program, at target/debug/metapicture (optimized; one profile serves program, tests and clippy)
# make wheel   the Python package, into dist/; make wheel-test also installs it into a fresh environment and tests it
# make tarball the program with its libtorch, into dist/, for machines without Python and without a compiler
# make manual  the manual, into target/manual; make reference writes the pages of it that come from the code again
# make setup   libtorch into the user's cache; DEVICE=cuda for NVIDIA GPUs

PYTHON ?= python3
DEVICE ?= cpu
OUT ?= out/demo
UNITS = banana sunglass wig violin 'chainlink fence' 'bow tie'
WITNESSES = efficientnet-lite1 squeezenet-caffe
METAPICTURE = target/debug/metapicture

.PHONY: setup build demo test lint wheel wheel-test tarball manual reference

setup:
	@$(PYTHON) setup/libtorch.py --device $(DEVICE)

build: setup
	cargo build

# Rows of the sheet: pixels, pixels made legible, a GAN of faces, and a decoder of natural images where its weights can be had; started from
# photographs where its encoder can be had, too.
demo: build
	$(METAPICTURE) models pull efficientnet-lite0 efficientnet-lite1 squeezenet-caffe face-dcgan
	$(METAPICTURE) visualize --classifier efficientnet-lite0 --generator face-dcgan --unit $(UNITS) \
		--method naive regularized latent --witness $(WITNESSES) --out $(OUT)
	@natural=; \
	if $(METAPICTURE) models pull taesd --quiet; then natural="--size 128"; \
		if $(METAPICTURE) models pull taesd-encoder photos --quiet; then natural="--from photos"; fi; \
	fi; \
	if [ -n "$$natural" ]; then \
		$(METAPICTURE) visualize --classifier efficientnet-lite0 --generator taesd $$natural --unit $(UNITS) \
			--witness $(WITNESSES) --out $(OUT)-natural && \
		$(METAPICTURE) sheet $(OUT) $(OUT)-natural --rows method --cols unit; \
	else \
		$(METAPICTURE) sheet $(OUT) --rows method --cols unit && \
		echo "demo: the sheet is without natural images; once taesd is there, make demo adds them"; \
	fi

test: setup
	cargo test --workspace

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@if command -v typos >/dev/null; then typos; else echo "lint: no typos here (python3 -m pip install typos); skipped"; fi
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "lint: no cargo-deny here (cargo install cargo-deny, some minutes); skipped"; fi

# The Python package. torch is not in the wheel: it is loaded beside it. WHEEL_PROFILE=release takes longer to compile.
WHEEL_PROFILE ?= dev
# A Python whose packages, torch 2.13.0 among them, the test takes; unless told, pip brings torch.
METAPICTURE_TEST_PYTHON ?=

wheel: setup
	$(PYTHON) python/make.py wheel --profile $(WHEEL_PROFILE)

tarball: build
	$(PYTHON) setup/tarball.py

wheel-test: wheel
	$(PYTHON) python/make.py test $(if $(METAPICTURE_TEST_PYTHON),--beside $(METAPICTURE_TEST_PYTHON))

# By mdBook: the one on the PATH, or one that is compiled once into target/tools.
manual:
	$(PYTHON) docs/make.py

# The pages of docs/src/reference/, from the code; a test holds them to it.
reference: setup
	METAPICTURE_REFERENCE=write PYTHON=$(PYTHON) cargo test --test program the_page_of
