// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints as an account of allocations and of DMA mappings.
 */
#include <linux/dma-mapping.h>
#include <linux/string.h>

#include "watch.h"

static void take(struct watch *watch, u64 key, size_t size, unsigned long attrs)
{
	if (current != watch->task)
		return;

	watch->taken++;
	if (watch->nr == WATCH_MAX) {
		watch->strange++;
		return;
	}
	watch->live[watch->nr++] = (struct watched){ key, size, attrs };
}

static bool give(struct watch *watch, u64 key, size_t size, unsigned long attrs)
{
	unsigned int i;

	if (current != watch->task)
		return true;

	for (i = 0; i < watch->nr; i++) {
		struct watched *w = &watch->live[i];

		if (w->key != key || w->size != size || w->attrs != attrs)
			continue;
		*w = watch->live[--watch->nr];
		return true;
	}
	return false;
}

static void probe_kmalloc(void *data, unsigned long call_site, const void *ptr,
			  size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
			  int node)
{
	if (ptr)
		take(data, (uintptr_t)ptr, 0, 0);
}

/* The task may free memory that it had before the watch */
static void probe_kfree(void *data, unsigned long call_site, const void *ptr)
{
	give(data, (uintptr_t)ptr, 0, 0);
}

static void probe_map(void *data, struct device *dev, phys_addr_t phys_addr,
		      dma_addr_t dma_addr, size_t size,
		      enum dma_data_direction dir, unsigned long attrs)
{
	if (dma_addr != DMA_MAPPING_ERROR)
		take(data, dma_addr, size, attrs);
}

static void probe_unmap(void *data, struct device *dev, dma_addr_t addr,
			size_t size, enum dma_data_direction dir,
			unsigned long attrs)
{
	struct watch *watch = data;

	if (!give(watch, addr, size, attrs))
		watch->strange++;
}

struct lookup {
	const char *name;
	struct tracepoint *tp;
};

static void lookup_one(struct tracepoint *tp, void *priv)
{
	struct lookup *lookup = priv;

	if (!strcmp(tp->name, lookup->name))
		lookup->tp = tp;
}

static struct tracepoint *lookup(struct kunit *test, const char *name)
{
	struct lookup lookup = { .name = name };

	for_each_kernel_tracepoint(lookup_one, &lookup);
	if (!lookup.tp)
		kunit_skip(test, "there is no tracepoint %s", name);
	return lookup.tp;
}

static void unwatch(void *data)
{
	struct watch *watch = data;

	tracepoint_probe_unregister(watch->take, watch->take_probe, watch);
	tracepoint_probe_unregister(watch->give, watch->give_probe, watch);
	tracepoint_synchronize_unregister();
}

static struct watch *start(struct kunit *test, const char *take_name,
			   void *take_probe, const char *give_name,
			   void *give_probe)
{
	struct watch *watch;

	watch = kunit_kzalloc(test, sizeof(*watch), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, watch);
	watch->test = test;
	watch->take = lookup(test, take_name);
	watch->give = lookup(test, give_name);
	watch->take_probe = take_probe;
	watch->give_probe = give_probe;

	/* Nothing is counted while the task is not set */
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, unwatch, watch), 0);
	KUNIT_ASSERT_EQ(test,
			tracepoint_probe_register(watch->take, take_probe,
						  watch), 0);
	KUNIT_ASSERT_EQ(test,
			tracepoint_probe_register(watch->give, give_probe,
						  watch), 0);
	watch->task = current;
	return watch;
}

/**
 * watch_memory - keep account of kmalloc() and kfree() of the current task
 * @test: the test
 *
 * Skips the test if there is no such tracepoint.
 *
 * Return: The account.
 */
struct watch *watch_memory(struct kunit *test)
{
	return start(test, "kmalloc", probe_kmalloc, "kfree", probe_kfree);
}

/**
 * watch_dma - keep account of dma_map_phys() and dma_unmap_phys()
 * @test: the test
 *
 * Skips the test if there is no such tracepoint.
 *
 * Return: The account.
 */
struct watch *watch_dma(struct kunit *test)
{
	return start(test, "dma_map_phys", probe_map, "dma_unmap_phys",
		     probe_unmap);
}

/**
 * watch_end - stop counting; the account can still be read
 * @watch: the account
 */
void watch_end(struct watch *watch)
{
	watch->task = NULL;
}
