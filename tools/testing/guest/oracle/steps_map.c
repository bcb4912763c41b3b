// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of slices and of devices, in this process and in its children.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "proc.h"
#include "report.h"
#include "steps.h"

static struct proc *proc_of(struct world *w, const struct step *s)
{
	struct proc *proc = &w->procs[s->proc];

	return s->proc && !proc->pid ? &w->procs[0] : proc;
}

/* No allocation of another process fails, see TRY(). */
static int ask(struct world *w, struct proc *proc, const struct step *s,
	       const struct request *r, u64 *value)
{
	if (proc != &w->procs[0])
		return proc_ask(proc, r, value);
	return TRY(s, proc_ask(proc, r, value));
}

static int some_prot(const struct step *s)
{
	return s->flags % 4 ? PROT_READ | PROT_WRITE : PROT_READ;
}

static void take_map(struct world *w, struct map *map, int buf, struct span span, int prot,
		     u64 addr)
{
	int i;

	memset(map, 0, sizeof(*map));
	map->addr = (u8 *)addr;
	map->buf = buf;
	map->first = span.at;
	map->nr = span.nr;
	for (i = 0; i < span.nr; i++) {
		map->pages[i].page = w->bufs[buf].page[span.at + i];
		map->pages[i].there = true;
		map->pages[i].prot = prot;
	}
}

bool step_MMAP_SLICE(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	struct slice *slice = &w->slices[s->slice];
	int prot = some_prot(s), want = 0;
	struct buf *buf;
	struct span span;
	u64 addr = 0;

	if (map->addr || slice->fd < 0)
		return false;
	buf = &w->bufs[slice->buf];
	span = span_of(buf->nr, s->at, s->nr);
	/* Beyond its end */
	if (!(s->random % 16)) {
		span.nr = buf->nr - span.at + 1;
		want = -EINVAL;
	} else if (buf->read_only && prot & PROT_WRITE) {
		want = -EACCES;
	} else if (!buf_alive(w, slice->buf)) {
		want = -ENODEV;
	}
	if (want == -EINVAL && buf->read_only)
		prot = PROT_READ;
	expect("mmap() of a slice",
	       ask(w, proc, s, &(struct request){
				.type = ASK_MMAP, .fd = slice->fd, .at = span.at * PAGE,
				.length = span.nr * PAGE, .prot = prot }, &addr), want);
	if (!want)
		take_map(w, map, slice->buf, span, prot, addr);
	return true;
}

/* The buffer of the whole BAR, made by the first mapping */
static int bar_buf(struct world *w, int dev)
{
	int i, buf = w->bar_buf[dev];

	if (buf >= 0)
		return buf;
	buf = new_buf(w);
	w->bar_buf[dev] = buf;
	w->bufs[buf].dev = dev;
	w->bufs[buf].generation = w->devs[dev].generation;
	w->bufs[buf].nr = DEV_PAGES;
	for (i = 0; i < DEV_PAGES; i++)
		w->bufs[buf].page[i] = i;
	return buf;
}

bool step_MMAP_DEVICE(struct world *w, const struct step *s)
{
	struct map *map = &w->procs[0].maps[s->map];
	struct dev *dev = &w->devs[s->dev];
	struct span span = span_of(DEV_PAGES, s->at, s->nr);
	int prot = some_prot(s);
	u64 addr = 0;

	if (map->addr || !dev->vfio)
		return false;
	expect("mmap() of a BAR",
	       ask(w, &w->procs[0], s, &(struct request){
				.type = ASK_MMAP, .fd = dev->vfio->fd,
				.at = dev->vfio->bars[BAR].info.offset + span.at * PAGE,
				.length = span.nr * PAGE, .prot = prot }, &addr), 0);
	take_map(w, map, bar_buf(w, s->dev), span, prot, addr);
	map->device = true;
	return true;
}

static bool any_there(const struct map *map)
{
	int i;

	for (i = 0; i < map->nr; i++)
		if (map->pages[i].there)
			return true;
	return false;
}

bool step_MUNMAP(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	struct span span;
	int i;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, s->nr);
	expect("munmap()",
	       proc_ask(proc, &(struct request){
				.type = ASK_MUNMAP, .addr = map->addr + span.at * PAGE,
				.length = span.nr * PAGE }, NULL), 0);
	for (i = 0; i < span.nr; i++)
		map->pages[span.at + i].there = false;
	map->split = true;
	if (!any_there(map)) {
		proc_ask(proc, &(struct request){ .type = ASK_FREE, .addr = map->addr,
						  .length = map->nr * PAGE }, NULL);
		map->addr = NULL;
	}
	world_settle(w);
	return true;
}

/* Pages of one mapping that are all mapped */
static bool whole(const struct map *map, struct span span)
{
	int i;

	for (i = 0; i < span.nr; i++)
		if (!map->pages[span.at + i].there)
			return false;
	return true;
}

