// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exporter and the importer of the dma-buf mapping KUnit suites.
 */
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include <kunit/device.h>

#include <asm/sections.h>

#include "dma-buf-core.h"
#include "mapping-test.h"

/*
 * Without bug tables, a suppressed warning still counts as the one time that
 * WARN_ON_ONCE() fires. Tests expect it to fire every time.
 */
#ifndef MODULE
void fake_rearm_warnings(void)
{
	memset(__start_once, 0, __end_once - __start_once);
}
#else
void fake_rearm_warnings(void)
{
}
#endif

/**
 * fake_test_init - the init function of every suite, or a part of it
 * @test: the test
 *
 * Return: 0.
 */
int fake_test_init(struct kunit *test)
{
	fake_rearm_warnings();
	return 0;
}

static void check_locked(struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	KUNIT_EXPECT_TRUE(exp->test, dma_resv_is_locked(attach->dmabuf->resv));
}

/* The buffer and the importer's data are set when the core calls the exporter */
static void check_complete(struct dma_buf *dmabuf,
			   const struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(dmabuf);

	KUNIT_EXPECT_FALSE(exp->test, dma_resv_is_locked(dmabuf->resv));
	KUNIT_EXPECT_PTR_EQ(exp->test, attach->dmabuf, dmabuf);
	if (attach->importer_ops == &fake_dynamic_ops ||
	    attach->importer_ops == &fake_p2p_ops)
		KUNIT_EXPECT_NOT_NULL(exp->test, attach->importer_priv);
}

static int fake_match_mapping(const struct dma_buf_match_args *args)
{
	struct fake_exporter *exp = to_fake_exporter(args->dmabuf);

	exp->calls.match++;
	check_complete(args->dmabuf, args->attach);
	KUNIT_EXPECT_NULL(exp->test, dma_buf_attach_map_type(args->attach)->type);

	if (exp->on_match)
		return exp->on_match(exp, args);
	return dma_buf_match_mapping(args, exp->entries, exp->nr_entries);
}

static int fake_attach_cb(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(dmabuf);
	int ret;

	exp->calls.attach++;
	check_complete(dmabuf, attach);
	KUNIT_EXPECT_NOT_NULL(exp->test, attach->map_type->type);

	if (!exp->on_attach)
		return 0;
	ret = exp->on_attach(exp, attach);
	/* An attachment that was refused is not detached */
	if (ret)
		exp->calls.detach++;
	return ret;
}

static void fake_detach_cb(struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(dmabuf);

	exp->calls.detach++;
	KUNIT_EXPECT_NOT_NULL(exp->test, attach->map_type->type);
}

static struct sg_table *fake_map(struct dma_buf_attachment *attach,
				 enum dma_data_direction dir)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.map++;
	check_locked(attach);
	KUNIT_EXPECT_NOT_NULL(exp->test, dma_buf_sgt_dma_device(attach));

	if (!IS_ERR_OR_NULL(exp->map_result))
		exp->mapped++;
	return exp->map_result;
}

static void fake_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.unmap++;
	check_locked(attach);
	KUNIT_EXPECT_GT(exp->test, exp->mapped, 0);
	KUNIT_EXPECT_PTR_EQ(exp->test, sgt, &exp->sgt);

	exp->mapped--;
}

const struct dma_buf_mapping_sgt_exp_ops fake_sgt_ops = {
	.map_dma_buf = fake_map,
	.unmap_dma_buf = fake_unmap,
};

static const struct dma_buf_phys_list *
fake_map_phys(struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.map_phys++;
	check_locked(attach);

	if (!IS_ERR_OR_NULL(exp->list))
		exp->mapped++;
	return exp->list;
}

static void fake_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.unmap_phys++;
	check_locked(attach);
	KUNIT_EXPECT_GT(exp->test, exp->mapped, 0);
	KUNIT_EXPECT_FALSE(exp->test, IS_ERR_OR_NULL(list));

	exp->mapped--;
}

