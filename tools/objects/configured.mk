# SPDX-License-Identifier: GPL-2.0
#
# The goal "configured": objects and folders that a configuration builds in each
# of FOLDERS.  Named in MAKEFILES=, this is read before the kernel's makefiles,
# at the top and for each folder.  Folders whose makefile another one includes
# cannot be asked, nor need to be.

one-folder = echo configured $(obj): $(real-obj-y) $(real-obj-m) $(addsuffix /,$(subdir-ym))
all-folders = $(foreach folder,$(FOLDERS),\
	$(MAKE) -s $(build)=$(folder) need-builtin=1 need-modorder=1 configured || :;)

configured:
	+@$(if $(filter %/Makefile.build,$(MAKEFILE_LIST)),$(one-folder),$(all-folders))

.PHONY: configured
