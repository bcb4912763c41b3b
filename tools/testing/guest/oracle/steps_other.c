// SPDX-License-Identifier: GPL-2.0
/*
 * The dma-bufs of other exporters, and other importers.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/drm.h"
#include "lib/exporters.h"
#include "lib/ioas.h"
#include "lib/slice.h"

#include "report.h"
#include "steps.h"

#define BUF_PAGES	64

/* Opened once for each process, or an error */
static int importer(const struct step *s)
{
	static const char *const drivers[] = { "vgem", "vkms", "virtio_gpu" };
	static int fds[ARRAY_SIZE(drivers)];
	int i = s->random % ARRAY_SIZE(drivers);

	if (!fds[i])
		fds[i] = drm_open(drivers[i]);
	return fds[i];
}

/* None of these can be revoked: vfio-pci refuses them, whatever state a slice is in. */
bool step_DRM(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];
	unsigned int handle;
	int drm;

	if (slice->fd < 0)
		return false;
	drm = importer(s);
	if (drm < 0)
		return false;
	expect("import of a slice by another driver",
	       TRY(s, drm_import(drm, slice->fd, &handle)), -EOPNOTSUPP);
	return true;
}

static int export_memory(const struct step *s, size_t size)
{
	return s->flags % 2 ? export_udmabuf(size) : export_heap("system", size);
}

/* The engine and the CPU see the same memory. */
static void check_memory(struct world *w, u8 *map, u64 iova, const struct step *s, int nr)
{
	u64 at = s->random / BUF_PAGES % nr * PAGE;
	u64 *value = (u64 *)(map + at);

	nvme_store(&w->engine, iova + at, word(++w->last_id));
	report->checks += 2;
	if (!word_is(READ_ONCE(*value), w->last_id))
		fail("DMA to memory does not land: %#llx instead of %#x",
		     (unsigned long long)READ_ONCE(*value), w->last_id);
	WRITE_ONCE(*value, word(++w->last_id));
	if (!word_is(nvme_load(&w->engine, iova + at), w->last_id))
		fail("DMA from memory does not see what a CPU wrote");
}

/* Another driver imports it as well: vgem attaches, virtio-gpu maps and refuses. */
static void import_memory(const struct step *s, int fd)
{
	unsigned int handle;
	int drm = importer(s), rc;

	if (drm < 0)
		return;
	rc = TRY(s, drm_import(drm, fd, &handle));
	expect_one("import of memory by another driver", rc, 0, -ENODEV);
	if (!rc)
		drm_close_import(drm, handle);
}

/* A dma-buf of memory from its export to its end, in the engine's IOAS */
bool step_MEMORY_BUF(struct world *w, const struct step *s)
{
	int nr = 1 + s->random % BUF_PAGES, fd = export_memory(s, nr * PAGE), rc;
	u32 ioas = w->ioas[target_ioas(w->target)];
	u64 iova = slot_iova(NR_SLOTS + 2), length = 0;
	u8 *map;

	if (fd < 0)
		return false;
	map = map_shared(fd, 0, nr * PAGE, PROT_READ | PROT_WRITE);
	VFIO_ASSERT_NOT_NULL(map);
	if (s->flags / 2 % 2)
		rc = TRY_IOMMUFD(s, ioas_map_file(w->iommu->iommufd, ioas, fd, 0, nr * PAGE,
						  iova, IOAS_RW));
	else
		rc = TRY_IOMMUFD(s, ioas_map(w->iommu->iommufd, ioas, map, nr * PAGE, iova,
					     IOAS_RW));
	expect("import of memory", rc, 0);
	check_memory(w, map, iova, s, nr);
	import_memory(s, fd);
	if (s->flags / 4 % 2) {
		close(fd);
		check_memory(w, map, iova, s, nr);
	}
	expect("unmap of memory",
	       MUST(s, ioas_unmap(w->iommu->iommufd, ioas, iova, nr * PAGE, &length)), 0);
	expect("length of unmap", length, nr * PAGE);
	munmap(map, nr * PAGE);
	if (!(s->flags / 4 % 2))
		close(fd);
	return true;
}