const struct dma_buf_mapping_pal_exp_ops fake_pal_ops = {
	.map_phys = fake_map_phys,
	.unmap_phys = fake_unmap_phys,
};

static int fake_pin(struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.pin++;
	check_locked(attach);

	if (!exp->pin_result)
		exp->pinned++;
	return exp->pin_result;
}

static void fake_unpin(struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.unpin++;
	check_locked(attach);
	KUNIT_EXPECT_GT(exp->test, exp->pinned, 0);

	exp->pinned--;
}

static void fake_release(struct dma_buf *dmabuf)
{
	to_fake_exporter(dmabuf)->calls.release++;
}

static const struct dma_buf_ops fake_ops[] = {
	[FAKE_SIMPLE] = {
		.attach = fake_attach_cb,
		.detach = fake_detach_cb,
		DMA_BUF_SIMPLE_SGT_EXP_MATCH(fake_map, fake_unmap),
		.release = fake_release,
	},
	[FAKE_MATCH] = {
		.attach = fake_attach_cb,
		.detach = fake_detach_cb,
		.match_mapping = fake_match_mapping,
		.release = fake_release,
	},
};

/* A work item of the file layer drops the last reference of the buffer */
static void put_buffer(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

static void unexport(void *data)
{
	struct fake_exporter *exp = data;
	struct dma_buf_attachment *attach, *next;

	KUNIT_EXPECT_EQ(exp->test, exp->mapped, 0);
	KUNIT_EXPECT_EQ(exp->test, exp->pinned, 0);
	KUNIT_EXPECT_EQ(exp->test, exp->calls.attach, exp->calls.detach);
	KUNIT_EXPECT_TRUE(exp->test, list_empty(&exp->dmabuf->attachments));

	/* A test that failed has not detached its importers */
	list_for_each_entry_safe(attach, next, &exp->dmabuf->attachments, node)
		dma_buf_detach(exp->dmabuf, attach);

	put_buffer(exp->dmabuf);
	KUNIT_EXPECT_EQ(exp->test, exp->calls.release, 1);
}

static void free_table(void *sgt)
{
	sg_free_table(sgt);
}

/* The core copies the addresses, and does not access the memory there */
static void fill_table(struct fake_exporter *exp)
{
	struct sg_table *sgt = &exp->sgt;

	KUNIT_ASSERT_EQ(exp->test, sg_alloc_table(sgt, 2, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(exp->test,
			kunit_add_action_or_reset(exp->test, free_table, sgt),
			0);

	sg_set_page(sgt->sgl, ZERO_PAGE(0), PAGE_SIZE, 0);
	sg_dma_address(sgt->sgl) = SZ_1G;
	sg_dma_len(sgt->sgl) = PAGE_SIZE;

	sg_set_page(sg_next(sgt->sgl), ZERO_PAGE(0), 3 * PAGE_SIZE, 0);
	sg_dma_address(sg_next(sgt->sgl)) = SZ_2G;
	sg_dma_len(sg_next(sgt->sgl)) = 3 * PAGE_SIZE;
}

/**
 * fake_exporter - make an exporter that has not exported anything yet
 * @test: the test
 * @flavour: the way in which it declares its offers
 *
 * Return: The exporter.
 */
struct fake_exporter *fake_exporter(struct kunit *test,
				    enum fake_flavour flavour)
{
	struct fake_exporter *exp;

	exp = kunit_kzalloc(test, sizeof(*exp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exp);

	exp->test = test;
	exp->ops = fake_ops[flavour];
	fill_table(exp);
	exp->map_result = &exp->sgt;
	return exp;
}

/**
 * fake_export - export the buffer
 * @exp: the exporter
 * @size: size of the buffer in bytes
 */
void fake_export(struct fake_exporter *exp, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &exp->ops;
	info.size = size;
	info.priv = exp;
	info.exp_name = "fake";
	exp->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(exp->test, IS_ERR(exp->dmabuf));
	KUNIT_ASSERT_EQ(exp->test,
			kunit_add_action_or_reset(exp->test, unexport, exp), 0);
}

/**
 * fake_offer - add an entry to what the exporter offers
 * @exp: the exporter
 * @entry: the entry
 */
void fake_offer(struct fake_exporter *exp, struct dma_buf_mapping_match entry)
{
	KUNIT_ASSERT_LT(exp->test, exp->nr_entries, FAKE_ENTRIES);
	exp->entries[exp->nr_entries++] = entry;
}

/**
 * fake_allow_pin - let the exporter have pin and unpin
 * @exp: the exporter
 */
void fake_allow_pin(struct fake_exporter *exp)
{
	exp->ops.pin = fake_pin;
	exp->ops.unpin = fake_unpin;
}

static int fake_select(struct dma_buf_attachment *attach,
		       const struct dma_buf_match *matches,
		       unsigned int nr_matches)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.select++;
	check_locked(attach);
	if (exp->on_select)
		return exp->on_select(exp, attach, matches, nr_matches);
	return exp->selected;
}

/**
 * fake_let_select - let the exporter have select_mapping
 * @exp: the exporter
 */
void fake_let_select(struct fake_exporter *exp)
{
	exp->ops.select_mapping = fake_select;
}

/**
 * fake_sgt_exporter - export a buffer as plain SGT
 * @test: the test
 * @flavour: the way in which the exporter declares that
 *
 * Return: The exporter.
 */
struct fake_exporter *fake_sgt_exporter(struct kunit *test,
					enum fake_flavour flavour)
{
	struct fake_exporter *exp = fake_exporter(test, flavour);

	if (flavour == FAKE_MATCH)
		fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	fake_export(exp, FAKE_SIZE);
	return exp;
}

/**
 * fake_pal_exporter - export a buffer of two memory ranges as PAL
 * @test: the test
 *
 * Return: The exporter.
 */
struct fake_exporter *fake_pal_exporter(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_offer(exp, DMA_BUF_EMAPPING_PAL(&fake_pal_ops));
	exp->list = fake_default_list(test);
	fake_export(exp, FAKE_SIZE);
	return exp;
}

static void free_list(void *list)
{
	kvfree(list);
}

/**
 * fake_list - allocate a list of empty MMIO ranges
 * @test: the test
 * @length: number of ranges
 *
 * Return: The list.
 */
struct dma_buf_phys_list *fake_list(struct kunit *test, size_t length)
{
	struct dma_buf_phys_list *list;

	list = dma_buf_phys_list_alloc(length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_list, list),
			0);
	return list;
}

/**
 * fake_kinds - make all ranges of a list of one kind
 * @test: the test
 * @list: the list
 * @kind: the kind
 *
 * Return: The array of kinds.
 */
const u8 *fake_kinds(struct kunit *test, struct dma_buf_phys_list *list,
		     enum dma_buf_phys_kind kind)
{
	u8 *kinds = kunit_kzalloc(test, list->length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, kinds);
	memset(kinds, kind, list->length);
	list->kinds = kinds;
	return kinds;
}

/**
 * fake_default_list - a list of two memory ranges of %FAKE_SIZE in total
 * @test: the test
 *
 * Return: The list.
 */
struct dma_buf_phys_list *fake_default_list(struct kunit *test)
{
	struct dma_buf_phys_list *list = fake_list(test, 2);

	list->phys[0] = (struct phys_vec){ SZ_2G, PAGE_SIZE };
	list->phys[1] = (struct phys_vec){ SZ_1G, 3 * PAGE_SIZE };
	fake_kinds(test, list, DMA_BUF_PHYS_MEMORY);
	return list;
}

static void fake_invalidate(struct dma_buf_attachment *attach)
{
	struct fake_importer *imp = attach->importer_priv;

	imp->invalidated++;
	KUNIT_EXPECT_PTR_EQ(imp->test, attach, imp->attach);

	if (imp->sgt)
		dma_buf_sgt_unmap_attachment(attach, imp->sgt,
					     DMA_BIDIRECTIONAL);
	if (imp->list)
		dma_buf_pal_unmap_phys(attach, imp->list);
	imp->sgt = NULL;
	imp->list = NULL;
}

const struct dma_buf_attach_ops fake_dynamic_ops = {
	.invalidate_mappings = fake_invalidate,
};

const struct dma_buf_attach_ops fake_p2p_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = fake_invalidate,
};

/* Dynamic in form only: it has no invalidate_mappings */
const struct dma_buf_attach_ops fake_pinned_ops = {
	.allow_peer2peer = true,
};

/**
 * fake_device - register a device that can reach all of memory, and is coherent
 * @test: the test
 * @name: its name, after that of the test
 *
 * Return: The device.
 */
struct device *fake_device(struct kunit *test, const char *name)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	/* As firmware declares for some devices, and x86 for all */
	dev_set_dma_coherent(dev);
	return dev;
}

