// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiations of random lists. The test compares the core's result with the rules,
 * written as plainly as possible, and maps what has matched.
 *
 * The number of a round is its seed, so that a round that fails can be repeated.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/errname.h>
#include <linux/prandom.h>

#include <kunit/static_stub.h>

#include "dma-buf-core.h"
#include "fake-p2p.h"
#include "trace-log.h"

#define ROUNDS		3000
#define TRACED_ROUNDS	24
#define MAX_ENTRIES	4
#define END_OF_MEMORY	SZ_8G

#define MMIO		BIT(DMA_BUF_PHYS_MMIO)
#define MEMORY		BIT(DMA_BUF_PHYS_MEMORY)

/* An entry of the first private type that fits no other */
#define BROKEN		3

enum { NEAR, FAR, SMALL, INCOHERENT, NR_DEVICES };

/**
 * struct round - one negotiation
 * @test: the test
 * @exp: the exporter, the same in all rounds
 * @p2p: the topology
 * @dev: importers' devices. The near ones reach the BAR, the small ones have a mask of
 *	32 bits in some rounds, and one is not coherent in all rounds.
 * @memory: the exporter's list of cacheable memory
 * @mmio: the exporter's list of MMIO
 * @rnd: the source of everything random
 * @seed: its initial value
 * @imp: the importer's entries
 * @nr_imp: number of @imp
 * @ops: the importer's operations, NULL if it is static
 */
struct round {
	struct kunit *test;
	struct fake_exporter *exp;
	struct fake_p2p *p2p;
	struct device *dev[NR_DEVICES];
	struct dma_buf_phys_list *memory;
	struct dma_buf_phys_list *mmio;
	struct rnd_state rnd;
	unsigned int seed;
	struct dma_buf_mapping_match imp[MAX_ENTRIES];
	size_t nr_imp;
	const struct dma_buf_attach_ops *ops;
};

/* For stubs and types, which do not get the round as an argument */
static struct round *the_round;

/* One per entry of the exporter, to identify the entry that has matched */
static struct dma_buf_mapping_sgt_exp_ops sgt_ops[FAKE_ENTRIES];
static struct dma_buf_mapping_pal_exp_ops pal_ops[FAKE_ENTRIES];
static struct dma_buf_mapping_exp_ops private_ops[FAKE_ENTRIES];

static int private_match(const struct dma_buf_match_args *args,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp,
			 struct dma_buf_mapping_match *result, const char **why)
{
	if (exp->private_data.val[0] == BROKEN)
		return -EIO;
	if (exp->private_data.val[0] == imp->private_data.val[0])
		return 0;
	*why = "other value";
	return -EOPNOTSUPP;
}

static const struct dma_buf_mapping_type picky_type = {
	.name = "picky",
	.owner = THIS_MODULE,
	.match = private_match,
};

static const struct dma_buf_mapping_type easy_type = {
	.name = "easy",
	.owner = THIS_MODULE,
};

static void let_go(struct dma_buf_attachment *attach)
{
	if (attach->map_type->type == &dma_buf_mapping_domain_type)
		dma_buf_domain_invalidate(attach);
}

static const struct dma_buf_attach_ops revocable_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = let_go,
};

static bool is_coherent(struct device *dev)
{
	return dev != the_round->dev[INCOHERENT];
}

static u32 any(struct round *r, u32 ceil)
{
	return prandom_u32_state(&r->rnd) % ceil;
}

static struct dma_buf_mapping_match private_entry(struct round *r)
{
	struct dma_buf_mapping_match entry = {
		.type = any(r, 2) ? &picky_type : &easy_type,
	};

	entry.private_data.val[0] = any(r, BROKEN);
	return entry;
}

static struct dma_buf_mapping_match importer_entry(struct round *r)
{
	switch (any(r, 6)) {
	case 0:
		return private_entry(r);
	case 1:
		return DMA_BUF_IMAPPING_DOMAIN(any(r, 2));
	default:
		return DMA_BUF_IMAPPING_SGT(r->dev[any(r, NR_DEVICES)],
					    any(r, 3));
	}
}

