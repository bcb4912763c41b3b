/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MOCK_H
#define GUEST_MOCK_H

#include <stddef.h>

/* A dma-buf of iommufd's own test exporter, or -errno. */
int mock_dmabuf(int iommufd, size_t size);

#endif
