# SPDX-License-Identifier: GPL-2.0
#
# The one entry point.  `make help` lists the targets; all work is done by the
# scripts in tools/, everything that is made goes to build/.

help:
	@sed -n 's/^#: //p' Makefile
	@echo
	@echo "Guest tests"
	@tools/guest/tests | sed 's/^/  /' | fold -s -w 88 | sed 's/^\([^ ]\)/      \1/'

# All that writes to build/ waits for the run that does so already, and starts
# make again in its place; what is wrong with a variable is said before.
goals := $(filter-out help print-%,$(MAKECMDGOALS))
ifeq ($(and $(goals),$(filter-out $(BUILD_LOCKED),$(CURDIR))),)

export LINUX
export PROFILE ?= check
export BASELINE
export KSRC
export COVERAGE
export JOBS
export GUESTS
export UNPATCHED
export FROM
export TO

#: Targets
#:   deps           install the packages that the rest needs (all targets do so)
#:   demo           boot the patched kernel, show peer-to-peer DMA by negotiated types
#:   quick          what to run after an edit: KUnit, and the demo and edited tests in the guest
#:   check          the tests; the last line is "N passed, N failed, N skipped".  Not in it:
#:                  check-full, check-arm64, kunit-i386, mutants, bisect, bench, programs,
#:                  the other profiles,
#:                  guest TESTS=mm
#:
#:   tree           prepare build/linux-SERIES: the kernel source with our series applied
#:   kernel         build the guest kernel
#:   headers        install its UAPI headers
#:   kunit          KUnit on UML (COVERAGE=1: line coverage of our dma-buf files)
#:   kunit-qemu     the same suites on x86-64 in QEMU, with the checkers on
#:   kunit-i386     on a 32-bit kernel what does without hardware
#:   guest          the guest tests alone (TESTS=a,b: only these)
#:   vgpu           those that need a scripted virtio-gpu, in a QEMU of their own
#:   programs       QEMU as a VMM in the guest, DPDK: programs as the distribution has them
#:   shell          a shell in the guest
#:   check-patches  patches apply to all series; checkpatch, kernel-doc, W=1, sparse
#:   check-objects  all files that the series touches, in many configurations, W=1, sparse
#:   check-full     whole GPU drivers as modules, the kernel's own tests of them and
#:                  every exporter with every importer; what fails and is not known
#:                  to fail unpatched is run on the unpatched kernel as well; then
#:                  check-objects and check-arm64
#:   check-arm64    KUnit and the guest tests on arm64 with an SMMU, pages of 4 and 64 KiB
#:   convert        move your driver to mapping types, say what is left (DIR=/path/to/driver)
#:                  DRY=1: only print the changes; KDIR=DIR: compile for that kernel;
#:                  COMPAT=1: add a header with which it builds on older kernels as well
#:   mutants        a checker reports what tools/mutants/*.patch break (some builds)
#:   bisect         after each step of the series its files compile, and KUnit passes
#:                  (FROM=N TO=N: these steps alone)
#:   bench          instructions per operation, compared with the unpatched kernel
#:   baseline       build the unpatched kernel in the same configuration
#:   docs           our chapters as HTML, in build/docs-TREE/html; fails if Sphinx warns
#:   export         the series as mails for git am, in build/export-SERIES; asks for an
#:                  author: git config user.name and user.email
#:   refresh        write patches/ again, from the prepared tree
#:   print-tree, print-kernel, print-headers
#:                  paths of the prepared tree, the bzImage, the UAPI headers (make -s)
#:   clean          remove build/, downloads aside; distclean removes those, too
#:
#: Variables
#:   LINUX=7.3      kernel series: 7.3 or 7.2; next: what comes after (check-patches alone)
#:   TESTS=A,B      guest tests to run, see below; all, imports, own, peer and stress are groups
#:   WAYS=A,B       programs: how QEMU opens its devices: cdev, group-iommufd, group-type1
#:   SEED=N STEPS=N,N SECONDS=N FAIL=1 HURRY=1
#:                  guest TESTS=oracle: the program of this seed, or these steps of it;
#:                  or random programs for so long; with allocations that fail;
#:                  without the time in which the guest idles
#:   KSRC=DIR       your own kernel tree instead; it is copied, not changed
#:   PROFILE=check  all checkers on; bench: none (the default of demo); kcsan: data races;
#:                  kcov: which lines of our files are reached (guest TESTS=oracle);
#:                  nop2p: without peer-to-peer DMA; kvm: virtual machines in the guest;
#:                  modular: virtio-gpu as a module;
#:                  arm64, arm64-64k: another machine, pages of 64 KiB (kernel, guest,
#:                  shell, kunit-qemu)
#:   BASELINE=1     the unpatched kernel (tree, kernel, headers, shell, guest, programs,
#:                  print-*)
#:   UNPATCHED=1    check-full: all of it on the unpatched kernel, too
#:   GUESTS=N       check: run so many guests at once (half as many as there are CPUs)
#:   JOBS=N         compile so many files at once

# These are asked for when a recipe runs: preparing the tree can change them.
tree = $(shell tools/lib/print-path tree)
name = $(shell tools/lib/print-path name)
mails = $(shell tools/lib/print-path export)
# For the test of this name
oracle = $(SEED:%=oracle.seed=%) $(STEPS:%=oracle.steps=%) $(SECONDS:%=oracle.seconds=%) \
	$(FAIL:%=oracle.fail=%) $(if $(filter kcov,$(PROFILE)),oracle.kcov=1)