static void hold(struct work_struct *work)
{
	struct fake_holder *holder = container_of(work, struct fake_holder, work);

	dma_resv_lock(holder->dmabuf->resv, NULL);
	complete(&holder->held);
	wait_for_completion(&holder->enough);
	dma_resv_unlock(holder->dmabuf->resv);
}

/**
 * fake_hold - let another task hold the reservation lock
 * @holder: the other task, on the stack
 * @dmabuf: the buffer
 */
void fake_hold(struct fake_holder *holder, struct dma_buf *dmabuf)
{
	holder->dmabuf = dmabuf;
	init_completion(&holder->held);
	init_completion(&holder->enough);
	INIT_WORK_ONSTACK(&holder->work, hold);
	schedule_work(&holder->work);
	wait_for_completion(&holder->held);
}

/**
 * fake_let_go - end of fake_hold()
 * @holder: the other task
 */
void fake_let_go(struct fake_holder *holder)
{
	complete(&holder->enough);
	flush_work(&holder->work);
	destroy_work_on_stack(&holder->work);
}

/**
 * fake_kill - kill the task that runs the test, without an effect on it
 */
void fake_kill(void)
{
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
}

/**
 * fake_kill_end - end of fake_kill()
 */
void fake_kill_end(void)
{
	disallow_signal(SIGKILL);
	flush_signals(current);
}

