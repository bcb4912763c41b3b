/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MOCK_H
#define GUEST_MOCK_H

#include <stdbool.h>
#include <stddef.h>

/* The page of a mock device's page table. */
#define MOCK_PAGE	2048UL

/* A dma-buf of iommufd's own test exporter, of 2 MiB at most, or -errno. */
#define MOCK_DMABUF_MAX	(512 * 4096UL)
int mock_dmabuf(int iommufd, size_t size);

/* Its exporter revokes it, or holds its reservation lock for a while. */
int mock_revoke(int iommufd, int dmabuf);
int mock_hold(int iommufd, int dmabuf, unsigned int ms);

struct mock_device {
	unsigned int stdev_id;
	unsigned int idev_id;
};

/* A device that has a page table and does no DMA, attached to an IOAS. */
int mock_device(int iommufd, unsigned int ioas_id, struct mock_device *dev);
int mock_attach(int iommufd, const struct mock_device *dev, unsigned int pt_id);

/* The device writes to pages whose bit in the bitmap is set, if mapped. */
int mock_dirty(int iommufd, unsigned int hwpt_id, unsigned long long iova,
	       size_t length, size_t page_size, void *bitmap);

/*
 * An access to an IOAS, as mediated devices have it, to be closed; and its
 * writes or reads there: 0 or -errno.
 */
int mock_access(int iommufd, unsigned int ioas_id);
int mock_access_rw(int iommufd, int access, unsigned long long iova, void *buf,
		   size_t length, bool write);

#endif
