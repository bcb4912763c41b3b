// SPDX-License-Identifier: GPL-2.0-only
/*
 * The converter from PAL to SGT: the exporter gives physical ranges, the
 * importer gets a table that is mapped for its device.
 *
 * None of the devices here has an IOMMU, so that each range has an address of
 * its own. For the other way see pal-iova-test.c.
 */
#include <linux/align.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>

#include <kunit/static_stub.h>

#include "dma-buf-core.h"
#include "fake-fence.h"
#include "fake-p2p.h"
#include "watch.h"

#define MAX_RANGES	3
#define MAX_SEGMENT	ALIGN_DOWN((u64)UINT_MAX, PAGE_SIZE)

#define MMIO		DMA_BUF_PHYS_MMIO
#define MEMORY		DMA_BUF_PHYS_MEMORY

struct layout_case {
	const char *name;
	size_t length;
	struct {
		u64 paddr;
		u64 len;
		enum dma_buf_phys_kind kind;
	} range[MAX_RANGES];
	/* The route of MMIO to the device */
	enum pci_p2pdma_map_type route;
	/* Number of segments that the importer sees */
	unsigned int segments;
};

static const struct layout_case layout_cases[] = {
	{ "one page", 1, { { SZ_1G, PAGE_SIZE, MEMORY } }, 0, 1 },
	{ "one range", 1, { { SZ_1G, SZ_1M, MEMORY } }, 0, 1 },
	{ "contiguous ranges", 3,
	  { { SZ_1G, SZ_1M, MEMORY }, { SZ_1G + SZ_1M, SZ_1M, MEMORY },
	    { SZ_1G + SZ_2M, SZ_1M, MEMORY } }, 0, 3 },
	{ "scattered ranges", 3,
	  { { SZ_2G, SZ_1M, MEMORY }, { SZ_1G, PAGE_SIZE, MEMORY },
	    { SZ_4G, SZ_2M, MEMORY } }, 0, 3 },
	{ "the same range again", 2,
	  { { SZ_1G, SZ_1M, MEMORY }, { SZ_1G, SZ_1M, MEMORY } }, 0, 2 },

	{ "as long as a segment can be", 1,
	  { { SZ_8G, MAX_SEGMENT, MEMORY } }, 0, 1 },
	{ "one page longer", 1,
	  { { SZ_8G, MAX_SEGMENT + PAGE_SIZE, MEMORY } }, 0, 2 },
	{ "4 GiB", 1, { { SZ_8G, SZ_4G, MEMORY } }, 0, 2 },
	{ "three segments and two ranges", 3,
	  { { SZ_1G, PAGE_SIZE, MEMORY }, { SZ_8G, 2 * SZ_4G, MEMORY },
	    { SZ_4G, SZ_1M, MEMORY } }, 0, 5 },
	{ "a TiB", 1, { { SZ_8G, 256 * SZ_4G, MEMORY } }, 0, 257 },

	{ "MMIO below a switch", 2,
	  { { SZ_4G, SZ_1M, MMIO }, { SZ_2G, PAGE_SIZE, MMIO } },
	  PCI_P2PDMA_MAP_BUS_ADDR, 2 },
	{ "huge MMIO below a switch", 2,
	  { { SZ_8G, 2 * SZ_4G, MMIO }, { SZ_2G, PAGE_SIZE, MMIO } },
	  PCI_P2PDMA_MAP_BUS_ADDR, 4 },
	{ "MMIO through the host bridge", 2,
	  { { SZ_4G, SZ_1M, MMIO }, { SZ_2G, PAGE_SIZE, MMIO } },
	  PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, 2 },
	{ "both kinds, below a switch", 3,
	  { { SZ_4G, SZ_1M, MMIO }, { SZ_2G, PAGE_SIZE, MEMORY },
	    { SZ_1G, SZ_1M, MMIO } }, PCI_P2PDMA_MAP_BUS_ADDR, 3 },
	{ "both kinds, huge, below a switch", 3,
	  { { SZ_16G, SZ_8G, MEMORY }, { SZ_4G, SZ_4G, MMIO },
	    { SZ_1G, PAGE_SIZE, MEMORY } }, PCI_P2PDMA_MAP_BUS_ADDR, 6 },
	{ "both kinds, through the host bridge", 3,
	  { { SZ_4G, SZ_1M, MEMORY }, { SZ_2G, PAGE_SIZE, MMIO },
	    { SZ_1G, SZ_1M, MEMORY } }, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, 3 },
};

