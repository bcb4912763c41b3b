// SPDX-License-Identifier: GPL-2.0-only
/// Subject: RDMA/uverbs: report by poll() that device memory is gone
///
/// Memory that is revoked here does not come back. A semantic patch, because the
/// functions differ from series to series.
// Directories: drivers/infiniband/core
// Files: dma_buf_invalidate_mappings

@@
expression priv;
@@
 dma_buf_invalidate_mappings(priv->dmabuf);
 dma_resv_wait_timeout(priv->dmabuf->resv, ...);
+dma_buf_hang_up(priv->dmabuf);
