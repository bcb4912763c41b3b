// SPDX-License-Identifier: GPL-2.0
/*
 * Imports of an iommufd, and the DMA of devices there.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ioas.h"

#include "report.h"
#include "steps.h"

/*
 * For mappings that come back by themselves: soon, but the machine may be slow
 */
#define BACK_SECONDS	20

static u32 target_id(const struct world *w, int target)
{
	int ioas = target_ioas(target);

	return target == TO_IOAS0 || target == TO_IOAS1 ? w->ioas[ioas] : w->table[ioas];
}

/* The result of an import of a slice */
static int import_errno(struct world *w, int nr, bool write, bool stays)
{
	struct buf *buf = &w->bufs[nr];

	if (buf->read_only && write)
		return -EPERM;
	if (!buf_alive(w, nr))
		return -ENODEV;
	if (!buf_on(w, nr))
		return stays ? -ENODEV : -EAGAIN;
	return 0;
}

static void take_area(struct area *area, int buf, int first, int nr, bool write, bool stays)
{
	*area = (struct area){
		.there = true, .buf = buf, .first = first, .nr = nr, .writable = write,
		.imported_writable = write, .stays = stays,
	};
}

bool step_IMPORT(struct world *w, const struct step *s)
{
	struct area *area = &w->areas[s->ioas][s->slot];
	struct slice *slice = &w->slices[s->slice];
	bool write = s->flags % 4, stays = !(s->flags / 4 % 4);
	struct span span;
	int rc, want;

	if (slice->fd < 0)
		return false;
	span = span_of(w->bufs[slice->buf].nr, s->at, s->nr);
	rc = TRY_IOMMUFD(s, ioas_map_file(w->iommu->iommufd, w->ioas[s->ioas], slice->fd,
					  span.at * PAGE, span.nr * PAGE,
					  slot_iova(s->slot),
					  IOAS_READ | (write ? IOAS_WRITE : 0) |
					  (stays ? IOMMU_IOAS_MAP_STAY_REVOKED : 0)));
	want = import_errno(w, slice->buf, write, stays);
	if (!want && area->there)
		want = -EEXIST;
	expect("IOMMU_IOAS_MAP_FILE", rc, want);
	if (!rc)
		take_area(area, slice->buf, span.at, span.nr, write, stays);
	return true;
}

/* 0 if there is no reason for an error, else the first reason */
static int address_errno(struct world *w, const struct map *map, struct span span, bool write)
{
	struct buf *buf = &w->bufs[map->buf];
	int i;

	for (i = span.at; i < span.at + span.nr; i++) {
		if (!map->pages[i].there)
			return -EFAULT;
		if (write && buf->read_only)
			return -EPERM;
		if (!(map->pages[i].prot & (write ? PROT_WRITE : PROT_READ)))
			return -EFAULT;
	}
	return import_errno(w, map->buf, write, false);
}

/*
 * Is there a page table over the IOAS? The second one always has one, and open devices are
 * attached to the first.
 */
static bool has_table(const struct world *w, int ioas)
{
	int i;

	for (i = 0; i < NR_DEVS; i++)
		if (w->devs[i].open)
			return true;
	return ioas || w->table[0] || target_ioas(w->target) == ioas;
}

bool step_IMPORT_ADDRESS(struct world *w, const struct step *s)
{
	struct area *area = &w->areas[s->ioas][s->slot];
	struct map *map = &w->procs[0].maps[s->map];
	bool write = s->flags % 4;
	struct span span;
	int rc, want;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, s->nr);
	rc = TRY_IOMMUFD(s, ioas_map(w->iommu->iommufd, w->ioas[s->ioas],
				     map->addr + span.at * PAGE, span.nr * PAGE,
				     slot_iova(s->slot),
				     IOAS_READ | (write ? IOAS_WRITE : 0)));
	want = address_errno(w, map, span, write);
	report->checks++;
	if (area->there && rc >= 0)
		fail("IOMMU_IOAS_MAP where something is: %d", rc);
	if (area->there)
		return true;
	/* What cannot be imported counts as memory, which nobody looks at yet. */
	if (want && want != -EAGAIN && !rc && !has_table(w, s->ioas)) {
		expect("unmap", ioas_unmap(w->iommu->iommufd, w->ioas[s->ioas],
					   slot_iova(s->slot), span.nr * PAGE, NULL), 0);
		return true;
	}
	/* There may be an import already: then the area comes back with it. */
	if (want == -EAGAIN)
		expect_one("IOMMU_IOAS_MAP of what is away", rc, -EAGAIN, 0);
	else if (!want)
		expect("IOMMU_IOAS_MAP", rc, 0);
	else
		/* Any of several reasons */
		expect_one("IOMMU_IOAS_MAP", rc, want, rc == -EFAULT || rc == -ENODEV ||
			   rc == -EPERM || rc == -EAGAIN ? rc : want);
	if (!rc)
		take_area(area, map->buf, map->first + span.at, span.nr, write, false);
	return true;
}