KUNIT_ARRAY_PARAM_DESC(layout, layout_cases, name);

/**
 * struct layout - a buffer with a layout, and an importer that can reach it
 * @exp: the exporter
 * @p2p: the topology
 * @list: the exporter's ranges
 * @attach: attachment of the near device
 */
struct layout {
	struct fake_exporter *exp;
	struct fake_p2p *p2p;
	struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;
};

/* Export the ranges, from a BAR if any of them is MMIO */
static struct layout layout_export(struct kunit *test,
				   const struct layout_case *c)
{
	struct layout l = {
		.exp = fake_exporter(test, FAKE_MATCH),
		.p2p = fake_p2p(test),
		.list = fake_list(test, c->length),
	};
	u8 *kinds = kunit_kzalloc(test, c->length, GFP_KERNEL);
	bool memory = false, mmio = false;
	u64 size = 0;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, kinds);
	for (i = 0; i < c->length; i++) {
		l.list->phys[i].paddr = c->range[i].paddr;
		l.list->phys[i].len = c->range[i].len;
		kinds[i] = c->range[i].kind;
		size += c->range[i].len;
		if (kinds[i] == MMIO)
			mmio = true;
		else
			memory = true;
	}
	if (size > SIZE_MAX)
		kunit_skip(test, "a buffer cannot be that large here");

	if (memory)
		l.list->kinds = kinds;
	if (mmio)
		l.list->provider = &l.p2p->provider;
	l.p2p->route = c->route;
	l.exp->list = l.list;
	fake_export(l.exp, size);
	fake_offer(l.exp, DMA_BUF_EMAPPING_RANGES(&fake_pal_ops,
						  l.list->provider,
						  mmio << MMIO |
						  memory << MEMORY, 0));
	return l;
}