bool step_MPROTECT(struct world *w, const struct step *s)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
	};
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	int prot = prots[s->flags % 4], i, want;
	struct span span;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, s->nr);
	if (!whole(map, span))
		return false;
	want = w->bufs[map->buf].read_only && prot & PROT_WRITE ? -EACCES : 0;
	expect("mprotect()",
	       ask(w, proc, s, &(struct request){
				.type = ASK_MPROTECT, .addr = map->addr + span.at * PAGE,
				.length = span.nr * PAGE, .prot = prot }, NULL), want);
	if (want)
		return true;
	for (i = 0; i < span.nr; i++)
		map->pages[span.at + i].prot = prot;
	map->split = true;
	return true;
}

bool step_MREMAP(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	u64 addr;

	if (!map->addr || map->split)
		return false;
	expect("mremap()",
	       proc_ask(proc, &(struct request){ .type = ASK_MREMAP, .addr = map->addr,
						 .length = map->nr * PAGE }, &addr), 0);
	map->addr = (u8 *)addr;
	return true;
}

/* Whatever the result is, the content does not change. */
bool step_MADVISE(struct world *w, const struct step *s)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_FREE,
		MADV_REMOVE, MADV_DONTDUMP, MADV_DODUMP, MADV_MERGEABLE, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	struct span span;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, s->nr);
	proc_ask(proc, &(struct request){
			.type = ASK_MADVISE, .addr = map->addr + span.at * PAGE,
			.length = span.nr * PAGE,
			.value = advices[s->random % ARRAY_SIZE(advices)] }, NULL);
	map->split = true;
	return true;
}

static u8 *place(const struct map *map, int page)
{
	return map->addr + page * PAGE + word_at(map->pages[page].page);
}

static u32 *id_of(struct world *w, const struct map *map, int page)
{
	return &w->devs[w->bufs[map->buf].dev].id[map->pages[page].page];
}

static void check_value(struct world *w, const struct map *map, int page, u64 value)
{
	report->checks++;
	if (!word_is(value, *id_of(w, map, page)))
		fail("page %d of the mapping, page %d of dev[%d], says %#llx instead of %#x", page,
		     map->pages[page].page, w->bufs[map->buf].dev,
		     (unsigned long long)value, *id_of(w, map, page));
}

bool step_READ(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	struct span span;
	int i, want;
	u64 value;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, 1 + s->nr % 8);
	for (i = span.at; i < span.at + span.nr; i++) {
		want = access_signal(w, map, i, false);
		expect("the signal of a load",
		       proc_ask(proc, &(struct request){ .type = ASK_READ,
							 .addr = place(map, i) }, &value), want);
		if (!want)
			check_value(w, map, i, value);
	}
	return true;
}

bool step_WRITE(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	struct span span;
	int i, want;

	if (!map->addr)
		return false;
	span = span_of(map->nr, s->at, 1 + s->nr % 8);
	for (i = span.at; i < span.at + span.nr; i++) {
		want = access_signal(w, map, i, true);
		w->last_id++;
		expect("the signal of a store",
		       proc_ask(proc, &(struct request){ .type = ASK_WRITE,
							 .addr = place(map, i),
							 .value = word(w->last_id) }, NULL), want);
		if (!want)
			*id_of(w, map, i) = w->last_id;
	}
	return true;
}

bool step_KERNEL_READ(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];
	int page, want;
	u64 value;

	if (!map->addr)
		return false;
	page = s->random % map->nr;
	want = access_signal(w, map, page, false) ? -EFAULT : 0;
	expect("write() from a mapping",
	       proc_ask(proc, &(struct request){ .type = ASK_KERNEL_READ,
						 .addr = place(map, page) }, &value), want);
	if (!want)
		check_value(w, map, page, value);
	return true;
}

bool step_GUP(struct world *w, const struct step *s)
{
	struct proc *proc = proc_of(w, s);
	struct map *map = &proc->maps[s->map];

	if (!map->addr)
		return false;
	expect("what wants to keep a page",
	       proc_ask(proc, &(struct request){
				.type = ASK_GUP, .value = s->flags % 2,
				.addr = place(map, s->random % map->nr) }, NULL), -EFAULT);
	return true;
}

bool step_FORK(struct world *w, const struct step *s)
{
	struct proc *proc = &w->procs[1 + s->random % (NR_PROCS - 1)];

	if (proc->pid)
		return false;
	proc_fork(w, proc);
	return true;
}

bool step_END(struct world *w, const struct step *s)
{
	struct proc *proc = &w->procs[1 + s->random % (NR_PROCS - 1)];

	if (!proc->pid)
		return false;
	proc_end(proc, s->flags % 2);
	world_settle(w);
	return true;
}
