// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pairs of entries make the set of an attachment, and in which order: the
 * exporter's order, and for one entry of the exporter the importer's.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "dma-buf-core.h"
#include "mapping-test.h"

#define MAX_ENTRIES	4
#define MAX_TRIED	64

/*
 * A list is written as one word for each entry: the letter of its type and
 * a digit. A, B and C are types that are private to this file, of which two
 * entries fit if they have the same digit. S is SGT, P is PAL and
 * D is DOMAIN.
 */
struct order_case {
	const char *exp;
	const char *imp;
	/* The set, in order: indices into the lists */
	const char *set;
	/* All pairs of private entries that the core tried, in order */
	const char *tried;
};

static const struct order_case order_cases[] = {
	{ "A1", "A1", "00", "00" },

	/* The importer's order does not matter between offers */
	{ "A1 B1", "A1 B1", "00 11", "00 11" },
	{ "A1 B1", "B1 A1", "01 10", "01 10" },
	{ "B1 A1", "A1 B1", "01 10", "01 10" },
	{ "A1 B1 C1", "C1 B1 A1", "02 11 20", "02 11 20" },

	/* No pair fits the exporter's favourite */
	{ "A1 B1", "B1", "10", "10" },
	{ "A1 B1 C1", "C1", "20", "20" },
	{ "A1 B1", "A2 B1", "11", "00 11" },
	{ "A1 A2", "A2", "10", "00 10" },
	{ "A3 B3 C1 A2", "B1 A1 C2 A2", "33", "01 03 10 22 31 33" },

	/* The importer breaks ties */
	{ "A1", "A1 A1", "00 01", "00 01" },
	{ "A2", "A1 A2 A2", "01 02", "00 01 02" },
	{ "B1 A1", "A1 A1", "10 11", "10 11" },

	/* The exporter's order goes first, for one type too */
	{ "A1 A2", "A2 A1", "01 10", "00 01 10 11" },
	{ "A2 A1", "A2 A1", "00 11", "00 01 10 11" },

	/* The same entry twice is no error */
	{ "A1 A1", "A1", "00 10", "00 10" },

	/* No pair fits */
	{ "A1", "B1", "", "" },
	{ "A1", "A2", "", "00" },
	{ "A1 B1", "C1", "", "" },
	{ "A1 B2", "A2 B1", "", "00 11" },
	{ "S", "A1", "", "" },
	{ "A1", "S", "", "" },
	{ "P", "A1", "", "" },

	/* Private types and types of the core in one list */
	{ "A1 S", "S A1", "01 10", "01" },
	{ "S A1", "A1 S", "01 10", "10" },
	{ "A1 S", "S", "10", "" },
	{ "A1 S", "A2 S", "11", "00" },

	/* PAL is converted for importers of domains and for importers of SGT */
	{ "P", "D", "00", "" },
	{ "P", "S", "00", "" },
	{ "P", "S D", "00 01", "" },
	{ "P", "D S", "00 01", "" },
	{ "S P", "D S", "01 10 11", "" },
	{ "P S", "D S", "00 01 11", "" },
	{ "P S", "S D", "00 01 10", "" },

	/* An exporter that has both puts its favourite first */
	{ "P S", "S", "00 10", "" },
	{ "S P", "S", "00 10", "" },
	{ "A1 P", "S A2", "10", "01" },
	{ "P A1", "S A1", "00 11", "11" },
	{ "A1 P", "S A1", "01 10", "01" },

	/* Nothing converts SGT to a domain */
	{ "S", "D", "", "" },

	/* A full set ends the search, and the rest is not tried */
	{ "A1 A1 A1 A1", "A1 A1", "00 01 10 11 20 21 30 31",
	  "00 01 10 11 20 21 30 31" },
	{ "A1 A1 A1 A1", "A1 A2 A1 A1", "00 02 03 10 12 13 20 22",
	  "00 01 02 03 10 11 12 13 20 21 22" },
};

static void order_desc(const struct order_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s for %s", c->exp, c->imp);
}

KUNIT_ARRAY_PARAM(order, order_cases, order_desc);

/* An entry's index, and the digit that has to match */
static unsigned long entry_index(const struct dma_buf_mapping_match *entry)
{
	return entry->private_data.val[0];
}

static int letter_match(const struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp,
			struct dma_buf_mapping_match *result, const char **why)
{
	char *tried = to_fake_exporter(args->dmabuf)->test->priv;
	size_t len = strlen(tried);

	scnprintf(tried + len, MAX_TRIED - len, "%s%lu%lu", len ? " " : "",
		  entry_index(exp), entry_index(imp));

	return exp->private_data.val[1] == imp->private_data.val[1] ?
		0 : -EOPNOTSUPP;
}

