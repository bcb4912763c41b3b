// SPDX-License-Identifier: GPL-2.0-only
/// Subject: iommufd/selftest: drop the scatterlist dma-buf exporter
///
/// selftest_dmabuf.c replaces it. A semantic patch, because the functions
/// differ from series to series.
// Directories: drivers/iommu/iommufd
// Files: iommufd_test_dma_?buf

@@
@@
-struct iommufd_test_dma_buf { ... };

@@
identifier fn =~ "^iommufd_test_dma_?buf_";
parameter list params;
type T;
@@
-T fn(params) { ... }

@@
identifier ops = iommufd_test_dmabuf_ops;
@@
-const struct dma_buf_ops ops = { ... };
