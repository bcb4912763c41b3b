/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_WORLD_H
#define ORACLE_WORLD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <libvfio.h>

#include "lib/bufinfo.h"
#include "lib/endpoint.h"
#include "lib/pci.h"

#include "nvme.h"
#include "program.h"

/*
 * The objects, and the model's knowledge of them. The model takes nothing from
 * the kernel under test.
 */
#define PAGE		GUEST_PAGE
#define BAR		2

#define NR_DEVS		3
#define NR_SLICES	6
#define NR_MAPS		6
#define NR_PROCS	3		/* the first is this one */
#define NR_IOASES	2
#define NR_SLOTS	5
#define DEV_PAGES	64		/* number of pages of the BAR that are checked */
#define SLICE_PAGES	(PAGE > 4096 ? 64 : 128)	/* at most the BAR's, of 4 MiB */
#define MAP_PAGES	SLICE_PAGES

/* A device, whose BAR is memory */
struct dev {
	const struct pci_kind *kind;
	const char *bdf;
	struct vfio_pci_device *vfio;	/* NULL: this process has closed it */
	bool open;			/* a process holds it open */
	int generation;			/* number of the open */
	bool memory;			/* the bit in its command register */
	bool d3, low;
	u32 id[DEV_PAGES];		/* the value in the word of each page, see word() */
};

/* A dma-buf: an exported slice, or the BAR that is mapped through the device. */
struct buf {
	int dev, generation;
	bool revoked, read_only;
	int nr;
	u8 page[SLICE_PAGES];		/* pages of the BAR */
};

struct slice {
	int fd;				/* or -1 */
	int buf;
};

struct map {
	u8 *addr;			/* or NULL */
	int buf, first, nr;		/* pages of the buffer */
	bool device, split;
	struct {
		u8 page;		/* page of the BAR */
		bool there;
		u8 prot;
	} pages[MAP_PAGES];
};

struct proc {
	pid_t pid;			/* 0: there is none */
	int sock;
	bool holds[NR_DEVS];		/* it holds the file of the device */
	struct map maps[NR_MAPS];
};

/* An area of an IOAS */
struct area {
	bool there;
	int buf, first, nr;		/* pages of the buffer */
	bool writable, imported_writable;
	bool stays, lost;		/* does not come back after an outage */
};

/* The targets of an attach: the IOASes, and page tables over them */
enum { TO_IOAS0, TO_IOAS1, TO_TABLE0, TO_TABLE1, NR_TARGETS };

struct world {
	struct iommu *iommu;
	struct nvme engine;
	u32 ioas[NR_IOASES], table[NR_IOASES];
	int target;			/* the engine's target */
	int event;			/* an eventfd, signaled if an import stays away */

	struct dev devs[NR_DEVS];
	struct slice slices[NR_SLICES];
	struct proc procs[NR_PROCS];
	struct area areas[NR_IOASES][NR_SLOTS];
	struct buf bufs[PROGRAM_MAX * 2 + 8];
	int nr_bufs;
	int bar_buf[NR_DEVS];		/* of this generation, or -1 */
	int fence, fence_end;		/* the last one, see fence_open() */
	u32 last_id;
	struct bufinfo left;		/* objects that exist without a program */
};

/* May be shorter than requested; @nr 0 is all. */
struct span {
	int at, nr;
};

struct span span_of(int total, int at, int nr);

/* A slot's place in the I/O address space; as long as the longest slice. */
u64 slot_iova(int slot);

/*
 * The value that is written to one word of a page. The engine keeps a clock: it
 * adds the milliseconds since the value was set to the lower bits, and keeps
 * the upper ones.
 */
u64 word(u32 id);
u32 word_id(u64 value);
bool word_is(u64 value, u32 id);

/*
 * Is @value the upper four bytes of one word and the lower ones of another?
 *
 * QEMU translates the eight bytes of a DMA together. If its IOMMU refuses them,
 * the first four are lost, and QEMU translates the last four again. If the
 * mapping comes back in between, only those four land. A page table cannot cause
 * that: all eight bytes are in one page.
 */
bool word_is_half(u64 value, u32 upper, u32 lower);

/* Has a load by DMA lost all of the word, or its lower half? */
bool word_is_lost(u64 value, u32 id);
size_t word_at(int page);

bool dev_on(const struct dev *dev);
bool buf_alive(const struct world *w, int buf);
bool buf_on(const struct world *w, int buf);
int target_ioas(int target);

/* The signal that an access gets, or 0 */
int access_signal(const struct world *w, const struct map *map, int page, bool write);

/* Does DMA there land? */
bool dma_lands(const struct world *w, const struct area *area, bool write);

/* A mapping with the flag does not come back after an outage. */
void world_outage(struct world *w, int dev);

/* The holders of files have changed: that may close devices. */
void world_settle(struct world *w);

#endif
