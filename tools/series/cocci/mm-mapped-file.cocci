// SPDX-License-Identifier: GPL-2.0-only
/// Subject: mm/mmap: remap_file_pages() maps the file that was mapped
///
/// The call of mm-mapped-file.patch. A semantic patch, because do_mmap() takes
/// other flags from series to series.
// Directories: mm
// Files: do_mmap\(vma->vm_file

@@
symbol file, vma;
expression list flags;
@@
 do_mmap(
-	vma->vm_file,
+	file,
	flags)
