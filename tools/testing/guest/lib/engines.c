// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "engines.h"

static u64 stage_iova(struct engines *e, int i)
{
	return e->ram.iova + i * GUEST_PAGE;
}

static void *stage(struct engines *e, int i)
{
	return e->ram.vaddr + i * GUEST_PAGE;
}

bool engines_open(struct engines *e, struct iommu *iommu, int max)
{
	e->nr = 0;
	while (e->nr < max && edu_open(&e->edu[e->nr], iommu, e->nr))
		e->nr++;
	if (!e->nr)
		return false;

	e->ram.iova = EDU_IOVA_END - ENGINES_MAX * GUEST_PAGE;
	e->ram.size = ENGINES_MAX * GUEST_PAGE;
	e->ram.vaddr = mmap(NULL, e->ram.size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(e->ram.vaddr, MAP_FAILED);
	iommu_map(iommu, &e->ram);
	return true;
}

void engines_close(struct engines *e)
{
	struct iommu *iommu = e->edu[0].dev->iommu;

	iommu_unmap(iommu, &e->ram);
	VFIO_ASSERT_EQ(munmap(e->ram.vaddr, e->ram.size), 0);
	while (e->nr--)
		vfio_pci_device_cleanup(e->edu[e->nr].dev);
}

static void wait_all(struct engines *e)
{
	int i;

	for (i = 0; i < e->nr; i++)
		edu_wait(&e->edu[i]);
}

void engine_fill(struct engines *e, int engine, const void *buf, size_t len)
{
	memcpy(stage(e, engine), buf, len);
	edu_load(&e->edu[engine], stage_iova(e, engine), len);
	edu_wait(&e->edu[engine]);
}

void engine_store(struct engines *e, int engine, u64 iova, const void *buf,
		  size_t len)
{
	engine_fill(e, engine, buf, len);
	edu_store(&e->edu[engine], iova, len);
	edu_wait(&e->edu[engine]);
}

void engines_write(struct engines *e, u64 iova, const void *buf, size_t len)
{
	size_t batch, at, n;
	int i;

	for (batch = 0; batch < len; batch += (size_t)e->nr * EDU_MAX) {
		for (i = 0, at = batch; i < e->nr && at < len; i++, at += n) {
			n = min(len - at, (size_t)EDU_MAX);
			memcpy(stage(e, i), buf + at, n);
			edu_load(&e->edu[i], stage_iova(e, i), n);
		}
		wait_all(e);
		for (i = 0, at = batch; i < e->nr && at < len; i++, at += n) {
			n = min(len - at, (size_t)EDU_MAX);
			edu_store(&e->edu[i], iova + at, n);
		}
		wait_all(e);
	}
}

void engines_read(struct engines *e, void *buf, u64 iova, size_t len)
{
	size_t batch, at, n;
	int i;

	for (batch = 0; batch < len; batch += (size_t)e->nr * EDU_MAX) {
		for (i = 0, at = batch; i < e->nr && at < len; i++, at += n) {
			n = min(len - at, (size_t)EDU_MAX);
			edu_load(&e->edu[i], iova + at, n);
		}
		wait_all(e);
		for (i = 0, at = batch; i < e->nr && at < len; i++, at += n) {
			n = min(len - at, (size_t)EDU_MAX);
			edu_store(&e->edu[i], stage_iova(e, i), n);
		}
		wait_all(e);
		for (i = 0, at = batch; i < e->nr && at < len; i++, at += n) {
			n = min(len - at, (size_t)EDU_MAX);
			memcpy(buf + at, stage(e, i), n);
		}
	}
}
