// SPDX-License-Identifier: GPL-2.0
/*
 * A program from its beginning to its end.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/bufinfo.h"
#include "lib/ioas.h"

#include "cover.h"
#include "proc.h"
#include "report.h"
#include "steps.h"

typedef bool (*step_function)(struct world *w, const struct step *s);

static const step_function functions[NR_OPERATIONS] = {
#define STEP_ENTRY(name) [OP_##name] = step_##name,
	OPERATIONS(STEP_ENTRY)
#undef STEP_ENTRY
};

/* The content of memory before the first write */
static void write_all(struct world *w, int i)
{
	struct dev *dev = &w->devs[i];
	int page;

	step_OPEN(w, &(struct step){ .dev = i });
	for (page = 0; page < DEV_PAGES; page++) {
		dev->id[page] = ++w->last_id;
		expect("pwrite() of a BAR", dev_poke(dev, page, word(w->last_id)), 0);
	}
}

static void nothing(struct world *w)
{
	int i;

	w->nr_bufs = 0;
	w->target = TO_IOAS0;
	for (i = 0; i < NR_DEVS; i++)
		w->bar_buf[i] = -1;
	for (i = 0; i < NR_SLICES; i++)
		w->slices[i].fd = -1;
	memset(w->procs, 0, sizeof(w->procs));
	memset(w->areas, 0, sizeof(w->areas));
}

void world_open(struct world *w)
{
	static const struct pci_kind *const kinds[NR_DEVS] = {
		&pci_ivshmem, &pci_ivshmem_bus, &pci_nvme_flr,
	};
	int i, rc;

	memset(w, 0, sizeof(*w));
	nothing(w);
	w->fence = -1;
	w->iommu = iommu_init(MODE_IOMMUFD);
	VFIO_ASSERT_TRUE(nvme_open(&w->engine, w->iommu));
	w->ioas[0] = w->iommu->ioas_id;
	rc = ioas_alloc(w->iommu->iommufd, &w->ioas[1]);
	VFIO_ASSERT_EQ(rc, 0);
	rc = ioas_copy(w->iommu->iommufd, w->ioas[1], NVME_IOVA, w->ioas[0], NVME_IOVA,
		       NVME_RAM, IOAS_RW);
	VFIO_ASSERT_EQ(rc, 0);
	/* An IOAS without a page table maps nothing. */
	rc = hwpt_alloc(w->iommu->iommufd, w->engine.id, w->ioas[1], &w->table[1]);
	VFIO_ASSERT_EQ(rc, 0);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	VFIO_ASSERT_GE(w->event, 0);

	for (i = 0; i < NR_DEVS; i++) {
		w->devs[i].kind = kinds[i];
		w->devs[i].bdf = pci_find(kinds[i], 0);
		if (w->devs[i].bdf)
			write_all(w, i);
	}
	w->left = bufinfo_all();
}

static void free_maps(struct proc *proc)
{
	int i;

	for (i = 0; i < NR_MAPS; i++)
		if (proc->maps[i].addr)
			VFIO_ASSERT_EQ(munmap(proc->maps[i].addr, proc->maps[i].nr * PAGE), 0);
}

static void unmap_all(struct world *w)
{
	int i, j;

	for (i = 0; i < NR_IOASES; i++) {
		for (j = 0; j < NR_SLOTS; j++) {
			if (!w->areas[i][j].there)
				continue;
			expect("unmap", ioas_unmap(w->iommu->iommufd, w->ioas[i], slot_iova(j),
						   w->areas[i][j].nr * PAGE, NULL), 0);
		}
	}
}

/* The last reference on a file may be dropped a little later. */
static void check_leaks(struct world *w)
{
	struct bufinfo all;
	int tries;

	for (tries = 0; tries < 500; tries++) {
		all = bufinfo_all();
		if (all.buffers == w->left.buffers && all.attachments == w->left.attachments)
			return;
		usleep(10000);
	}
	fail("%d dma-bufs and %d attachments are left", all.buffers - w->left.buffers,
	     all.attachments - w->left.attachments);
}

/* In an order that depends on the program */
static void end_all(struct world *w, u64 seed)
{
	int i;

	for (i = 1; i < NR_PROCS; i++)
		if (w->procs[i].pid)
			proc_end(&w->procs[i], i & 1);
	if (seed & 1)
		unmap_all(w);
	free_maps(&w->procs[0]);
	memset(w->procs[0].maps, 0, sizeof(w->procs[0].maps));
	world_settle(w);
	for (i = 0; i < NR_SLICES; i++)
		if (w->slices[i].fd >= 0)
			close(w->slices[i].fd);
	if (!(seed & 1))
		unmap_all(w);
	for (i = 0; i < NR_DEVS; i++)
		dev_whole(w, i);
	expect("attach", endpoint_attach(w->engine.dev, w->ioas[0]), 0);
	if (w->table[0])
		expect("IOMMU_DESTROY", iommufd_destroy(w->iommu->iommufd, w->table[0]), 0);
	w->table[0] = 0;
	fence_forget(w);
	check_leaks(w);
	nothing(w);
}

void program_run(struct world *w, const struct program *p)
{
	const struct step *s;

	report->program = *p;
	memset(report->did, 0, sizeof(report->did));
	for (report->at = 0; report->at < p->nr; report->at++) {
		s = &p->steps[report->at];
		/* While it runs it counts as a step with something to do. */
		report->did[report->at] = true;
		report->did[report->at] = functions[s->op](w, s);
		cover_take();
		if (report->did[report->at]) {
			report->steps++;
			report->count[s->op]++;
		}
	}
	sweep(w);
	end_all(w, p->seed);
	cover_take();
	report->programs++;
}

void world_close(struct world *w)
{
	nvme_close(&w->engine);
	expect("IOMMU_DESTROY", iommufd_destroy(w->iommu->iommufd, w->table[1]), 0);
	expect("IOMMU_DESTROY", iommufd_destroy(w->iommu->iommufd, w->ioas[1]), 0);
	iommu_cleanup(w->iommu);
}
