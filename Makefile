# SPDX-License-Identifier: GPL-2.0
#
# The one entry point.  `make help` lists the targets; all work is done by the
# scripts in tools/, everything that is made goes to build/.

export LINUX ?= 7.2
export PROFILE ?= check
export BASELINE
export KSRC
export COVERAGE

tree: deps
	@tools/prepare-tree

kernel: tree
	@tools/build-kernel

headers: tree
	@tools/install-headers

print-tree print-kernel print-headers:
	@tools/print-path $(@:print-%=%)

deps:
	@tools/install-deps

.PHONY: tree kernel headers deps kernel: tree
	@tools/build-kernel

headers: tree
	@tools/install-headers

print-tree print-kernel print-headers
