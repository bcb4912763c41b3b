// SPDX-License-Identifier: GPL-2.0-only
/// Subject: iommufd: do not read dma-bufs with the pfn_reader
///
/// iopt_dmabuf.c fills and empties domains for them. A semantic patch, because
/// the place where the pfn_reader reads them differs from series to series.
// Directories: drivers/iommu/iommufd
// Files: pfn_reader_fill_dmabuf

@@
@@
-struct pfn_reader_dmabuf { ... };

@@
identifier fn =~ "^pfn_reader_(dmabuf_init|fill_dmabuf)$";
parameter list params;
type T;
@@
-T fn(params) { ... }

@@
expression pages;
expression list args;
@@
-if (iopt_is_dmabuf(pages))
-	return pfn_reader_fill_dmabuf(args);