static struct dma_buf_mapping_match ranges_entry(struct round *r, size_t i)
{
	u8 kinds = 1 + any(r, MMIO | MEMORY);

	return DMA_BUF_EMAPPING_RANGES(&pal_ops[i],
				       any(r, 4) ? &r->p2p->provider : NULL,
				       kinds, END_OF_MEMORY - 1);
}

static struct dma_buf_mapping_match exporter_entry(struct round *r, size_t i)
{
	struct dma_buf_mapping_match entry;

	switch (any(r, 6)) {
	case 0:
		entry = private_entry(r);
		entry.exp_ops = &private_ops[i];
		if (!any(r, 4))
			entry.private_data.val[0] = BROKEN;
		break;
	case 1:
		entry = DMA_BUF_EMAPPING_SGT(&sgt_ops[i]);
		break;
	case 2:
		entry = DMA_BUF_EMAPPING_SGT_P2P(&sgt_ops[i], &r->p2p->pdev);
		break;
	default:
		entry = ranges_entry(r, i);
	}
	if (!any(r, 3))
		entry.flags = BIT(any(r, 3));
	return entry;
}

static void roll(struct round *r, unsigned int seed)
{
	static const struct dma_buf_attach_ops *const ops[] = {
		&revocable_ops, &revocable_ops, &revocable_ops,
		&fake_pinned_ops, NULL,
	};
	size_t i;

	r->seed = seed;
	prandom_seed_state(&r->rnd, seed);
	r->ops = ops[any(r, ARRAY_SIZE(ops))];
	r->p2p->route = any(r, 2) ? PCI_P2PDMA_MAP_BUS_ADDR :
				    PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	dma_set_mask(r->dev[NEAR], DMA_BIT_MASK(any(r, 4) ? 64 : 32));
	dma_set_mask(r->dev[SMALL], DMA_BIT_MASK(32));

	r->nr_imp = 1 + any(r, MAX_ENTRIES);
	for (i = 0; i < r->nr_imp; i++)
		r->imp[i] = importer_entry(r);
	r->exp->nr_entries = 1 + any(r, MAX_ENTRIES);
	for (i = 0; i < r->exp->nr_entries; i++)
		r->exp->entries[i] = exporter_entry(r, i);
}

static struct round *first_round(struct kunit *test)
{
	struct round *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	the_round = r;
	r->test = test;
	r->exp = fake_exporter(test, FAKE_MATCH);
	fake_allow_pin(r->exp);
	fake_let_select(r->exp);
	fake_export(r->exp, FAKE_SIZE);
	r->p2p = fake_p2p(test);
	r->dev[NEAR] = r->p2p->near;
	r->dev[FAR] = fake_device(test, "far");
	r->dev[SMALL] = fake_device(test, "small");
	r->dev[INCOHERENT] = fake_device(test, "incoherent");
	kunit_activate_static_stub(test, dma_buf_dev_coherent, is_coherent);

	r->memory = fake_default_list(test);
	r->mmio = fake_list(test, 1);
	r->mmio->phys[0] = (struct phys_vec){ SZ_512G, FAKE_SIZE };
	for (i = 0; i < FAKE_ENTRIES; i++) {
		sgt_ops[i] = fake_sgt_ops;
		pal_ops[i] = fake_pal_ops;
	}
	return r;
}

/* The rules */

static bool is_sgt(const struct dma_buf_mapping_match *entry)
{
	return entry->type == &dma_buf_mapping_sgt_type;
}

static bool is_ranges(const struct dma_buf_mapping_match *entry)
{
	return entry->type == &dma_buf_mapping_pal_type;
}

static bool is_domain(const struct dma_buf_mapping_match *entry)
{
	return entry->type == &dma_buf_mapping_domain_type;
}

static bool requires_p2p(const struct dma_buf_mapping_match *imp)
{
	return imp->sgt_data.importer_accepts_p2p == DMA_SGT_IMPORTER_REQUIRES_P2P;
}

static bool refuses_p2p(const struct dma_buf_mapping_match *imp)
{
	return imp->sgt_data.importer_accepts_p2p == DMA_SGT_NO_P2P;
}

