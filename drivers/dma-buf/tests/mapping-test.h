/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the KUnit suites of the dma-buf mapping types: an exporter and an importer
 * that do what a test asks for and count the calls.
 */
#ifndef _DMA_BUF_MAPPING_TEST_H
#define _DMA_BUF_MAPPING_TEST_H

#include <kunit/test.h>

#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-domain.h>
#include <linux/dma-buf-mapping.h>
#include <linux/scatterlist.h>
#include <linux/workqueue.h>

#define FAKE_PAGES	4
#define FAKE_SIZE	(FAKE_PAGES * PAGE_SIZE)
#define FAKE_ENTRIES	8

/* The number of calls of each callback of the exporter */
struct fake_calls {
	unsigned int match;
	unsigned int attach;
	unsigned int detach;
	unsigned int select;
	unsigned int map;
	unsigned int unmap;
	unsigned int map_phys;
	unsigned int unmap_phys;
	unsigned int pin;
	unsigned int unpin;
	unsigned int release;
};

/**
 * struct fake_exporter - an exporter that does what a test asks for
 * @test: the test
 * @ops: its operations, may be changed at any time
 * @dmabuf: the buffer, after fake_export()
 * @entries: its offers in match_mapping
 * @nr_entries: number of @entries
 * @on_match: runs instead of the match of @entries
 * @on_attach: runs in the attach callback
 * @on_select: runs in the select_mapping callback, after fake_let_select()
 * @selected: the result of select_mapping without @on_select
 * @sgt: table of two segments
 * @map_result: the result of map: @sgt, NULL or an ERR_PTR
 * @list: the result of map_phys: a list, NULL or an ERR_PTR
 * @pin_result: the result of pin
 * @calls: number of calls of each callback
 * @mapped: number of mappings of both kinds that importers have not given back
 * @pinned: number of pins that importers have not given back
 *
 * Everything has to be given back before the test ends: attachments, mappings,
 * pins.
 */
struct fake_exporter {
	struct kunit *test;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;

	struct dma_buf_mapping_match entries[FAKE_ENTRIES];
	size_t nr_entries;
	int (*on_match)(struct fake_exporter *exp,
			const struct dma_buf_match_args *args);
	int (*on_attach)(struct fake_exporter *exp,
			 struct dma_buf_attachment *attach);
	int (*on_select)(struct fake_exporter *exp,
			 struct dma_buf_attachment *attach,
			 const struct dma_buf_match *matches,
			 unsigned int nr_matches);
	int selected;

	struct sg_table sgt;
	struct sg_table *map_result;
	const struct dma_buf_phys_list *list;
	int pin_result;

	struct fake_calls calls;
	int mapped;
	int pinned;
};

extern const struct dma_buf_mapping_sgt_exp_ops fake_sgt_ops;
extern const struct dma_buf_mapping_pal_exp_ops fake_pal_ops;

/* The two ways in which an exporter declares its offers */
enum fake_flavour {
	FAKE_SIMPLE,	/* DMA_BUF_SIMPLE_SGT_EXP_MATCH() */
	FAKE_MATCH,	/* match_mapping() */
};

static inline struct fake_exporter *
to_fake_exporter(struct dma_buf *dmabuf)
{
	return dmabuf->priv;
}

struct fake_exporter *fake_exporter(struct kunit *test,
				    enum fake_flavour flavour);
void fake_export(struct fake_exporter *exp, size_t size);
void fake_offer(struct fake_exporter *exp, struct dma_buf_mapping_match entry);
void fake_allow_pin(struct fake_exporter *exp);
void fake_let_select(struct fake_exporter *exp);
struct fake_exporter *fake_sgt_exporter(struct kunit *test,
					enum fake_flavour flavour);
struct fake_exporter *fake_pal_exporter(struct kunit *test);
struct dma_buf_phys_list *fake_list(struct kunit *test, size_t length);
struct dma_buf_phys_list *fake_default_list(struct kunit *test);
const u8 *fake_kinds(struct kunit *test, struct dma_buf_phys_list *list,
		     enum dma_buf_phys_kind kind);

/**
 * struct fake_importer - a dynamic importer
 * @test: the test
 * @attach: its attachment
 * @sgt: its mapping, if that is SGT
 * @list: its mapping, if that is DOMAIN
 * @invalidated: number of times that it was invalidated
 *
 * Gives its mapping back when the exporter invalidates it.
 */
struct fake_importer {
	struct kunit *test;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	const struct dma_buf_phys_list *list;
	unsigned int invalidated;
};

extern const struct dma_buf_attach_ops fake_dynamic_ops;
extern const struct dma_buf_attach_ops fake_p2p_ops;
extern const struct dma_buf_attach_ops fake_pinned_ops;

struct device *fake_device(struct kunit *test, const char *name);

/**
 * struct fake_holder - a task that holds the reservation lock of a buffer
 * @work: runs in that task
 * @dmabuf: the buffer
 * @held: the task holds the lock
 * @enough: the task is to release the lock
 */
struct fake_holder {
	struct work_struct work;
	struct dma_buf *dmabuf;
	struct completion held;
	struct completion enough;
};

void fake_hold(struct fake_holder *holder, struct dma_buf *dmabuf);
void fake_let_go(struct fake_holder *holder);
void fake_kill(void);
void fake_kill_end(void);

/* The importer's SGT entry for a device */
static inline struct dma_buf_mapping_match fake_sgt(struct device *dev)
{
	return DMA_BUF_IMAPPING_SGT(dev, DMA_SGT_NO_P2P);
}

static inline struct dma_buf_mapping_match fake_sgt_p2p(struct device *dev)
{
	return DMA_BUF_IMAPPING_SGT(dev, DMA_SGT_IMPORTER_ACCEPTS_P2P);
}

/* The importer's entry for domains */
static inline struct dma_buf_mapping_match fake_domain(void)
{
	return DMA_BUF_IMAPPING_DOMAIN(true);
}

struct dma_buf_attachment *fake_attach(struct fake_exporter *exp,
				       struct dma_buf_mapping_match entry);
const struct dma_buf_phys_list *
fake_map_phys_unlocked(struct dma_buf_attachment *attach);
void fake_unmap_phys_unlocked(struct dma_buf_attachment *attach,
			      const struct dma_buf_phys_list *list);

void fake_rearm_warnings(void);
int fake_test_init(struct kunit *test);

/* @call warns once */
#define EXPECT_WARNING(test, call) do {					\
	struct kunit *_test = (test);					\
									\
	fake_rearm_warnings();						\
	kunit_warning_suppress(_test) {					\
		call;							\
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(_test, 1);	\
	}								\
} while (0)

/* @call warns once, and returns the ERR_PTR of -EINVAL */
#define EXPECT_REFUSED(test, call) \
	EXPECT_WARNING(test, KUNIT_EXPECT_PTR_EQ(_test, (void *)(call),	\
						 ERR_PTR(-EINVAL)))

#endif /* _DMA_BUF_MAPPING_TEST_H */