static struct layout layout_setup(struct kunit *test,
				  const struct layout_case *c)
{
	struct layout l = layout_export(test, c);

	l.attach = fake_attach(l.exp, fake_sgt_p2p(l.p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	KUNIT_ASSERT_TRUE(test, dma_buf_is_sgt(l.attach));
	KUNIT_EXPECT_EQ(test, dma_buf_sgt_p2p_allowed(l.attach),
			!!l.list->provider);
	return l;
}

/* Compare the segments with the ranges */
static void expect_segments(struct kunit *test, struct sg_table *sgt,
			    const struct layout *l)
{
	struct scatterlist *sg = sgt->sgl;
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < l->list->length; i++) {
		u64 addr = l->list->phys[i].paddr;
		u64 left = l->list->phys[i].len;

		if (dma_buf_phys_list_kind(l->list, i) == MMIO &&
		    l->p2p->route == PCI_P2PDMA_MAP_BUS_ADDR)
			addr += l->p2p->provider.bus_offset;

		while (left) {
			KUNIT_ASSERT_NOT_NULL(test, sg);
			KUNIT_ASSERT_EQ(test, sg_dma_address(sg), addr);
			KUNIT_ASSERT_EQ(test, sg_dma_len(sg),
					min(left, MAX_SEGMENT));
			KUNIT_EXPECT_NULL(test, sg_page(sg));
			addr += sg_dma_len(sg);
			left -= sg_dma_len(sg);
			sg = sg_next(sg);
			n++;
		}
	}
	KUNIT_EXPECT_NULL(test, sg);
	KUNIT_EXPECT_EQ(test, sgt->nents, n);
	/* The copy of DMABUF_DEBUG has as many entries as segments */
	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
		KUNIT_EXPECT_EQ(test, sgt->orig_nents, 0);
}

static void layout_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	struct layout l = layout_setup(test, c);
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(l.attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, sgt->nents, c->segments);
	expect_segments(test, sgt, &l);
	KUNIT_EXPECT_EQ(test, l.exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 0);

	dma_buf_sgt_unmap_attachment_unlocked(l.attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* Each range is mapped once, except those that have a bus address */
static void layout_dma_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	struct layout l = layout_setup(test, c);
	struct watch *watch = watch_dma(test);
	unsigned int mapped = 0;
	struct sg_table *sgt;
	size_t i;

	for (i = 0; i < c->length; i++)
		if (c->range[i].kind == MEMORY ||
		    c->route != PCI_P2PDMA_MAP_BUS_ADDR)
			mapped++;

	sgt = dma_buf_sgt_map_attachment_unlocked(l.attach, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, watch->taken, mapped);
	KUNIT_EXPECT_EQ(test, watch->nr, mapped);
	dma_buf_sgt_unmap_attachment_unlocked(l.attach, sgt, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, watch->nr, 0);
	KUNIT_EXPECT_EQ(test, watch->strange, 0);
	watch_end(watch);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* Many ranges of one page each */
static void pages_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_phys_list *list = fake_list(test, 1000);
	struct layout l = { .list = list, .p2p = fake_p2p(test) };
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	size_t i;

	for (i = 0; i < list->length; i++) {
		list->phys[i].paddr = SZ_1G + (i ^ 1) * 2 * PAGE_SIZE;
		list->phys[i].len = PAGE_SIZE;
	}
	fake_kinds(test, list, MEMORY);
	exp->list = list;
	fake_export(exp, list->length * PAGE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_PAL(&fake_pal_ops));

	attach = dma_buf_attach(exp->dmabuf, l.p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_segments(test, sgt, &l);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(exp->dmabuf, attach);
}

static const struct layout_case plain_layout = {
	"plain", 2, { { SZ_1G, PAGE_SIZE, MEMORY }, { SZ_2G, SZ_1M, MEMORY } },
	0, 2,
};

/* Outside of the memory of all machines that run the tests: DMA_API_DEBUG checks that */
static const struct layout_case mmio_layout = {
	"MMIO", 2, { { SZ_2G, PAGE_SIZE, MMIO },
		     { (u64)SZ_2G + SZ_256M, SZ_1M, MMIO } },
	PCI_P2PDMA_MAP_BUS_ADDR, 2,
};

static const struct layout_case mixed_layout = {
	"mixed", 2, { { SZ_1G, PAGE_SIZE, MEMORY }, { SZ_2G, SZ_1M, MMIO } },
	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, 2,
};

/* An offer of memory fits every importer */
static void match_memory_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);
	struct device *far = fake_device(test, "far");
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(l.exp->dmabuf, far);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), far);
	KUNIT_EXPECT_EQ(test, l.p2p->asked, 0);
	dma_buf_detach(l.exp->dmabuf, attach);
}

/* An offer of a BAR fits importers that accept P2P and can reach the BAR */
static void match_bar_test(struct kunit *test)
{
	struct layout l = layout_export(test, &mmio_layout);
	struct device *far = fake_device(test, "far");
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(l.exp->dmabuf, l.p2p->near);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = fake_attach(l.exp, fake_sgt(l.p2p->near));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, l.p2p->asked, 0);
	attach = fake_attach(l.exp, fake_sgt_p2p(far));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, l.p2p->asked, 1);
	KUNIT_EXPECT_EQ(test, l.exp->calls.attach, 0);
}

static void malformed_entry_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);

	KUNIT_EXPECT_PTR_EQ(test, fake_attach(l.exp, fake_sgt(NULL)),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, l.exp->calls.match, 0);

	l.exp->entries[0].exp_ops = NULL;
	EXPECT_REFUSED(test, fake_attach(l.exp, fake_sgt(l.p2p->near)));
}

