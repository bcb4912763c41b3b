// SPDX-License-Identifier: GPL-2.0-only
/// Subject: treewide: import scatterlists through the SGT mapping type
///
/// Importers that have one device and take only scatterlists map and unmap by
/// the SGT mapping type. Let them use its names: the old names are inline
/// functions around those of the SGT type, with the same arguments. Attaching
/// does not change.
// Directories: drivers net io_uring sound samples
// Files: \bdma_buf_(un)?map_attachment(_unlocked)?\b

@@
expression list args;
@@
(
-dma_buf_map_attachment(args)
+dma_buf_sgt_map_attachment(args)
|
-dma_buf_map_attachment_unlocked(args)
+dma_buf_sgt_map_attachment_unlocked(args)
|
-dma_buf_unmap_attachment(args)
+dma_buf_sgt_unmap_attachment(args)
|
-dma_buf_unmap_attachment_unlocked(args)
+dma_buf_sgt_unmap_attachment_unlocked(args)
)