/**
 * fake_attach - attach a dynamic importer that asks for one type
 * @exp: the exporter
 * @entry: the importer's entry
 *
 * Return: The result of dma_buf_mapping_attach().
 */
struct dma_buf_attachment *fake_attach(struct fake_exporter *exp,
				       struct dma_buf_mapping_match entry)
{
	/* Nothing invalidates it, so that any pointer will do */
	return dma_buf_mapping_attach(exp->dmabuf, &entry, 1, &fake_dynamic_ops,
				      exp);
}

/**
 * fake_map_phys_unlocked - dma_buf_pal_map_phys() with the lock
 * @attach: the attachment
 *
 * Return: The result of dma_buf_pal_map_phys().
 */
const struct dma_buf_phys_list *
fake_map_phys_unlocked(struct dma_buf_attachment *attach)
{
	const struct dma_buf_phys_list *list;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	list = dma_buf_pal_map_phys(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	return list;
}

/**
 * fake_unmap_phys_unlocked - dma_buf_pal_unmap_phys() with the lock
 * @attach: the attachment
 * @list: the list
 */
void fake_unmap_phys_unlocked(struct dma_buf_attachment *attach,
			      const struct dma_buf_phys_list *list)
{
	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_pal_unmap_phys(attach, list);
	dma_resv_unlock(attach->dmabuf->resv);
}

MODULE_DESCRIPTION("KUnit tests of dma-buf mapping types");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