oracle_run = $(if $(SECONDS),--limit $$(($(SECONDS) + 1200))) $(if $(filter-out 0,$(HURRY)),--hurry)
series = $(shell tools/lib/print-path series)

deps:
	@tools/lib/install-deps

tree: deps
	@tools/series/prepare-tree

kernel: tree
	@tools/guest/build-kernel

headers: tree
	@tools/guest/install-headers

baseline: deps
	@BASELINE=1 tools/series/prepare-tree
	@BASELINE=1 tools/guest/build-kernel
	@BASELINE=1 tools/guest/install-headers

# The demo needs no checkers, and the kernel without them is built in half the time.
ifeq ($(origin PROFILE),file)
demo: export PROFILE = bench
endif

demo shell: kernel headers
	@tools/guest/boot $@

guest: kernel headers
	@tools/report/run-part guest-$(name)-$(PROFILE) tools/guest/boot $(or $(TESTS),all) \
		--append "$(oracle)" $(oracle_run); \
		$(if $(filter kcov,$(PROFILE)),tools/report/reached reached-$(name) \
			$(tree)/.obj-kcov/vmlinux build/log/guest-$(name)-kcov.results;) \
		tools/report/report guest-$(name)-$(PROFILE) \
			$(if $(filter kcov,$(PROFILE)),reached-$(name))

vgpu: kernel headers
	@for machine in near far blobs intel; do \
		tools/report/run-part vgpu-$$machine-$(name)-$(PROFILE) tools/vgpu/run-vgpu $$machine; done; \
		tools/report/report $(foreach m,near far blobs intel,vgpu-$m-$(name)-$(PROFILE))

# Machines in the guest boot our kernel, whatever the guest has.
programs: kernel headers
	@BASELINE= PROFILE=bench tools/series/prepare-tree
	@BASELINE= PROFILE=bench tools/guest/build-kernel
	@BASELINE= tools/guest/install-headers
	@tools/report/run-part programs-$(name)-$(PROFILE) tools/programs/run $(TESTS); \
		tools/report/report programs-$(name)-$(PROFILE)

kunit: tree
	@tools/report/run-part kunit-uml-$(name) tools/kunit/kunit uml; tools/report/report kunit-uml-$(name)

# On x86 it is always the same kernel.
kunit_qemu = kunit-qemu-$(name)$(if $(filter arm64%,$(PROFILE)),-$(PROFILE))
kunit-qemu: kernel headers
	@tools/report/run-part $(kunit_qemu) tools/kunit/kunit qemu; tools/report/report $(kunit_qemu)

kunit-i386: tree
	@tools/report/run-part kunit-i386-$(name) tools/kunit/kunit i386; tools/report/report kunit-i386-$(name)

ifeq ($(LINUX),next)
check-patches: deps
	@LINUX= tools/report/run-part check-patches tools/series/check-patches --next; tools/report/report check-patches
else
check-patches: mails
	@tools/report/run-part check-patches tools/series/check-patches $(tree) $(mails) $(series); \
		tools/report/run-part check-objects-$(name) tools/objects/check-objects modules; \
		tools/report/report check-patches check-objects-$(name)
endif

check-objects: tree
	@tools/report/run-part check-objects-$(name) tools/objects/check-objects; \
		tools/report/report check-objects-$(name)

check-full: deps
	@tools/check/check-full

check-arm64: tree
	@tools/check/check-arm64

convert:
	@tools/lib/install-deps coccinelle python3
	@tools/convert/convert $(if $(filter-out 0,$(DRY)),--dry) $(if $(filter-out 0,$(COMPAT)),--compat) \
		$(if $(KDIR),--kdir "$(KDIR)") "$(DIR)"

quick: tree
	@tools/check/quick

check: mails
	@tools/check/check

bisect: tree
	@tools/check/bisect

mutants: tree headers
	@tools/report/run-part mutants tools/mutants/run; tools/report/report mutants

bench: deps
	@tools/check/bench

# Checks read the mails and do not send them: theirs may be anonymous.
mails: tree
	@tools/series/export $(tree) $(mails)

export: tree
	@tools/series/export $(tree) $(mails:%-anonymous=%)

docs: tree
	@tools/docs/docs $(tree) build/docs-$(name)

refresh:
	@tools/series/refresh $(tree) $(series)

print-tree print-kernel print-headers:
	@tools/lib/print-path $(@:print-%=%)

clean:
	[ ! -d build ] || find build/ -mindepth 1 -maxdepth 1 ! -name dl -exec rm -rf {} +
	rm -f patches/generated

distclean: clean
	rm -rf build

.PHONY: help deps tree quick kernel headers baseline demo shell guest vgpu programs kunit \
	kunit-qemu kunit-i386 check-patches check-objects check-full check-arm64 convert check \
	mutants bisect bench \
	mails docs export refresh print-tree print-kernel print-headers clean distclean

else

wrong := $(shell LINUX='$(LINUX)' PROFILE='$(PROFILE)' TESTS='$(TESTS)' tools/lib/arguments $(goals))
$(if $(wrong),$(error $(wrong)))

$(MAKECMDGOALS): locked ;

locked:
	@+tools/lib/lock $(MAKE) --no-print-directory $(MAKECMDGOALS)

.PHONY: locked $(MAKECMDGOALS)

endif
