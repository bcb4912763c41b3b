// SPDX-License-Identifier: GPL-2.0-only
/// Subject: vfio/pci: remove the fault handler of the device's file
///
/// vfio_pci_bar_mmap.c replaces it. A semantic patch, because the function
/// differs from series to series.
// Directories: drivers/vfio/pci

@@
identifier fn = vfio_pci_mmap_huge_fault;
parameter list params;
type T;
@@
-T fn(params) { ... }