/* The core refuses importers that cannot do what their entries promise */
static bool importer_is_valid(const struct round *r)
{
	size_t i;

	for (i = 0; i < r->nr_imp; i++) {
		const struct dma_buf_mapping_match *imp = &r->imp[i];

		if (is_domain(imp) && r->ops != &revocable_ops)
			return false;
		if (is_sgt(imp) && refuses_p2p(imp))
			continue;
		if (!r->ops)
			return false;
	}
	return true;
}

static const char *p2p_why_not(const struct round *r,
			       const struct dma_buf_mapping_match *imp)
{
	if (refuses_p2p(imp))
		return "importer does not accept P2P";
	if (imp->sgt_data.importing_dma_device != r->dev[NEAR])
		return "no P2P path between the devices";
	return NULL;
}

static const char *bar_why_not(const struct round *r, struct device *dev)
{
	u64 last = r->p2p->bar.end;

	if (r->p2p->route == PCI_P2PDMA_MAP_BUS_ADDR)
		last += r->p2p->provider.bus_offset;
	return last > dma_get_mask(dev) ?
	       "BAR is beyond the DMA mask of the importer" : NULL;
}

static const char *memory_why_not(const struct round *r, struct device *dev)
{
	if (dev == r->dev[INCOHERENT])
		return "importer is not coherent";
	if (dma_get_mask(dev) < END_OF_MEMORY - 1)
		return "memory is beyond the DMA mask of the importer";
	return NULL;
}

static const char *ranges_to_sgt_why_not(const struct round *r,
					 const struct dma_buf_mapping_match *exp,
					 const struct dma_buf_mapping_match *imp)
{
	struct device *dev = imp->sgt_data.importing_dma_device;
	const char *why = NULL;

	if (exp->pal_data.kinds & MMIO && !exp->pal_data.provider)
		return "exporter names no P2P device";
	if (exp->pal_data.provider)
		why = p2p_why_not(r, imp);
	else if (requires_p2p(imp))
		why = "importer requires P2P";
	if (!why && exp->pal_data.kinds & MMIO)
		why = bar_why_not(r, dev);
	if (!why && exp->pal_data.kinds & MEMORY)
		why = memory_why_not(r, dev);
	return why;
}

static const char *sgt_why_not(const struct round *r,
			       const struct dma_buf_mapping_match *exp,
			       const struct dma_buf_mapping_match *imp)
{
	if (exp->sgt_data.exporter_requires_p2p)
		return p2p_why_not(r, imp);
	return requires_p2p(imp) ? "importer requires P2P" : NULL;
}

static const char *type_why_not(const struct round *r,
				const struct dma_buf_mapping_match *exp,
				const struct dma_buf_mapping_match *imp)
{
	if (is_ranges(exp) && is_sgt(imp))
		return ranges_to_sgt_why_not(r, exp, imp);
	if (is_ranges(exp))
		return exp->pal_data.kinds & MEMORY && !imp->domain_data.coherent ?
		       "importer is not coherent" : NULL;
	if (is_sgt(exp))
		return sgt_why_not(r, exp, imp);
	if (exp->type == &easy_type)
		return NULL;
	if (exp->private_data.val[0] == BROKEN)
		return "error";
	return exp->private_data.val[0] == imp->private_data.val[0] ?
	       NULL : "other value";
}

static const char *offer_why_not(const struct round *r,
				 const struct dma_buf_mapping_match *exp,
				 const struct dma_buf_mapping_match *imp)
{
	switch (exp->flags) {
	case DMA_BUF_OFFER_SGT:
		return is_sgt(imp) ? NULL : "offered as a scatterlist only";
	case DMA_BUF_OFFER_DOMAIN:
		return is_sgt(imp) ? "offered to address spaces only" : NULL;
	case DMA_BUF_OFFER_REVOCABLE:
		return r->ops == &revocable_ops ? NULL :
		       "importer cannot be revoked";
	default:
		return NULL;
	}
}