static const struct dma_buf_mapping_type letters[] = {
	{ .name = "A", .owner = THIS_MODULE, .match = letter_match },
	{ .name = "B", .owner = THIS_MODULE, .match = letter_match },
	{ .name = "C", .owner = THIS_MODULE, .match = letter_match },
};

/* The address of its operations identifies an exporter's entry */
static const struct dma_buf_mapping_sgt_exp_ops sgt_ops[MAX_ENTRIES];
static const struct dma_buf_mapping_pal_exp_ops pal_ops[MAX_ENTRIES];

static struct dma_buf_mapping_match letter(const char *word, size_t idx)
{
	return (struct dma_buf_mapping_match){
		.type = &letters[word[0] - 'A'],
		.private_data.val = { idx, word[1] },
	};
}

static struct dma_buf_mapping_match exp_entry(struct kunit *test,
					      const char *word, size_t idx)
{
	struct dma_buf_mapping_match entry;

	if (word[0] == 'S')
		return DMA_BUF_EMAPPING_SGT(&sgt_ops[idx]);
	if (word[0] == 'P')
		return DMA_BUF_EMAPPING_PAL(&pal_ops[idx]);
	entry = letter(word, idx);
	entry.exp_ops = &sgt_ops[idx].ops;
	return entry;
}

static struct dma_buf_mapping_match imp_entry(struct kunit *test,
					      const char *word, size_t idx)
{
	char name[2] = { '0' + idx };

	if (word[0] == 'S')
		return fake_sgt(fake_device(test, name));
	if (word[0] == 'D')
		return fake_domain();
	return letter(word, idx);
}

static size_t parse(struct kunit *test, const char *words,
		    struct dma_buf_mapping_match *list,
		    struct dma_buf_mapping_match (*entry)(struct kunit *test,
							  const char *word,
							  size_t idx))
{
	size_t n = 0;

	for (; words; words = strchr(words, ' ')) {
		words = skip_spaces(words);
		KUNIT_ASSERT_LT(test, n, MAX_ENTRIES);
		list[n] = entry(test, words, n);
		n++;
	}
	return n;
}

/* A match has both sides of the pair */
static void check_match(struct kunit *test, const struct dma_buf_match *match,
			const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp)
{
	const struct dma_buf_mapping_match *result = &match->result;

	KUNIT_ASSERT_PTR_EQ(test, result->type, imp->type);
	KUNIT_EXPECT_PTR_EQ(test, match->offer, exp->exp_ops);
	KUNIT_EXPECT_EQ(test, !!match->conv, exp->type != imp->type);

	if (exp->type != imp->type)
		/* The operations are those of the converter */
		KUNIT_EXPECT_PTR_NE(test, result->exp_ops, exp->exp_ops);
	else
		KUNIT_EXPECT_PTR_EQ(test, result->exp_ops, exp->exp_ops);

	if (result->type == &dma_buf_mapping_sgt_type)
		KUNIT_EXPECT_PTR_EQ(test, result->sgt_data.importing_dma_device,
				    imp->sgt_data.importing_dma_device);
	else if (result->type != &dma_buf_mapping_domain_type)
		KUNIT_EXPECT_EQ(test, entry_index(result), entry_index(imp));
}

static void order_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	const struct order_case *c = test->param_value;
	struct dma_buf_mapping_match imp[MAX_ENTRIES];
	const struct dma_buf_core_attachment *core;
	struct dma_buf_attachment *attach;
	char tried[MAX_TRIED] = "";
	size_t i, n, nr;

	test->priv = tried;
	fake_export(exp, FAKE_SIZE);
	exp->nr_entries = parse(test, c->exp, exp->entries, exp_entry);
	n = parse(test, c->imp, imp, imp_entry);

	attach = dma_buf_mapping_attach(exp->dmabuf, imp, n, &fake_dynamic_ops,
					exp);
	KUNIT_EXPECT_STREQ(test, tried, c->tried);

	if (!*c->set) {
		KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
		KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
		return;
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	core = to_core_attachment(attach);
	nr = (strlen(c->set) + 1) / 3;
	KUNIT_EXPECT_EQ(test, core->nr_matches, nr);
	for (i = 0; i < min(nr, core->nr_matches); i++)
		check_match(test, &core->matches[i],
			    &exp->entries[c->set[3 * i] - '0'],
			    &imp[c->set[3 * i + 1] - '0']);
	/* The first is the default */
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attach_map_type(attach),
			    &core->matches[0].result);
	dma_buf_detach(exp->dmabuf, attach);
}

static struct kunit_case order_tests[] = {
	KUNIT_CASE_PARAM(order_test, order_gen_params),
	{}
};

static struct kunit_suite order_suite = {
	.name = "dma_buf_match_order",
	.init = fake_test_init,
	.test_cases = order_tests,
};

kunit_test_suite(order_suite);