/* The SGT operations of the attachment do not lead to the list */
static void hidden_ops_test(struct kunit *test)
{
	struct layout l = layout_setup(test, &plain_layout);

	KUNIT_EXPECT_PTR_NE(test, l.attach->map_type->exp_ops,
			    &fake_pal_ops.ops);
	KUNIT_EXPECT_NOT_NULL(test, dma_buf_get_sgt_ops(l.attach));
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

static void expect_map_error(struct layout *l, int error)
{
	struct kunit *test = l->exp->test;
	unsigned int mapped = l->exp->calls.map_phys;
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(l->attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(error));
	KUNIT_EXPECT_EQ(test, l->exp->calls.map_phys, mapped + 1);
	KUNIT_EXPECT_EQ(test, l->exp->mapped, 0);
}

static void expect_mapped(struct layout *l)
{
	struct kunit *test = l->exp->test;
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(l->attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_segments(test, sgt, l);
	dma_buf_sgt_unmap_attachment_unlocked(l->attach, sgt,
					      DMA_BIDIRECTIONAL);
}

/* MMIO without a provider, which DMA cannot reach */
static void no_provider_test(struct kunit *test)
{
	struct layout l = layout_setup(test, &mmio_layout);

	l.list->provider = NULL;
	expect_map_error(&l, -EOPNOTSUPP);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* The route has gone since the match */
static void no_route_test(struct kunit *test)
{
	struct layout l = layout_setup(test, &mmio_layout);

	l.p2p->route = PCI_P2PDMA_MAP_NOT_SUPPORTED;
	expect_map_error(&l, -EOPNOTSUPP);
	l.p2p->route = PCI_P2PDMA_MAP_NONE;
	expect_map_error(&l, -EOPNOTSUPP);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* An importer that was matched for memory never gets MMIO, whatever the list has */
static void mmio_in_plain_offer_test(struct kunit *test)
{
	struct layout l = layout_export(test, &mixed_layout);

	l.exp->entries[0] = DMA_BUF_EMAPPING_PAL(&fake_pal_ops);
	l.attach = dma_buf_attach(l.exp->dmabuf, l.p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(l.attach));
	expect_map_error(&l, -EINVAL);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* The match has checked the route to one device, not to another */
static void other_provider_test(struct kunit *test)
{
	struct layout l = layout_setup(test, &mmio_layout);
	struct p2pdma_provider other = l.p2p->provider;

	l.list->provider = &other;
	expect_map_error(&l, -EINVAL);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* Outside of the provider's BAR its bus addresses belong to another device */
static void outside_bar_test(struct kunit *test)
{
	struct layout l = layout_export(test, &mmio_layout);

	l.p2p->bar = DEFINE_RES_MEM(SZ_2G, SZ_256M + SZ_512K);
	l.attach = fake_attach(l.exp, fake_sgt_p2p(l.p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	expect_map_error(&l, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);

	/* For addresses of the CPU that makes no difference */
	l.p2p->route = PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	expect_mapped(&l);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

static bool not_coherent(struct device *dev)
{
	return false;
}

/**
 * struct predict_case - an importer that could not map
 * @name: the reason
 * @layout: the ranges that are offered
 * @mask: DMA mask of the device
 * @route: route of MMIO to the device
 * @last: highest address of the exporter's memory, as in its entry
 * @incoherent: the device is not coherent with the CPU's caches
 * @segment: maximum length of a segment, if not 0
 * @cut: the offer has DMA_BUF_OFFER_CUT
 * @fits: the importer could map, after all
 */
struct predict_case {
	const char *name;
	const struct layout_case *layout;
	u64 mask;
	enum pci_p2pdma_map_type route;
	u64 last;
	bool incoherent;
	unsigned int segment;
	bool cut;
	bool fits;
};

#define BUS	PCI_P2PDMA_MAP_BUS_ADDR
#define HOST	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE

static const struct predict_case predict_cases[] = {
	{ "memory", &plain_layout, DMA_BIT_MASK(64), .fits = true },
	{ "memory, not coherent", &plain_layout, DMA_BIT_MASK(64),
	  .incoherent = true },
	{ "memory, end within the mask", &plain_layout, DMA_BIT_MASK(32),
	  .last = SZ_2G + SZ_1M - 1, .fits = true },
	{ "memory, end beyond the mask", &plain_layout, DMA_BIT_MASK(32),
	  .last = SZ_4G + SZ_1M - 1 },
	{ "BAR, not coherent", &mmio_layout, DMA_BIT_MASK(64), HOST,
	  .incoherent = true, .fits = true },
	{ "BAR, bus addresses", &mmio_layout, DMA_BIT_MASK(64), BUS,
	  .fits = true },
	{ "BAR, bus addresses beyond the mask", &mmio_layout,
	  DMA_BIT_MASK(32), BUS },
	{ "BAR, beyond the mask", &mmio_layout, DMA_BIT_MASK(32), HOST },
	{ "BAR, no way for a child device", &mmio_layout, DMA_BIT_MASK(64),
	  PCI_P2PDMA_MAP_NOT_SUPPORTED },
	{ "both, not coherent", &mixed_layout, DMA_BIT_MASK(64), HOST,
	  .incoherent = true },
	{ "segments of 512 bytes", &plain_layout, DMA_BIT_MASK(64),
	  .segment = 512, .cut = true },
	{ "segments of 512 bytes, not observed", &plain_layout,
	  DMA_BIT_MASK(64), .segment = 512, .fits = true },
};

KUNIT_ARRAY_PARAM_DESC(predict, predict_cases, name);

static void predict_setup(struct kunit *test, const struct predict_case *c,
			  struct layout *l)
{
	struct dma_buf_mapping_match *offer = &l->exp->entries[0];

	l->p2p->route = c->route;
	offer->pal_data.last = c->last;
	if (c->cut)
		*offer = dma_buf_offer(*offer, DMA_BUF_OFFER_CUT);
	if (c->incoherent)
		kunit_activate_static_stub(test, dma_buf_dev_coherent,
					   not_coherent);
	l->p2p->near->dma_parms = kunit_kzalloc(test,
						sizeof(struct device_dma_parameters),
						GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->p2p->near->dma_parms);
	if (c->segment)
		dma_set_max_seg_size(l->p2p->near, c->segment);
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(l->p2p->near, c->mask),
			0);
}

/* A pair that could not be mapped does not match, and the core tries the next offer */
static void predict_test(struct kunit *test)
{
	const struct predict_case *c = test->param_value;
	struct layout l = layout_export(test, c->layout);

	predict_setup(test, c, &l);
	l.attach = fake_attach(l.exp, fake_sgt_p2p(l.p2p->near));
	if (!c->fits) {
		KUNIT_EXPECT_PTR_EQ(test, l.attach, ERR_PTR(-EOPNOTSUPP));
		fake_offer(l.exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
		l.attach = fake_attach(l.exp, fake_sgt_p2p(l.p2p->near));
		KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
		KUNIT_EXPECT_PTR_EQ(test, dma_buf_get_sgt_ops(l.attach),
				    &fake_sgt_ops);
	} else {
		KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
		expect_mapped(&l);
	}
	dma_buf_detach(l.exp->dmabuf, l.attach);
	l.p2p->near->dma_parms = NULL;
}

/* The core cuts an offer with DMA_BUF_OFFER_CUT into segments that the importer takes */
static void cut_test(struct kunit *test)
{
	const struct predict_case c = {
		.mask = DMA_BIT_MASK(64), .segment = SZ_64K + 512, .cut = true,
	};
	struct layout l = layout_export(test, &plain_layout);
	struct sg_table *sgt;

	predict_setup(test, &c, &l);
	l.attach = fake_attach(l.exp, fake_sgt(l.p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	sgt = dma_buf_sgt_map_attachment_unlocked(l.attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	/* A page, and 1 MiB in parts of 64 KiB */
	KUNIT_EXPECT_EQ(test, sgt->nents, 17);
	KUNIT_EXPECT_EQ(test, sg_dma_len(sg_next(sgt->sgl)), SZ_64K);
	dma_buf_sgt_unmap_attachment_unlocked(l.attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(l.exp->dmabuf, l.attach);
	l.p2p->near->dma_parms = NULL;
}

static struct dma_buf_attachment *attach_required(struct layout *l)
{
	return fake_attach(l->exp,
			   DMA_BUF_IMAPPING_SGT(l->p2p->near,
						DMA_SGT_IMPORTER_REQUIRES_P2P));
}

/* Memory is not peer-to-peer, so importers that require it do not match */
static void required_memory_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);

	KUNIT_EXPECT_PTR_EQ(test, attach_required(&l), ERR_PTR(-EOPNOTSUPP));
}

static void required_mmio_test(struct kunit *test)
{
	struct layout l = layout_export(test, &mmio_layout);

	l.attach = attach_required(&l);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* DMA_BUF_OFFER_SGT: the exporter would not revoke a domain */
static void sgt_only_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);
	struct dma_buf_mapping_match imp[] = {
		fake_domain(),
		fake_sgt(l.p2p->near),
	};

	l.exp->entries[0] = dma_buf_offer(l.exp->entries[0],
					  DMA_BUF_OFFER_SGT);
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(l.exp, fake_domain()),
			    ERR_PTR(-EOPNOTSUPP));
	l.attach = dma_buf_mapping_attach(l.exp->dmabuf, imp, ARRAY_SIZE(imp),
					  &fake_dynamic_ops, l.exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(l.attach));
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* DMA_BUF_OFFER_DOMAIN: the exporter has scatterlists of its own */
static void domain_only_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);

	l.exp->entries[0] = dma_buf_offer(l.exp->entries[0],
					  DMA_BUF_OFFER_DOMAIN);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attach(l.exp->dmabuf, l.p2p->near),
			    ERR_PTR(-EOPNOTSUPP));
	l.attach = fake_attach(l.exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* DMA_BUF_OFFER_REVOCABLE: importers that give the buffer back */
static void revocable_only_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);
	struct dma_buf_attachment *attach;

	l.exp->entries[0] = dma_buf_offer(l.exp->entries[0],
					  DMA_BUF_OFFER_REVOCABLE);
	attach = dma_buf_attach(l.exp->dmabuf, l.p2p->near);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = dma_buf_dynamic_attach(l.exp->dmabuf, l.p2p->near,
					&fake_pinned_ops, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = fake_attach(l.exp, fake_sgt(l.p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(l.exp->dmabuf, attach);
}

static void exporter_error_test(struct kunit *test)
{
	static const int errors[] = {
		0 /* NULL */, -ENOMEM, -EINVAL, -ENODEV, -EINTR, -ERESTARTSYS,
	};
	struct layout l = layout_setup(test, &plain_layout);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		l.exp->list = ERR_PTR(errors[i]);
		expect_map_error(&l, errors[i] ?: -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 0);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* The device cannot address the last range, so the others are unmapped */
static void dma_error_test(struct kunit *test)
{
	static const struct layout_case layout = {
		"", 3, { { SZ_1G, PAGE_SIZE, MEMORY },
			 { SZ_2G, 2 * PAGE_SIZE, MMIO },
			 { SZ_8G, PAGE_SIZE, MEMORY } },
		PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, 3,
	};
	struct layout l = layout_setup(test, &layout);
	struct watch *watch = watch_dma(test);

	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(l.p2p->near,
						  DMA_BIT_MASK(32)), 0);
	/* The DMA API itself warns about it */
	EXPECT_WARNING(test, expect_map_error(&l, -ENOMEM));
	KUNIT_EXPECT_EQ(test, watch->taken, 2);
	KUNIT_EXPECT_EQ(test, watch->nr, 0);
	KUNIT_EXPECT_EQ(test, watch->strange, 0);
	watch_end(watch);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* A bus address that the device cannot send is an error */
static void dma_error_bus_addr_test(struct kunit *test)
{
	static const struct layout_case layout = {
		"", 2, { { SZ_1G, PAGE_SIZE, MEMORY },
			 { SZ_8G, SZ_8G, MMIO } },
		PCI_P2PDMA_MAP_BUS_ADDR, 4,
	};
	struct layout l = layout_setup(test, &layout);
	struct watch *watch = watch_dma(test);

	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(l.p2p->near,
						  DMA_BIT_MASK(32)), 0);
	expect_map_error(&l, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, watch->taken, 1);
	KUNIT_EXPECT_EQ(test, watch->nr, 0);
	KUNIT_EXPECT_EQ(test, watch->strange, 0);
	watch_end(watch);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* A size whose top bit is a flag of the DMA API */
static void absurd_size_test(struct kunit *test)
{
	struct layout_case layout = {
		"", 1, { { 0, 1ULL << 63, MEMORY } }, 0, 0,
	};
	struct layout l = layout_setup(test, &layout);

	expect_map_error(&l, -EINVAL);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

/* The buffer of a static importer is pinned, and no move is left, before it is used */
static void static_importer_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);
	struct fake_fence *fence;
	struct sg_table *sgt;

	fake_allow_pin(l.exp);
	fence = fake_fence(l.exp, DMA_RESV_USAGE_KERNEL);
	fake_fence_signal_later(fence);
	l.attach = dma_buf_attach(l.exp->dmabuf, l.p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));

	sgt = dma_buf_sgt_map_attachment_unlocked(l.attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_EXPECT_EQ(test, l.exp->pinned, 1);
	dma_buf_sgt_unmap_attachment_unlocked(l.attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, l.exp->pinned, 0);

	l.exp->list = ERR_PTR(-ENODEV);
	expect_map_error(&l, -ENODEV);
	KUNIT_EXPECT_EQ(test, l.exp->calls.pin, 2);
	KUNIT_EXPECT_EQ(test, l.exp->pinned, 0);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

static void revoke_test(struct kunit *test)
{
	struct layout l = layout_export(test, &plain_layout);
	struct fake_importer imp = { .test = test };

	l.attach = dma_buf_dynamic_attach(l.exp->dmabuf, l.p2p->near,
					  &fake_dynamic_ops, &imp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l.attach));
	imp.attach = l.attach;
	imp.sgt = dma_buf_sgt_map_attachment_unlocked(l.attach,
						      DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(imp.sgt));

	dma_resv_lock(l.exp->dmabuf->resv, NULL);
	l.exp->list = ERR_PTR(-ENODEV);
	dma_buf_invalidate_mappings(l.exp->dmabuf);
	dma_resv_unlock(l.exp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, imp.invalidated, 1);
	KUNIT_EXPECT_EQ(test, l.exp->calls.unmap_phys, 1);
	expect_map_error(&l, -ENODEV);
	dma_buf_detach(l.exp->dmabuf, l.attach);
}

static struct kunit_case pal_sgt_tests[] = {
	KUNIT_CASE_PARAM(layout_test, layout_gen_params),
	KUNIT_CASE_PARAM(layout_dma_test, layout_gen_params),
	KUNIT_CASE(pages_test),
	KUNIT_CASE(match_memory_test),
	KUNIT_CASE(match_bar_test),
	KUNIT_CASE(malformed_entry_test),
	KUNIT_CASE(hidden_ops_test),
	KUNIT_CASE(no_provider_test),
	KUNIT_CASE(no_route_test),
	KUNIT_CASE(mmio_in_plain_offer_test),
	KUNIT_CASE(exporter_error_test),
	KUNIT_CASE(dma_error_test),
	KUNIT_CASE(dma_error_bus_addr_test),
	KUNIT_CASE(absurd_size_test),
	KUNIT_CASE(static_importer_test),
	KUNIT_CASE(revoke_test),
	KUNIT_CASE(other_provider_test),
	KUNIT_CASE(outside_bar_test),
	KUNIT_CASE_PARAM(predict_test, predict_gen_params),
	KUNIT_CASE(cut_test),
	KUNIT_CASE(required_memory_test),
	KUNIT_CASE(required_mmio_test),
	KUNIT_CASE(sgt_only_test),
	KUNIT_CASE(domain_only_test),
	KUNIT_CASE(revocable_only_test),
	{}
};

static struct kunit_suite pal_sgt_suite = {
	.name = "dma_buf_pal_to_sgt",
	.init = fake_test_init,
	.test_cases = pal_sgt_tests,
};

kunit_test_suite(pal_sgt_suite);
