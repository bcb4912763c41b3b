// SPDX-License-Identifier: GPL-2.0-only
/// Subject: treewide: declare plain SGT where it is all that an exporter has
///
/// Exporters that have map_dma_buf() and unmap_dma_buf() in their dma_buf_ops
/// were taken to offer plain SGT. Let them declare it, so that the core has
/// one way less to call an exporter.
///
/// Exporters that look at peer2peer have something to choose. They are left
/// alone here and need a match_mapping callback.
// DMA_BUF_SIMPLE_SGT_EXP_MATCH() is made of compound literals: in a function they
// are gone when it returns, and a static initialiser cannot point to them. What
// has a statement behind it is in a function, and is left alone. That is looked
// for twice, because the first change moves what comes after it.
// Directories: drivers net io_uring sound samples
// Files: [.](un)?map_dma_buf\b

@peer2peer@
struct dma_buf_attachment *attach;
@@
 attach->peer2peer

@in_function exists@
identifier ops;
position at;
statement S;
@@
 struct dma_buf_ops ops@at = { ... };
 ... when any
 S

@simple depends on !peer2peer@
identifier ops;
position at != in_function.at;
expression map, unmap;
@@
 struct dma_buf_ops ops@at = {
	...,
-	.map_dma_buf = map,
+	DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap),
	...,
-	.unmap_dma_buf = unmap,
	...,
 };

@nested_in_function exists@
identifier type, outer;
position at;
statement S;
@@
 struct type outer@at = { ... };
 ... when any
 S

@nested depends on !peer2peer@
identifier type != { dma_buf_mapping_sgt_exp_ops }, outer;
expression map, unmap;
position at != nested_in_function.at;
@@
 struct type outer@at = {
	...,
	.ops = {
		...,
-		.map_dma_buf = map,
+		DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap),
		...,
-		.unmap_dma_buf = unmap,
		...,
	},
	...,
 };