bool step_UNMAP(struct world *w, const struct step *s)
{
	struct area *area = &w->areas[s->ioas][s->slot];
	u64 unmapped = 0, length;
	int rc;

	if (!area->there) {
		rc = ioas_unmap(w->iommu->iommufd, w->ioas[s->ioas], slot_iova(s->slot), PAGE,
				NULL);
		expect("unmap of nothing", rc, -ENOENT);
		return true;
	}
	length = area->nr * PAGE;
	/* A part of an area cannot be unmapped. */
	if (!(s->flags % 4) && area->nr > 1) {
		rc = ioas_unmap(w->iommu->iommufd, w->ioas[s->ioas], slot_iova(s->slot),
				length - PAGE, NULL);
		expect("unmap of a part", rc, -ENOENT);
		return true;
	}
	rc = MUST(s, ioas_unmap(w->iommu->iommufd, w->ioas[s->ioas], slot_iova(s->slot),
				length, &unmapped));
	expect("unmap", rc, 0);
	expect("length of unmap", unmapped, length);
	area->there = false;
	return true;
}

/* The first from here on that exists, or that does not */
static int find_area(struct world *w, int at, bool there)
{
	int i;

	for (i = 0; i < NR_IOASES * NR_SLOTS; i++, at = (at + 1) % (NR_IOASES * NR_SLOTS))
		if (w->areas[at / NR_SLOTS][at % NR_SLOTS].there == there)
			return at;
	return -1;
}

static int copy(struct world *w, int to, int from, struct span span, bool write)
{
	return ioas_copy(w->iommu->iommufd, w->ioas[to / NR_SLOTS], slot_iova(to % NR_SLOTS),
			 w->ioas[from / NR_SLOTS],
			 slot_iova(from % NR_SLOTS) + span.at * PAGE, span.nr * PAGE,
			 IOAS_READ | (write ? IOAS_WRITE : 0));
}

bool step_COPY(struct world *w, const struct step *s)
{
	int from_at = find_area(w, s->ioas * NR_SLOTS + s->slot, true);
	int to_at = find_area(w, s->to_ioas * NR_SLOTS + s->to_slot, false);
	struct area *from, *to;
	bool write = s->flags % 4;
	struct span span;
	int rc, want = 0;

	if (from_at < 0 || to_at < 0)
		return false;
	from = &w->areas[from_at / NR_SLOTS][from_at % NR_SLOTS];
	to = &w->areas[to_at / NR_SLOTS][to_at % NR_SLOTS];
	span = span_of(from->nr, s->at, s->nr);
	rc = TRY_IOMMUFD(s, copy(w, to_at, from_at, span, write));
	if (!buf_alive(w, from->buf) || from->lost)
		want = -ENODEV;
	if (write && !from->imported_writable)
		expect_one("IOMMU_IOAS_COPY of what may be read", rc, -EPERM, want ?: -EPERM);
	else
		expect("IOMMU_IOAS_COPY", rc, want);
	if (rc)
		return true;
	take_area(to, from->buf, from->first + span.at, span.nr, write, from->stays);
	to->imported_writable = from->imported_writable;
	return true;
}

bool step_ATTACH(struct world *w, const struct step *s)
{
	int target = s->random % NR_TARGETS;

	if (target == TO_TABLE0 && !w->table[0])
		return false;
	expect("attach to an IOAS",
	       TRY_IOMMUFD(s, endpoint_attach(w->engine.dev, target_id(w, target))), 0);
	w->target = target;
	return true;
}