static const char *why_not(const struct round *r,
			   const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp)
{
	if (exp->type != imp->type &&
	    !(is_ranges(exp) && (is_sgt(imp) || is_domain(imp))))
		return "different types";
	return offer_why_not(r, exp, imp) ?: type_why_not(r, exp, imp);
}

/**
 * struct answer - the expected result of a round
 * @error: the error of the attach call, 0 if there is a set
 * @nr: size of the set
 * @pair: the set: indices into both lists
 */
struct answer {
	int error;
	unsigned int nr;
	struct {
		size_t exp, imp;
	} pair[DMA_BUF_MAX_MATCHES];
};

/* All pairs, the exporter's order first. @text is what the trace shows of them. */
static struct answer find_answer(const struct round *r, char *text, size_t len)
{
	struct answer a = { .error = -EOPNOTSUPP };
	size_t i, j, n = 0;

	for (i = 0; i < r->exp->nr_entries; i++) {
		for (j = 0; j < r->nr_imp; j++) {
			const struct dma_buf_mapping_match *exp = &r->exp->entries[i];
			const char *why = "no room in the set";
			int ret = -ENOSPC;

			if (a.nr < DMA_BUF_MAX_MATCHES) {
				why = why_not(r, exp, &r->imp[j]);
				ret = !why ? 0 : strcmp(why, "error") ?
				      -EOPNOTSUPP : -EIO;
			}
			if (!ret) {
				why = is_ranges(exp) ? "converted" : "matched";
				a.pair[a.nr].exp = i;
				a.pair[a.nr++].imp = j;
			} else if (a.error == -EOPNOTSUPP) {
				a.error = ret;
			}
			n += scnprintf(text + n, len - n, "%d %s\n", ret, why);
		}
	}
	if (a.nr)
		a.error = 0;
	return a;
}

static struct dma_buf_attachment *attach_round(struct round *r)
{
	return dma_buf_mapping_attach(r->exp->dmabuf, r->imp, r->nr_imp, r->ops,
				      r->ops ? r : NULL);
}

/* The data in the result is that of the importer's entry */
static bool is_result_of(const struct dma_buf_mapping_match *result,
			 const struct dma_buf_mapping_match *imp)
{
	if (result->type != imp->type)
		return false;
	if (is_sgt(imp))
		return result->sgt_data.importing_dma_device ==
		       imp->sgt_data.importing_dma_device &&
		       result->sgt_data.importer_accepts_p2p ==
		       imp->sgt_data.importer_accepts_p2p;
	if (is_domain(imp))
		return result->domain_data.coherent == imp->domain_data.coherent;
	return result->private_data.val[0] == imp->private_data.val[0];
}

static void expect_set(struct round *r, struct dma_buf_attachment *attach,
		       const struct answer *a)
{
	const struct dma_buf_core_attachment *core = to_core_attachment(attach);
	unsigned int i;

	KUNIT_ASSERT_EQ_MSG(r->test, core->nr_matches, a->nr, "seed %u", r->seed);
	KUNIT_EXPECT_PTR_EQ(r->test, attach->map_type, &core->matches[0].result);
	for (i = 0; i < a->nr; i++) {
		const struct dma_buf_match *match = &core->matches[i];

		KUNIT_EXPECT_PTR_EQ_MSG(r->test, match->offer,
					r->exp->entries[a->pair[i].exp].exp_ops,
					"seed %u, match %u", r->seed, i);
		KUNIT_EXPECT_TRUE_MSG(r->test,
				      is_result_of(&match->result,
						   &r->imp[a->pair[i].imp]),
				      "seed %u, match %u", r->seed, i);
	}
}

static int map_sgt(struct dma_buf_attachment *attach)
{
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	return 0;
}

static int map_domain(struct dma_buf_attachment *attach)
{
	int ret = dma_buf_domain_map(attach, 0, FAKE_SIZE);

	if (!ret)
		dma_buf_domain_unmap(attach);
	return ret;
}

