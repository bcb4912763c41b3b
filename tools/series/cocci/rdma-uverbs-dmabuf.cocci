// SPDX-License-Identifier: GPL-2.0-only
/// Subject: RDMA/uverbs: drop the scatterlists of exported device memory
///
/// uverbs_dmabuf_pal.c replaces them. A semantic patch, because the functions
/// differ from series to series.
// Directories: drivers/infiniband/core
// Files: uverbs_dmabuf_ops

@@
identifier fn = { uverbs_dmabuf_attach, uverbs_dmabuf_map, uverbs_dmabuf_unmap };
parameter list params;
type T;
@@
-T fn(params) { ... }

@@
@@
 struct dma_buf_ops uverbs_dmabuf_ops = {
-	.attach = uverbs_dmabuf_attach,
-	.map_dma_buf = uverbs_dmabuf_map,
-	.unmap_dma_buf = uverbs_dmabuf_unmap,
+	.match_mapping = uverbs_dmabuf_match_mapping,
	...,
 };