/* One page table more over the first IOAS, or one less */
bool step_TABLE(struct world *w, const struct step *s)
{
	int rc;

	if (!w->table[0]) {
		rc = TRY_IOMMUFD(s, hwpt_alloc(w->iommu->iommufd, w->engine.id, w->ioas[0],
					       &w->table[0]));
		expect("IOMMU_HWPT_ALLOC", rc, 0);
		return true;
	}
	if (w->target == TO_TABLE0)
		return false;
	expect("IOMMU_DESTROY of a page table",
	       MUST(s, iommufd_destroy(w->iommu->iommufd, w->table[0])), 0);
	w->table[0] = 0;
	return true;
}

/* Nothing has stayed away; and from now on an IOAS says so, or does not. */
bool step_EVENT(struct world *w, const struct step *s)
{
	u64 count;

	expect("event of an import that stays away",
	       read(w->event, &count, sizeof(count)) < 0 ? -errno : 0, -EAGAIN);
	expect("IOMMU_OPTION_DMABUF_EVENT",
	       TRY_IOMMUFD(s, ioas_option(w->iommu->iommufd, w->ioas[s->ioas],
					  IOMMU_OPTION_DMABUF_EVENT, IOMMU_OPTION_OP_SET,
					  s->flags % 4 ? w->event : -1ULL)), 0);
	return true;
}

/* An area where the engine is, and a page of it */
static struct area *some_area(struct world *w, const struct step *s, int *page)
{
	struct area *area = &w->areas[target_ioas(w->target)][s->slot];
	int i;

	/* Now and then at an unmapped address, which translates nothing. */
	for (i = 0; s->flags % 8 && !area->nr && i < NR_SLOTS; i++)
		area = &w->areas[target_ioas(w->target)][(s->slot + i) % NR_SLOTS];
	if (!area->nr)
		return NULL;
	*page = s->random % area->nr;
	return area;
}

static u64 iova_of(const struct world *w, const struct area *area, int page, int bar_page)
{
	return slot_iova(area - w->areas[target_ioas(w->target)]) + page * PAGE +
	       word_at(bar_page);
}

bool step_DMA_READ(struct world *w, const struct step *s)
{
	double end = now() + BACK_SECONDS;
	struct area *area;
	int page, bar_page;
	struct buf *buf;
	u64 value;
	u32 id;

	area = some_area(w, s, &page);
	if (!area)
		return false;
	buf = &w->bufs[area->buf];
	bar_page = buf->page[area->first + page];
	id = dma_lands(w, area, false) ? w->devs[buf->dev].id[bar_page] : 0;
	do {
		value = nvme_load(&w->engine, iova_of(w, area, page, bar_page));
		report->checks++;
	} while (!word_is(value, id) && word_is_lost(value, id) && now() < end);
	if (!word_is(value, id))
		fail("DMA reads %#llx instead of %#x from page %d of dev[%d]",
		     (unsigned long long)value, id, bar_page, buf->dev);
	return true;
}

/* Does the BAR show that the engine has written? */
static bool has_landed(struct dev *dev, int page, u32 id)
{
	u64 value;

	expect("pread() of a BAR", dev_peek(dev, page, &value), 0);
	return word_is(value, id);
}

bool step_DMA_WRITE(struct world *w, const struct step *s)
{
	double end = now() + BACK_SECONDS;
	struct area *area;
	int page, bar_page;
	struct dev *dev;
	struct buf *buf;
	bool lands;

	area = some_area(w, s, &page);
	if (!area)
		return false;
	buf = &w->bufs[area->buf];
	dev = &w->devs[buf->dev];
	bar_page = buf->page[area->first + page];
	lands = dma_lands(w, area, true);
	/* Only the device's file shows when it has come back. */
	if (lands && !dev->vfio)
		return false;
	w->last_id++;
	do {
		nvme_store(&w->engine, iova_of(w, area, page, bar_page), word(w->last_id));
	} while (lands && !has_landed(dev, bar_page, w->last_id) && now() < end);
	if (lands && !has_landed(dev, bar_page, w->last_id))
		fail("DMA to page %d of dev[%d] does not land", bar_page, buf->dev);
	if (lands)
		dev->id[bar_page] = w->last_id;
	else if (dev->vfio && dev_on(dev) && has_landed(dev, bar_page, w->last_id))
		fail("DMA to page %d of dev[%d] lands", bar_page, buf->dev);
	return true;
}