static int map_private(struct dma_buf_attachment *attach)
{
	int ret;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ret = dma_buf_mapping_select(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

/* The exporter selects a match, and mapping it succeeds */
static void map_match(struct round *r, unsigned int i)
{
	struct dma_buf_attachment *attach = attach_round(r);
	const struct dma_buf_match *match;
	int ret;

	KUNIT_ASSERT_FALSE(r->test, IS_ERR(attach));
	match = &to_core_attachment(attach)->matches[i];
	r->exp->selected = i;
	r->mmio->provider = (void *)match->provider;
	r->exp->list = match->kinds & MMIO ? r->mmio : r->memory;

	if (is_sgt(&match->result))
		ret = map_sgt(attach);
	else if (is_domain(&match->result))
		ret = map_domain(attach);
	else
		ret = map_private(attach);
	KUNIT_EXPECT_EQ_MSG(r->test, ret, 0, "seed %u, match %u", r->seed, i);
	KUNIT_EXPECT_PTR_EQ(r->test, attach->map_type, &match->result);
	dma_buf_detach(attach->dmabuf, attach);
}

static void set_test(struct kunit *test)
{
	struct round *r = first_round(test);
	struct dma_buf_attachment *attach;
	unsigned int seed, i, sets = 0;
	char text[1];

	for (seed = 0; seed < ROUNDS; seed++) {
		struct answer a;

		roll(r, seed);
		attach = attach_round(r);
		if (!importer_is_valid(r)) {
			KUNIT_ASSERT_PTR_EQ_MSG(test, attach, ERR_PTR(-EINVAL),
						"seed %u", seed);
			continue;
		}
		a = find_answer(r, text, sizeof(text));
		KUNIT_ASSERT_EQ_MSG(test, PTR_ERR_OR_ZERO(attach), a.error,
				    "seed %u", seed);
		if (a.error)
			continue;
		sets++;
		expect_set(r, attach, &a);
		dma_buf_detach(attach->dmabuf, attach);
		for (i = 0; i < a.nr; i++)
			map_match(r, i);
	}
	/* Enough of the random lists have a pair that fits */
	KUNIT_EXPECT_GT(test, sets, ROUNDS / 4);
}

static const void *next_seed(struct kunit *test, const void *prev, char *desc)
{
	uintptr_t seed = (uintptr_t)prev + 1;

	if (seed > TRACED_ROUNDS)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu", (unsigned long)seed);
	return (void *)seed;
}

/* Reduce each line of the log to result and reason */
static void shorten(char *log)
{
	char *line, *rest = log, *to = log;

	while ((line = strsep(&rest, "\n"))) {
		char *result = strstr(line, "result="), *reason, *end;

		if (!result)
			continue;
		result += strlen("result=");
		reason = strstr(result, " reason=\"");
		end = reason ? strrchr(reason, '"') : NULL;
		if (!end)
			continue;
		*end = '\0';
		*reason = '\0';
		reason += strlen(" reason=\"");
		to += sprintf(to, "%s %s\n", result, reason);
	}
	*to = '\0';
}

static void reason_test(struct kunit *test)
{
	unsigned int seed = (uintptr_t)test->param_value;
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct dma_buf_attachment *attach;
	struct round *r;
	char *log;

	KUNIT_ASSERT_NOT_NULL(test, text);
	trace_log_begin(test, "dma_buf_mapping_match");
	r = first_round(test);
	/* Make importers until the core does not refuse one */
	do {
		roll(r, seed);
		seed += TRACED_ROUNDS;
	} while (!importer_is_valid(r));
	find_answer(r, text, PAGE_SIZE);
	attach = attach_round(r);
	log = trace_log_end(test, "dma_buf_mapping_match");
	shorten(log);
	KUNIT_EXPECT_STREQ_MSG(test, log, text, "seed %u", r->seed);
	if (!IS_ERR(attach))
		dma_buf_detach(attach->dmabuf, attach);
}

static struct kunit_case match_property_cases[] = {
	KUNIT_CASE_SLOW(set_test),
	KUNIT_CASE_PARAM(reason_test, next_seed),
	{}
};

static struct kunit_suite match_property_suite = {
	.name = "dma_buf_match_property",
	.init = fake_test_init,
	.test_cases = match_property_cases,
};

kunit_test_suite(match_property_suite);
