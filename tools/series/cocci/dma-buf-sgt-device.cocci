// SPDX-License-Identifier: GPL-2.0-only
/// Subject: treewide: ask the SGT mapping type for an attachment's device
///
/// Only an attachment that is mapped for one device has a device:
/// dma_buf_sgt_dma_device() is NULL for those of other mapping types. Code
/// that looks for the attachment of a device finds what it found before.
// Directories: drivers net io_uring sound samples
// Files: \bdma_buf_attachment\b|\bimport_attach\b|<linux/dma-buf

@@
struct dma_buf_attachment *attach;
@@
-attach->dev
+dma_buf_sgt_dma_device(attach)
